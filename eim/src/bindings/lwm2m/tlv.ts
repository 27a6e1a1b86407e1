/** The TLV form of LwM2M (Core section 7.4.3), as far as it is needed to find one value. */

const OBJECT_INSTANCE = 0;
const RESOURCE = 3;

interface Entry {
	readonly kind: number;
	readonly id: number;
	readonly value: Uint8Array;
}

/** The value of a resource, at the top or within an object instance; undefined when it is not there or nothing can be read. */
export function resourceInTlv(octets: Uint8Array, resourceId: number): Uint8Array | undefined {
	for (const { kind, id, value } of readEntries(octets) ?? []) {
		if (kind === RESOURCE && id === resourceId) return value;
		const inner = kind === OBJECT_INSTANCE ? readEntries(value) : undefined;
		const found = inner?.find((one) => one.kind === RESOURCE && one.id === resourceId);
		if (found !== undefined) return found.value;
	}
	return undefined;
}

function readEntries(octets: Uint8Array): Entry[] | undefined {
	const entries: Entry[] = [];
	let at = 0;
	const number = (size: number): number => {
		let value = 0;
		for (let i = 0; i < size; i++) value = value * 256 + (octets[at++] ?? Number.NaN);
		return value;
	};
	while (at < octets.length) {
		const head = number(1);
		const id = number(head & 0x20 ? 2 : 1);
		const sizeOfLength = (head >> 3) & 3;
		const length = sizeOfLength === 0 ? head & 7 : number(sizeOfLength);
		// Not a number where the end came within the header.
		if (!(at + length <= octets.length)) return undefined;
		entries.push({ kind: head >> 6, id, value: octets.subarray(at, at + length) });
		at += length;
	}
	return entries;
}
