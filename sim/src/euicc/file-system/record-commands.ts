/** READ RECORD, UPDATE RECORD and INCREASE (ETSI TS 102 221 §11.1.5 to §11.1.8). Record 1 of a cyclic file is its newest. */

import { concatBytes } from "@iot-esim/shared/util/bytes";
import { AccessMode, isAllowed } from "./access-rule.ts";
import { chooseFile, refuses } from "./binary-commands.ts";
import type { CommandContext, CommandHandler, FileCommand } from "./file-command.ts";
import { answer, type FileAnswer, FileStatus, status } from "./file-status.ts";
import { contentsOf, type FileId, fileOf, setContents } from "./file-system.ts";
import { isPinGiven } from "./pin-commands.ts";

const Mode = { next: 2, previous: 3, absolute: 4 } as const;

/** A file as rows. */
export interface Records {
	readonly id: FileId;
	readonly contents: Uint8Array;
	readonly length: number;
	readonly count: number;
	readonly isCyclic: boolean;
}

export function recordAt({ contents, length }: Records, number: number): Uint8Array {
	return contents.subarray((number - 1) * length, number * length);
}

const isRecordFile = (kind: string): boolean => kind === "linear-fixed" || kind === "cyclic";

/** The records that P2 names by a short file identifier or by nothing, once access to them is granted. */
export function chooseRecords(context: CommandContext, p2: number, mode: number): Records | FileAnswer {
	const id = chooseFile(context, p2 >> 3);
	if (typeof id !== "number") return id;
	return refuses(context, id, mode, isRecordFile) ?? recordsOf(context, id);
}

function recordsOf({ fs }: CommandContext, id: FileId): Records {
	const contents = contentsOf(fs, id);
	const length = fileOf(fs, id).recordLength ?? contents.length;
	return { id, contents, length, count: contents.length / length, isCyclic: fileOf(fs, id).kind === "cyclic" };
}

export const readRecord: CommandHandler = (context, command) => {
	const records = chooseRecords(context, command.p2, AccessMode.read);
	if ("sw" in records) return records;
	const number = recordNumber(context, command, records);
	if (typeof number !== "number") return number;
	const { le } = command;
	if (le !== undefined && le !== 256 && le !== records.length) return status(FileStatus.exactLength | records.length);
	return answer(recordAt(records, number));
};

export const updateRecord: CommandHandler = (context, command) => {
	const records = chooseRecords(context, command.p2, AccessMode.update);
	if ("sw" in records) return records;
	const { data, p1, p2 } = command;
	if (data.length !== records.length) return status(FileStatus.wrongLength);
	if (records.isCyclic) {
		if ((p2 & 7) !== Mode.previous || p1 !== 0) return status(FileStatus.incorrectParameters);
		storeNewest(context, records, data);
		return status(FileStatus.ok);
	}
	const number = recordNumber(context, command, records);
	if (typeof number !== "number") return number;
	const contents = records.contents.slice();
	contents.set(data, (number - 1) * records.length);
	context.note({ part: "contents", file: setContents(context.fs, records.id, contents) });
	return status(FileStatus.ok);
};

/** Adds to the newest record of a cyclic file; answers the new record and the amount. */
export const increase: CommandHandler = (context, command) => {
	const { data, p1, p2 } = command;
	const id = chooseFile(context, (p1 & 0x80) !== 0 ? p1 & 0x1f : 0);
	if (typeof id !== "number") return id;
	if (fileOf(context.fs, id).kind !== "cyclic") return status(FileStatus.incompatibleFile);
	if (p2 !== 0) return status(FileStatus.incorrectParameters);
	if (!isAllowed(context.fs, id, { ins: command.ins }, (reference) => isPinGiven(context, reference))) {
		return status(FileStatus.securityNotSatisfied);
	}
	const records = recordsOf(context, id);
	if (data.length === 0 || data.length > records.length) return status(FileStatus.wrongLength);
	const sum = addOctets(recordAt(records, 1), data);
	if (!sum) return status(FileStatus.increaseOverflow);
	storeNewest(context, records, sum);
	return answer(concatBytes(sum, data));
};

/** The new record becomes number 1, all others move back, the oldest is lost. */
function storeNewest(context: CommandContext, records: Records, record: Uint8Array): void {
	const contents = concatBytes(record, records.contents.subarray(0, records.contents.length - records.length));
	context.note({ part: "contents", file: setContents(context.fs, records.id, contents) });
	context.position.record = 1;
}

/** `base` + `amount` as unsigned numbers in the width of `base`; undefined when it does not fit. */
function addOctets(base: Uint8Array, amount: Uint8Array): Uint8Array | undefined {
	const sum = base.slice();
	let carry = 0;
	for (let i = 1; i <= sum.length; i++) {
		const added = (sum[sum.length - i] as number) + (amount[amount.length - i] ?? 0) + carry;
		sum[sum.length - i] = added & 0xff;
		carry = added >> 8;
	}
	return carry === 0 ? sum : undefined;
}

/** The record that P1 and the mode in P2 name; next and previous move the record pointer. */
function recordNumber({ position }: CommandContext, { p1, p2 }: FileCommand, records: Records): number | FileAnswer {
	const mode = p2 & 7;
	if (mode === Mode.absolute) {
		// P1 = 00 is the current record; a cyclic file starts at its newest.
		const number = p1 === 0 ? (position.record ?? (records.isCyclic ? 1 : 0)) : p1;
		return number >= 1 && number <= records.count ? number : status(FileStatus.recordNotFound);
	}
	if ((mode !== Mode.next && mode !== Mode.previous) || p1 !== 0) return status(FileStatus.incorrectParameters);
	const moved = movedPointer(position.record, mode === Mode.next, records);
	if (moved < 1 || moved > records.count) return status(FileStatus.recordNotFound);
	position.record = moved;
	return moved;
}

/** Without a pointer, next is the first record and previous the last; a cyclic file has no end and starts at 1. */
function movedPointer(pointer: number | undefined, isNext: boolean, { count, isCyclic }: Records): number {
	if (isCyclic) {
		const from = pointer ?? 1;
		return isNext ? (from % count) + 1 : from === 1 ? count : from - 1;
	}
	if (pointer === undefined) return isNext ? 1 : count;
	return isNext ? pointer + 1 : pointer - 1;
}
