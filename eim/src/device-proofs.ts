/** How devices prove themselves in DTLS where they have to. */

import type { ServerIdentity } from "@iot-esim/shared/transport/http/server";
import type { DtlsServerOptions } from "@iot-esim/shared/transport/native/dtls/options";
import type { EimConfig } from "./config.ts";
import { EimError } from "./errors.ts";
import { givenCertificates } from "./given-files.ts";
import type { PskFile } from "./psk-file.ts";
import type { RawKeyFile } from "./raw-key-file.ts";

export type DeviceProofs = Pick<DtlsServerOptions, "identity" | "trust" | "keyOf" | "rawPublicKeys">;

/**
 * By a key of `coap.pskFile` or a certificate of the CA that a setting names; who has neither is refused.
 * @param port the setting of the listener, for the message
 * @throws EimError EIM_FILE_UNREADABLE, EIM_FILES_UNPAIRED
 */
export function deviceProofs(
	config: EimConfig,
	port: "coap.provenPort" | "lwm2m.port",
	clientCa: "coap.clientCa" | "lwm2m.clientCa",
	{ identity, keys }: { readonly identity: ServerIdentity; readonly keys: PskFile | undefined },
): DeviceProofs {
	const byKey = keyProof(keys);
	const file = config[clientCa];
	if (file !== undefined) {
		return { ...byKey, identity, trust: { kind: "ca", certificates: givenCertificates(clientCa, file) } };
	}
	if (byKey.keyOf === undefined) {
		throw new EimError(
			"EIM_FILES_UNPAIRED",
			`${port}: neither coap.pskFile nor ${clientCa} is configured, so no device could prove itself`,
		);
	}
	// Without a CA there is nobody to show the certificate to: every device has a key.
	return { ...byKey, trust: { kind: "none" } };
}

/** By raw public keys: of the eIM, and of devices where they are known. */
export function rawKeyProofs(identity: ServerIdentity, rawKeys: RawKeyFile | undefined): DeviceProofs {
	return {
		identity,
		rawPublicKeys: true,
		trust:
			rawKeys === undefined
				? { kind: "none" }
				: { kind: "asked", isTrusted: ({ publicKey }) => publicKey !== undefined && rawKeys.knows(publicKey) },
	};
}

export function keyProof(keys: PskFile | undefined): Pick<DeviceProofs, "keyOf"> {
	return keys === undefined ? {} : { keyOf: (device) => keys.keyOf(device) };
}
