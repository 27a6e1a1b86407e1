import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { EimConfig } from "../config.ts";
import { API_KEY_RANDOM, makeApiKey } from "../domain/api-key.ts";
import { openConfiguredStore } from "./offline-store.ts";

/** Makes an API key without the server, for whoever has lost the last one; a running server takes it at once. */
export async function createApiKeyOffline(
	config: EimConfig,
	given: { readonly name: string; readonly at: number; readonly random: RandomSource },
): Promise<string> {
	const store = await openConfiguredStore(config);
	try {
		const { name, at, random } = given;
		const { secret, key } = makeApiKey({ name, readOnly: false, at }, random.bytes(API_KEY_RANDOM));
		await store.saveApiKey(key, { at, actor: "cli", action: "apiKey.made", subject: key.id, facts: { name } });
		return secret;
	} finally {
		await store.close();
	}
}
