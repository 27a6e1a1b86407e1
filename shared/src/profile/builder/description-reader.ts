import { fromHex } from "../../util/bytes.ts";
import { ProfileError } from "../errors.ts";

/** Reads the entries of one mapping of a description; every complaint names the entry by its path. */
export class DescriptionReader {
	readonly #entries: Readonly<Record<string, unknown>>;
	readonly #path: string;
	readonly #asked = new Set<string>();

	/** @throws ProfileError PROFILE_DESCRIPTION_INVALID when `value` is no mapping */
	constructor(value: unknown, path = "") {
		if (typeof value !== "object" || value === null || Array.isArray(value)) {
			throw complaint(path || "the description", "must be a mapping of names to values");
		}
		this.#entries = value as Record<string, unknown>;
		this.#path = path;
	}

	pathOf(key: string): string {
		return this.#path === "" ? key : `${this.#path}.${key}`;
	}

	fail(key: string, reason: string): ProfileError {
		return complaint(this.pathOf(key), reason);
	}

	/** The raw value; null counts as absent, as an empty YAML entry is null. */
	value(key: string): unknown {
		this.#asked.add(key);
		return this.#entries[key] ?? undefined;
	}

	has(key: string): boolean {
		return this.value(key) !== undefined;
	}

	/** Digits lose leading zeros and precision as YAML numbers, so they must be quoted. */
	optionalDigits(key: string, min: number, max: number): string | undefined {
		const value = this.value(key);
		if (value === undefined) return undefined;
		const size = min === max ? `${min}` : `${min} to ${max}`;
		if (typeof value !== "string") throw this.fail(key, `must be ${size} digits in quotes, not ${shown(value)}`);
		if (!/^\d+$/.test(value) || value.length < min || value.length > max) {
			throw this.fail(key, `must have ${size} digits, not ${shown(value)}`);
		}
		return value;
	}

	digits(key: string, min: number, max: number): string {
		return this.#required(key, this.optionalDigits(key, min, max));
	}

	optionalText(key: string, min: number, max: number): string | undefined {
		const value = this.value(key);
		if (value === undefined) return undefined;
		if (typeof value !== "string") throw this.fail(key, `must be a text, not ${shown(value)}`);
		if (value.length < min || value.length > max) {
			throw this.fail(key, `must have ${min} to ${max} characters, not ${value.length}`);
		}
		return value;
	}

	optionalHex(key: string, ...lengths: number[]): Uint8Array | undefined {
		const value = this.value(key);
		if (value === undefined) return undefined;
		if (typeof value !== "string" || !/^([0-9a-fA-F]{2}\s*)+$/.test(value)) {
			throw this.fail(key, "must be hex in quotes");
		}
		const octets = fromHex(value);
		if (lengths.length > 0 && !lengths.includes(octets.length)) {
			throw this.fail(key, `must have ${lengths.join(" or ")} octets, not ${octets.length}`);
		}
		return octets;
	}

	hex(key: string, ...lengths: number[]): Uint8Array {
		return this.#required(key, this.optionalHex(key, ...lengths));
	}

	integer(key: string, min: number, max: number, fallback: number): number {
		const value = this.value(key) ?? fallback;
		if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
			throw this.fail(key, `must be a whole number from ${min} to ${max}, not ${shown(value)}`);
		}
		return value;
	}

	flag(key: string, fallback: boolean): boolean {
		const value = this.value(key) ?? fallback;
		if (typeof value !== "boolean") throw this.fail(key, `must be true or false, not ${shown(value)}`);
		return value;
	}

	oneOf<const T extends string>(key: string, allowed: readonly T[], fallback?: T): T {
		const value = this.#required(key, this.value(key) ?? fallback);
		if (!allowed.includes(value as T))
			throw this.fail(key, `must be one of ${allowed.join(", ")}, not ${shown(value)}`);
		return value as T;
	}

	/** Entries of a list, each read by `read`; an absent list is empty. */
	list<T>(key: string, read: (value: unknown, path: string) => T): T[] {
		const value = this.value(key) ?? [];
		if (!Array.isArray(value)) throw this.fail(key, `must be a list, not ${shown(value)}`);
		return value.map((entry, i) => read(entry, `${this.pathOf(key)}[${i}]`));
	}

	/** Refuses entries that nobody asked for. */
	finish(): void {
		for (const key of Object.keys(this.#entries)) {
			if (!this.#asked.has(key)) {
				throw this.fail(key, `is not an entry; known are ${[...this.#asked].sort().join(", ")}`);
			}
		}
	}

	#required<T>(key: string, value: T | undefined): T {
		if (value === undefined) throw this.fail(key, "is missing");
		return value;
	}
}

export function complaint(path: string, reason: string): ProfileError {
	return new ProfileError("PROFILE_DESCRIPTION_INVALID", `${path}: ${reason}`, { context: { path } });
}

/** A value for a message; long texts, which may be keys, are not shown whole. */
export function shown(value: unknown): string {
	const text = JSON.stringify(value) ?? String(value);
	return text.length > 24 ? `${text.slice(0, 8)}…` : text;
}
