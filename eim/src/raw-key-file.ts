import { createPublicKey } from "node:crypto";
import type { Eid } from "@iot-esim/shared/ids/eid";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { toBase64 } from "@iot-esim/shared/util/bytes";
import { eidInName, hasMistypedEid } from "./bindings/lwm2m/endpoint-identity.ts";
import { EimError } from "./errors.ts";
import { WatchedFile } from "./watched-file.ts";

/**
 * Raw public keys of devices (RFC 7250): a file of lines `identity:key`, the key a SubjectPublicKeyInfo in base64; empty lines
 * and lines that begin with # are left out. A changed file is read again when a device comes.
 */
export class RawKeyFile {
	/** Identities by their keys. */
	readonly #identities: WatchedFile<ReadonlyMap<string, string>>;

	/** @throws EimError EIM_FILE_UNREADABLE, EIM_KEYS_INVALID */
	constructor(file: string, log: Logger) {
		this.#identities = new WatchedFile({
			setting: "coap.rawKeyFile",
			file,
			parse: (text) => identitiesIn(file, text),
			what: "raw public keys of devices",
			log,
		});
	}

	knows(publicKey: Uint8Array): boolean {
		return this.#identities.current().has(toBase64(publicKey));
	}

	/** The device that has this key, where its identity says one. */
	eidOf(publicKey: Uint8Array): Eid | undefined {
		const identity = this.#identities.current().get(toBase64(publicKey));
		return identity === undefined ? undefined : eidInName(identity);
	}
}

function identitiesIn(file: string, text: string): ReadonlyMap<string, string> {
	const identities = new Map<string, string>();
	for (const [index, line] of text.split("\n").entries()) {
		if (/^\s*(#|$)/.test(line)) continue;
		const [, identity, written] = /^\s*(\S+?)\s*:\s*([A-Za-z0-9+/]+={0,2})\s*$/.exec(line) ?? [];
		const key = written === undefined ? undefined : plainKey(written);
		const place = `coap.rawKeyFile ${file}, line ${index + 1}`;
		if (identity === undefined || key === undefined) {
			throw invalid(`${place}: not an identity, a colon and a public key (SubjectPublicKeyInfo of P-256) in base64`);
		}
		if (hasMistypedEid(identity)) throw invalid(`${place}: ${identity} is no EID: its check digits are wrong`);
		const other = identities.get(key);
		if (other !== undefined && other !== identity) throw invalid(`${place}: ${other} has the same key`);
		identities.set(key, identity);
	}
	return identities;
}

/** As a handshake shows it, whatever form of it was written down. */
function plainKey(base64: string): string | undefined {
	try {
		const key = createPublicKey({ key: Buffer.from(base64, "base64"), format: "der", type: "spki" });
		return key.asymmetricKeyType === "ec" ? toBase64(key.export({ format: "der", type: "spki" })) : undefined;
	} catch {
		return undefined;
	}
}

function invalid(message: string): EimError {
	return new EimError("EIM_KEYS_INVALID", message);
}
