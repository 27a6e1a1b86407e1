import { crc32 } from "node:zlib";
import { EuiccError } from "../errors.ts";

/** One change of the memory: a key gets a value, or goes. */
export type Change = { readonly key: string; readonly value: Uint8Array | undefined };

/** What a journal held: the changes of every whole record, and where the last whole record ends. */
export interface Replay {
	readonly changes: readonly Change[];
	readonly end: number;
}

/** First octets of every journal, so that another file is not taken for a card. */
export const MAGIC = new TextEncoder().encode("eUICC-NVM-1\n");

const HEADER = 8;
const PUT = 1;
const DELETE = 2;

/** One record: length (4), CRC-32 of the contents (4), contents. All its changes take place together or not at all. */
export function encodeRecord(changes: readonly Change[]): Uint8Array {
	const parts = changes.map(encodeChange);
	const length = parts.reduce((sum, part) => sum + part.length, 0);
	const record = new Uint8Array(HEADER + length);
	let at = HEADER;
	for (const part of parts) {
		record.set(part, at);
		at += part.length;
	}
	const view = new DataView(record.buffer);
	view.setUint32(0, length);
	view.setUint32(4, crc32(record.subarray(HEADER)));
	return record;
}

/**
 * The changes of all whole records. A record that the end of the file cuts off, or a last one whose CRC fails, was
 * being written when the power went: it never happened.
 * @throws EuiccError EUICC_MEMORY_CORRUPT when a damaged record stands before others, or the file is none of ours
 */
export function replayRecords(journal: Uint8Array): Replay {
	if (journal.length < MAGIC.length) {
		if (journal.some((octet, i) => octet !== MAGIC[i])) throw corrupt(0);
		return { changes: [], end: 0 };
	}
	if (MAGIC.some((octet, i) => octet !== journal[i])) throw corrupt(0);
	const view = new DataView(journal.buffer, journal.byteOffset, journal.byteLength);
	const changes: Change[] = [];
	let at = MAGIC.length;
	while (at + HEADER <= journal.length) {
		const length = view.getUint32(at);
		const end = at + HEADER + length;
		if (length === 0 || end > journal.length) break;
		const contents = journal.subarray(at + HEADER, end);
		if (crc32(contents) !== view.getUint32(at + 4)) {
			if (end < journal.length) throw corrupt(at);
			break;
		}
		changes.push(...decodeChanges(contents, at));
		at = end;
	}
	return { changes, end: at };
}

function encodeChange({ key, value }: Change): Uint8Array {
	const name = new TextEncoder().encode(key);
	const bytes = new Uint8Array(3 + name.length + (value === undefined ? 0 : 4 + value.length));
	const view = new DataView(bytes.buffer);
	bytes[0] = value === undefined ? DELETE : PUT;
	view.setUint16(1, name.length);
	bytes.set(name, 3);
	if (value !== undefined) {
		view.setUint32(3 + name.length, value.length);
		bytes.set(value, 7 + name.length);
	}
	return bytes;
}

function decodeChanges(contents: Uint8Array, position: number): Change[] {
	const view = new DataView(contents.buffer, contents.byteOffset, contents.byteLength);
	const changes: Change[] = [];
	let at = 0;
	while (at < contents.length) {
		const kind = contents[at];
		if ((kind !== PUT && kind !== DELETE) || at + 3 > contents.length) throw corrupt(position);
		const nameEnd = at + 3 + view.getUint16(at + 1);
		if (nameEnd > contents.length) throw corrupt(position);
		const key = new TextDecoder().decode(contents.subarray(at + 3, nameEnd));
		at = nameEnd;
		if (kind === DELETE) {
			changes.push({ key, value: undefined });
			continue;
		}
		if (at + 4 > contents.length) throw corrupt(position);
		const end = at + 4 + view.getUint32(at);
		if (end > contents.length) throw corrupt(position);
		changes.push({ key, value: contents.slice(at + 4, end) });
		at = end;
	}
	return changes;
}

function corrupt(position: number): EuiccError {
	return new EuiccError("EUICC_MEMORY_CORRUPT", `the card memory is damaged at octet ${position}`);
}
