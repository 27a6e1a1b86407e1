/** A tag as written in a module: `[81]`, `[APPLICATION 55]`, `[PRIVATE 3]`. */
export interface Tag {
	readonly class: "context" | "application" | "private";
	readonly number: number;
}

export const context = (number: number): Tag => ({ class: "context", number });
export const application = (number: number): Tag => ({ class: "application", number });
export const privateTag = (number: number): Tag => ({ class: "private", number });

const CLASS_BITS = { application: 0x40, context: 0x80, private: 0xc0 } as const;

/** The identifier octets of a tag as one number: [81] constructed is 0xBF51. Numbers up to 2,097,151 fit. */
export function identifierOf(tag: Tag, constructed: boolean): number {
	const first = CLASS_BITS[tag.class] | (constructed ? 0x20 : 0);
	if (!Number.isInteger(tag.number) || tag.number < 0 || tag.number > 0x1fffff) {
		throw new RangeError(`tag number ${tag.number} is outside 0..2097151`);
	}
	if (tag.number < 31) return first | tag.number;
	let identifier = first | 31;
	for (let shift = tag.number > 0x3fff ? 14 : tag.number > 0x7f ? 7 : 0; shift >= 0; shift -= 7) {
		identifier = identifier * 256 + (((tag.number >> shift) & 0x7f) | (shift > 0 ? 0x80 : 0));
	}
	return identifier;
}

/** A tag number on the wire as hex, for messages: 0xBF51 is "BF51". */
export function tagHex(identifier: number): string {
	const digits = identifier.toString(16).toUpperCase();
	return digits.length % 2 === 0 ? digits : `0${digits}`;
}
