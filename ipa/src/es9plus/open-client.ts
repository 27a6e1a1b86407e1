import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { toHex } from "@iot-esim/shared/util/bytes";
import { asn1Binding } from "./asn1-binding.ts";
import { Es9PlusClient } from "./es9plus-client.ts";
import { type Es9PlusHttpOptions, es9PlusHttpClient, poster } from "./http.ts";
import { jsonBinding } from "./json-binding.ts";

export interface Es9PlusOptions extends Es9PlusHttpOptions {
	/** How messages are written; servers take at least JSON. */
	readonly encoding: "json" | "asn1";
	/** Names this device in the header of JSON messages. */
	readonly requester: string;
	readonly random: RandomSource;
}

/** ES9+ and ES11 of a device over HTTPS, towards any number of servers under the CIs it trusts. */
export function openEs9PlusClient(options: Es9PlusOptions): Es9PlusClient {
	const client = es9PlusHttpClient(options);
	const post = poster(client);
	const close = () => client.close();
	if (options.encoding === "asn1") return new Es9PlusClient(asn1Binding(post, close));
	const newCallId = () => toHex(options.random.bytes(8));
	return new Es9PlusClient(jsonBinding({ post, requester: options.requester, newCallId }, close));
}
