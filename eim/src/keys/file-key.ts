import { createPublicKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { curveOf } from "@iot-esim/shared/crypto/curve";
import { signRaw } from "@iot-esim/shared/crypto/ecdsa";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { certificatesOfFile, privateKeyOf } from "@iot-esim/shared/pki/pem";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import type { EimSigner } from "./eim-signer.ts";
import { KeyError } from "./errors.ts";

/**
 * A signing key that is read once from a PKCS#8 file.
 * @throws KeyError KEYS_FILE_UNREADABLE, KEYS_INVALID, KEYS_MISMATCH
 */
export async function loadFileKey(files: {
	readonly keyFile: string;
	readonly certificateFile?: string | undefined;
}): Promise<EimSigner> {
	const key = await contentsOf(files.keyFile);
	const certificate = files.certificateFile === undefined ? undefined : await contentsOf(files.certificateFile);
	try {
		return memoryKey(privateKeyOf(key), certificate && certificatesOfFile(certificate)[0]);
	} catch (cause) {
		if (cause instanceof KeyError) throw cause;
		const why = cause instanceof Error ? cause.message : String(cause);
		throw new KeyError("KEYS_INVALID", `signing key ${files.keyFile}: ${why}`, { cause });
	}
}

/**
 * A signing key that is already at hand.
 * @throws KeyError KEYS_MISMATCH when the certificate is not of this key; PkiError, CryptoError for unusable ones
 */
export function memoryKey(privateKey: KeyObject, certificate?: Uint8Array): EimSigner {
	const curve = curveOf(privateKey);
	const publicKey = new Uint8Array(createPublicKey(privateKey).export({ format: "der", type: "spki" }));
	if (certificate !== undefined && !equalBytes(parseCertificate(certificate).spkiDer, publicKey)) {
		throw new KeyError("KEYS_MISMATCH", "the signing certificate of the eIM does not belong to its signing key");
	}
	return {
		curve,
		publicKey,
		...(certificate === undefined ? {} : { certificate }),
		sign: (octets) => signRaw(privateKey, octets),
	};
}

async function contentsOf(file: string): Promise<Uint8Array> {
	try {
		return new Uint8Array(await readFile(file));
	} catch (cause) {
		const why = cause instanceof Error ? cause.message : String(cause);
		throw new KeyError("KEYS_FILE_UNREADABLE", `${file} cannot be read: ${why}`, { cause });
	}
}
