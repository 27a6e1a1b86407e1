import { fromHex, toHex } from "@iot-esim/shared/util/bytes";
import type { Nvm } from "./nvm.ts";

/**
 * Values of the card's own records as JSON, with octets as `{"$": "hex"}`. What is signed or relayed is stored as the
 * octets themselves, never in this form.
 */
export function encodeJson(value: unknown): Uint8Array {
	const text = JSON.stringify(value, (_key, item: unknown) => (item instanceof Uint8Array ? { $: toHex(item) } : item));
	return new TextEncoder().encode(text);
}

/** The value of `encodeJson`. The caller names the type that it once stored under this key. */
export function decodeJson<T>(bytes: Uint8Array): T {
	return JSON.parse(new TextDecoder().decode(bytes), (_key, item: unknown) =>
		isHexBox(item) ? fromHex(item.$) : item,
	) as T;
}

/** The record under `key`, undefined when there is none. */
export function readRecord<T>(nvm: Nvm, key: string): T | undefined {
	const bytes = nvm.get(key);
	return bytes === undefined ? undefined : decodeJson<T>(bytes);
}

/** Stores a record; undefined removes it. */
export function writeRecord<T>(nvm: Nvm, key: string, value: T | undefined): void {
	if (value === undefined) nvm.delete(key);
	else nvm.put(key, encodeJson(value));
}

function isHexBox(item: unknown): item is { $: string } {
	return typeof item === "object" && item !== null && typeof (item as { $?: unknown }).$ === "string";
}
