import { X509Certificate } from "node:crypto";
import type { TlsTrust } from "@iot-esim/shared/transport/http/client";
import { EsipaLinkError } from "./errors.ts";
import type { EsipaTarget } from "./http-link.ts";

/**
 * What the server of an eIM must show: what the card's configuration of the eIM says, else a certificate of the configured
 * CAs (PEM) for its FQDN.
 * @throws EsipaLinkError IPA_EIM_TRUST_MISSING
 */
export function eimTrust(target: EsipaTarget, fallbackCa: readonly string[]): TlsTrust {
	const { trustedTlsKey } = target;
	if (trustedTlsKey !== undefined) {
		return "publicKey" in trustedTlsKey
			? { kind: "pinned", spki: trustedTlsKey.publicKey }
			: { kind: "pinned-certificate", der: trustedTlsKey.certificate };
	}
	if (fallbackCa.length > 0) return { kind: "ca", certificates: fallbackCa };
	throw new EsipaLinkError(
		"IPA_EIM_TRUST_MISSING",
		`the card's configuration of eIM "${target.eimId}" has no trustedPublicKeyDataTls, and no CA file is configured`,
	);
}

/**
 * The same where the server shows its key alone (RFC 7250): the one that the card pins, by itself or in a certificate.
 * @throws EsipaLinkError IPA_EIM_TRUST_MISSING
 */
export function eimKeyTrust({ eimId, trustedTlsKey }: EsipaTarget): TlsTrust {
	if (trustedTlsKey === undefined) {
		throw new EsipaLinkError(
			"IPA_EIM_TRUST_MISSING",
			`the card's configuration of eIM "${eimId}" has no trustedPublicKeyDataTls: a raw public key can only be pinned`,
		);
	}
	if ("publicKey" in trustedTlsKey) return { kind: "pinned", spki: trustedTlsKey.publicKey };
	const { publicKey } = new X509Certificate(trustedTlsKey.certificate);
	return { kind: "pinned", spki: new Uint8Array(publicKey.export({ format: "der", type: "spki" })) };
}
