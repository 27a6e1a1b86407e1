import { createPrivateKey, type KeyObject } from "node:crypto";
import { curveOf } from "../crypto/curve.ts";
import { fromBase64, toBase64 } from "../util/bytes.ts";
import { PkiError } from "./errors.ts";

/** PEM of one DER value: `encodePem("CERTIFICATE", der)`. */
export function encodePem(label: string, der: Uint8Array): string {
	const lines = toBase64(der).match(/.{1,64}/g) ?? [];
	return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** DER of every PEM block with `label` in `text`, in order; text around the blocks is passed over. */
export function decodePem(label: string, text: string): Uint8Array[] {
	const block = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*)-----END ${label}-----`, "g");
	return [...text.matchAll(block)].map((match) => fromBase64(match[1] ?? ""));
}

export function certificateToPem(der: Uint8Array): string {
	return encodePem("CERTIFICATE", der);
}

/**
 * Certificates of a file that holds DER or any number of PEM blocks.
 * @throws PkiError PKI_PEM_INVALID when it holds neither
 */
export function certificatesOfFile(contents: Uint8Array): Uint8Array[] {
	if (contents[0] === 0x30) return [contents];
	const certificates = decodePem("CERTIFICATE", new TextDecoder().decode(contents));
	if (certificates.length === 0) throw new PkiError("PKI_PEM_INVALID", "the file holds no certificate (DER or PEM)");
	return certificates;
}

/** PKCS#8, unencrypted. */
export function privateKeyToPem(privateKey: KeyObject): string {
	return privateKey.export({ format: "pem", type: "pkcs8" }) as string;
}

/**
 * A private key of PKCS#8 or SEC 1, in PEM or DER; other PEM blocks before it (EC PARAMETERS) are passed over.
 * @throws PkiError PKI_PEM_INVALID
 */
export function privateKeyOf(contents: string | Uint8Array): KeyObject {
	try {
		const key = readPrivateKey(contents);
		curveOf(key);
		return key;
	} catch (error) {
		if (error instanceof PkiError) throw error;
		const reason = error instanceof Error ? error.message : String(error);
		throw new PkiError("PKI_PEM_INVALID", `not a private key for RSP: ${reason}`, { cause: error });
	}
}

function readPrivateKey(contents: string | Uint8Array): KeyObject {
	if (typeof contents !== "string" && contents[0] === 0x30) {
		return createPrivateKey({ key: Buffer.from(contents), format: "der", type: "pkcs8" });
	}
	const text = typeof contents === "string" ? contents : new TextDecoder().decode(contents);
	for (const label of ["PRIVATE KEY", "EC PRIVATE KEY"]) {
		const [der] = decodePem(label, text);
		if (der !== undefined) return createPrivateKey(encodePem(label, der));
	}
	throw new PkiError("PKI_PEM_INVALID", "the text holds no unencrypted private key (BEGIN PRIVATE KEY)");
}
