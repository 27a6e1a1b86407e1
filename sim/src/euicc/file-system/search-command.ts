/** SEARCH RECORD in its simple and enhanced forms (ETSI TS 102 221 §11.1.7). */

import { AccessMode } from "./access-rule.ts";
import type { CommandHandler } from "./file-command.ts";
import { answer, FileStatus, status } from "./file-status.ts";
import { chooseRecords, type Records, recordAt } from "./record-commands.ts";

/** Low bits of P2. */
const Search = { forward: 4, backward: 5, enhanced: 6 } as const;
/** Low bits of the first octet of an enhanced search. */
const Enhanced = { forward: 4, backward: 5, forwardFromNext: 6, backwardFromPrevious: 7 } as const;
/** Bit of the first octet: the second octet is a value that the text follows, not an offset. */
const BEHIND_VALUE = 0x08;

interface Query {
	readonly first: number;
	readonly isForward: boolean;
	readonly text: Uint8Array;
	/** Where the text may begin in a record; undefined when it does not contain the starting value. */
	readonly startIn: (record: Uint8Array) => number | undefined;
}

export const searchRecord: CommandHandler = (context, command) => {
	const records = chooseRecords(context, command.p2, AccessMode.read);
	if ("sw" in records) return records;
	const query = parseQuery(command.p1, command.p2 & 7, command.data, context.position.record, records);
	if (!query) return status(FileStatus.incorrectParameters);
	if (query.text.length === 0 || query.text.length > records.length) return status(FileStatus.wrongLength);
	if (query.first < 1 || query.first > records.count) return status(FileStatus.recordNotFound);
	const found: number[] = [];
	for (let n = query.first; n >= 1 && n <= records.count; n += query.isForward ? 1 : -1) {
		if (contains(recordAt(records, n), query)) found.push(n);
	}
	if (found.length === 0) return status(FileStatus.endReached);
	context.position.record = found[0];
	return answer(Uint8Array.from(found).subarray(0, command.le ?? 256));
};

function parseQuery(
	p1: number,
	mode: number,
	data: Uint8Array,
	pointer: number | undefined,
	records: Records,
): Query | undefined {
	const current = p1 === 0 ? (pointer ?? (records.isCyclic ? 1 : 0)) : p1;
	if (mode === Search.forward || mode === Search.backward) {
		return { first: current, isForward: mode === Search.forward, text: data, startIn: () => 0 };
	}
	const [indication, octet] = data;
	if (mode !== Search.enhanced || indication === undefined || octet === undefined) return undefined;
	const start = enhancedStart(indication & 7, current, pointer, records.count);
	if (!start) return undefined;
	const startIn = (indication & BEHIND_VALUE) === 0 ? () => octet : behind(octet);
	return { ...start, text: data.subarray(2), startIn };
}

function behind(value: number): (record: Uint8Array) => number | undefined {
	return (record) => {
		const at = record.indexOf(value);
		return at < 0 ? undefined : at + 1;
	};
}

function enhancedStart(
	kind: number,
	current: number,
	pointer: number | undefined,
	count: number,
): { first: number; isForward: boolean } | undefined {
	switch (kind) {
		case Enhanced.forward:
			return { first: current, isForward: true };
		case Enhanced.backward:
			return { first: current, isForward: false };
		case Enhanced.forwardFromNext:
			return { first: (pointer ?? 0) + 1, isForward: true };
		case Enhanced.backwardFromPrevious:
			return { first: (pointer ?? count + 1) - 1, isForward: false };
		default:
			return undefined;
	}
}

function contains(record: Uint8Array, { text, startIn }: Query): boolean {
	const start = startIn(record);
	if (start === undefined) return false;
	for (let at = start; at + text.length <= record.length; at++) {
		if (text.every((octet, i) => record[at + i] === octet)) return true;
	}
	return false;
}
