/** What CBOR says (RFC 8949): tags are passed over, a map is kept as its pairs. */
export type CborValue =
	| number
	| string
	| boolean
	| null
	| Uint8Array
	| readonly CborValue[]
	| { readonly pairs: readonly (readonly [CborValue, CborValue])[] };

const DEEPEST = 8;

/** The one item of these octets; undefined for what is none, or of indefinite length, or nested too deep. */
export function readCbor(octets: Uint8Array): CborValue | undefined {
	const reader = new CborReader(octets);
	const value = reader.item(0);
	return reader.isAtEnd ? value : undefined;
}

class CborReader {
	readonly #octets: Uint8Array;
	#at = 0;

	constructor(octets: Uint8Array) {
		this.#octets = octets;
	}

	get isAtEnd(): boolean {
		return this.#at === this.#octets.length;
	}

	item(depth: number): CborValue | undefined {
		const head = this.#octets[this.#at++];
		if (head === undefined || depth > DEEPEST) return undefined;
		const [major, minor] = [head >> 5, head & 31];
		if (major === 7) return this.#simple(minor);
		const argument = this.#argument(minor);
		if (argument === undefined) return undefined;
		if (major === 0) return argument;
		if (major === 1) return -1 - argument;
		if (major === 2) return this.#take(argument);
		if (major === 3) {
			const text = this.#take(argument);
			return text && new TextDecoder().decode(text);
		}
		if (major === 4) return this.#items(argument, depth);
		if (major === 5) return this.#map(argument, depth);
		return this.item(depth + 1);
	}

	#items(count: number, depth: number): CborValue[] | undefined {
		const items: CborValue[] = [];
		for (let i = 0; i < count; i++) {
			const item = this.item(depth + 1);
			if (item === undefined) return undefined;
			items.push(item);
		}
		return items;
	}

	#map(count: number, depth: number): CborValue | undefined {
		const items = this.#items(2 * count, depth);
		if (items === undefined) return undefined;
		const pairs: [CborValue, CborValue][] = [];
		for (let i = 0; i < count; i++) pairs.push([items[2 * i] as CborValue, items[2 * i + 1] as CborValue]);
		return { pairs };
	}

	#argument(minor: number): number | undefined {
		if (minor < 24) return minor;
		const octets = minor > 27 ? undefined : this.#take(1 << (minor - 24));
		return octets?.reduce((value, octet) => value * 256 + octet, 0);
	}

	#simple(minor: number): CborValue | undefined {
		if (minor === 20 || minor === 21) return minor === 21;
		if (minor === 22 || minor === 23) return null;
		if (minor === 25) return this.#take(2) && Number.NaN;
		const float = minor === 26 ? this.#take(4) : minor === 27 ? this.#take(8) : undefined;
		if (float === undefined) return undefined;
		const view = new DataView(float.buffer, float.byteOffset);
		return minor === 26 ? view.getFloat32(0) : view.getFloat64(0);
	}

	#take(length: number): Uint8Array | undefined {
		if (length > this.#octets.length - this.#at) return undefined;
		const taken = this.#octets.subarray(this.#at, this.#at + length);
		this.#at += length;
		return taken;
	}
}
