import { createHash } from "node:crypto";
import { toHex } from "@iot-esim/shared/util/bytes";

/** Leave to use the API. The key itself is shown once and never stored. */
export interface ApiKey {
	readonly id: string;
	readonly name: string;
	/** Reads only: every changing method is refused. */
	readonly readOnly: boolean;
	/** SHA-256 of the key, hex. */
	readonly hash: string;
	readonly createdAt: number;
	readonly lastUsedAt?: number;
	readonly revokedAt?: number;
}

/** How many random octets `makeApiKey` takes. */
export const API_KEY_RANDOM = 40;

/**
 * A new key and what is stored of it; the key itself is shown once and then gone.
 * @param random API_KEY_RANDOM unpredictable octets
 * @param given.secret the key, when it shall not be made
 */
export function makeApiKey(
	given: { name: string; readOnly: boolean; at: number; secret?: string | undefined },
	random: Uint8Array,
): { readonly secret: string; readonly key: ApiKey } {
	if (random.length !== API_KEY_RANDOM) throw new RangeError(`an API key takes ${API_KEY_RANDOM} random octets`);
	const secret = given.secret ?? `eim_${Buffer.from(random.subarray(8)).toString("base64url")}`;
	const id = toHex(random.subarray(0, 8)).toLowerCase();
	const key = { id, name: given.name, readOnly: given.readOnly, hash: hashOfApiKey(secret), createdAt: given.at };
	return { secret, key };
}

/** 256 random bits need no slow hash: nobody can try them all. */
export function hashOfApiKey(secret: string): string {
	return createHash("sha256").update(secret).digest("hex");
}
