import { createHash } from "node:crypto";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { toHex } from "@iot-esim/shared/util/bytes";
import type { ApiKey } from "../domain/api-key.ts";

/** A new key and what is stored of it; the key itself is shown once and then gone. `secret` is made when absent. */
export function makeApiKey(
	given: { name: string; readOnly: boolean; at: number; secret?: string | undefined },
	random: RandomSource,
): { readonly secret: string; readonly key: ApiKey } {
	const secret = given.secret ?? `eim_${Buffer.from(random.bytes(32)).toString("base64url")}`;
	const id = toHex(random.bytes(8)).toLowerCase();
	const key = { id, name: given.name, readOnly: given.readOnly, hash: hashOf(secret), createdAt: given.at };
	return { secret, key };
}

/** 256 random bits need no slow hash: nobody can try them all. */
export function hashOf(secret: string): string {
	return createHash("sha256").update(secret).digest("hex");
}
