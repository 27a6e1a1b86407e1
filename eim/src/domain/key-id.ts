import { createHash } from "node:crypto";
import { toHex } from "@iot-esim/shared/util/bytes";

const OCTETS = 8;

/**
 * A short name for a key (its SubjectPublicKeyInfo) or a certificate, in DER: the first octets of its SHA-256, hex. Names
 * our own few keys; it protects nothing.
 */
export function keyIdOf(der: Uint8Array): string {
	return toHex(createHash("sha256").update(der).digest().subarray(0, OCTETS));
}
