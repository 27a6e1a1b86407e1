import { createHash, createHmac } from "node:crypto";
import { concatBytes, equalBytes, utf8 } from "../../../util/bytes.ts";

/** The pre-shared key by which a session was made. */
export interface SessionKey {
	readonly identity: string;
	/** SHA-256 of the key. */
	readonly digest: Uint8Array;
}

const BY_CERTIFICATE = 0;
const BY_KEY = 1;
const PROOF_SIZE = 32;

export function digestOf(key: Uint8Array): Uint8Array {
	return createHash("sha256").update(key).digest();
}

/**
 * A session as it is kept for resumption: OpenSSL's DER and by which pre-shared key it was made, if by one. The key cannot be
 * found out of it sooner than out of the handshake.
 */
export function packSession(session: Uint8Array, key: SessionKey | undefined): Uint8Array {
	if (key === undefined) return concatBytes(Uint8Array.of(BY_CERTIFICATE), session);
	const identity = utf8(key.identity);
	const head = Uint8Array.of(BY_KEY, identity.length >> 8, identity.length & 0xff);
	return concatBytes(head, identity, proof(session, key.digest), session);
}

/**
 * OpenSSL's DER of a kept session; undefined when it was made with a key that is no longer that of its identity, or cannot
 * be read.
 */
export function unpackSession(
	kept: Uint8Array,
	keyOf: ((identity: string) => Uint8Array | undefined) | undefined,
): Uint8Array | undefined {
	if (kept[0] === BY_CERTIFICATE) return kept.subarray(1);
	if (kept[0] !== BY_KEY || kept.length < 3) return undefined;
	const proofAt = 3 + (((kept[1] as number) << 8) | (kept[2] as number));
	const identity = new TextDecoder().decode(kept.subarray(3, proofAt));
	const session = kept.subarray(proofAt + PROOF_SIZE);
	const key = keyOf?.(identity);
	if (key === undefined) return undefined;
	return equalBytes(kept.subarray(proofAt, proofAt + PROOF_SIZE), proof(session, digestOf(key))) ? session : undefined;
}

function proof(session: Uint8Array, digest: Uint8Array): Uint8Array {
	return createHmac("sha256", digest).update(session).digest();
}
