import { StoreError } from "../errors.ts";
import type { Page } from "../store.ts";

/** A cursor is the key of the last row given, wrapped so that nobody builds one by hand. */
export function encodeCursor(key: string | number): string {
	return Buffer.from(JSON.stringify(key)).toString("base64url");
}

/** @throws StoreError STORE_CURSOR_INVALID */
export function decodeCursor<T extends "string" | "number">(
	cursor: string,
	type: T,
): T extends "string" ? string : number {
	try {
		const key: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
		if (typeof key === type) return key as T extends "string" ? string : number;
	} catch {
		// Falls through to the one error that a caller can do something about.
	}
	throw new StoreError("STORE_CURSOR_INVALID", "cursor: not one that this list has given out");
}

/** A page out of up to `limit + 1` rows. */
export function pageOf<Row, T>(
	rows: readonly Row[],
	limit: number,
	toValue: (row: Row) => T,
	keyOf: (row: Row) => string | number,
): Page<T> {
	const kept = rows.slice(0, limit);
	const last = kept.at(-1);
	return {
		items: kept.map(toValue),
		...(rows.length > limit && last !== undefined ? { next: encodeCursor(keyOf(last)) } : {}),
	};
}
