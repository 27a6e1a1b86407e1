/** SELECT (ETSI TS 102 221 §11.1.1): which file a command names, seen from where the channel stands. */

import {
	childByFid,
	childrenOf,
	type FileId,
	type FileSystem,
	fileAtPath,
	fileOf,
	MASTER_FILE,
} from "./file-system.ts";

/** Where a logical channel stands. */
export interface Position {
	directory: FileId;
	/** The selected elementary file. */
	file: FileId | undefined;
	/** ADF that was selected last; 7FFF means this one. */
	application: FileId | undefined;
	/** Record pointer of the selected file, from 1; undefined after selection. */
	record: number | undefined;
	/** A data object that goes over in several commands. */
	transfer: DataTransfer | undefined;
}

/** What is left to be read of an object, or what has come of one that is being written. */
export interface DataTransfer {
	readonly direction: "out" | "in";
	readonly octets: Uint8Array;
	/** Octets of the whole object that is being written. */
	readonly total: number;
}

export function atMasterFile(): Position {
	return { directory: MASTER_FILE, file: undefined, application: undefined, record: undefined, transfer: undefined };
}

/** P1 of SELECT. */
export const SelectBy = {
	fid: 0x00,
	childDirectory: 0x01,
	childFile: 0x02,
	parent: 0x03,
	aid: 0x04,
	pathFromMasterFile: 0x08,
	pathFromCurrent: 0x09,
} as const;

/** Low bits of P2 of SELECT by DF name. */
const Occurrence = { first: 0, last: 1, next: 2, previous: 3 } as const;

const CURRENT_APPLICATION = 0x7fff;
const MASTER_FILE_FID = 0x3f00;

/** The file that SELECT names; "malformed" when its data are no name of this kind. */
export function findFile(
	fs: FileSystem,
	position: Position,
	by: number,
	data: Uint8Array,
	occurrence: number = Occurrence.first,
): FileId | undefined | "malformed" {
	switch (by) {
		case SelectBy.fid:
			if (data.length === 0) return MASTER_FILE;
			return data.length === 2 ? byFid(fs, position, fidAt(data, 0)) : "malformed";
		case SelectBy.childDirectory:
		case SelectBy.childFile: {
			if (data.length !== 2) return "malformed";
			const child = childByFid(fs, position.directory, fidAt(data, 0));
			const isWanted = child !== undefined && isDirectoryFile(fs, child) === (by === SelectBy.childDirectory);
			return isWanted && isReachable(fs, child) ? child : undefined;
		}
		case SelectBy.parent:
			return data.length === 0 ? fileOf(fs, position.directory).parent : "malformed";
		case SelectBy.aid:
			return byAid(fs, position, data, occurrence);
		case SelectBy.pathFromMasterFile:
			return byPath(fs, position, MASTER_FILE, data);
		case SelectBy.pathFromCurrent:
			return byPath(fs, position, position.directory, data);
		default:
			return "malformed";
	}
}

export function isDirectoryFile(fs: FileSystem, id: FileId): boolean {
	const { kind } = fileOf(fs, id);
	return kind === "mf" || kind === "df" || kind === "adf";
}

/** The ADF that a directory lies in; undefined below the MF itself. */
export function applicationOf(fs: FileSystem, directory: FileId): FileId | undefined {
	for (let at = directory; at !== MASTER_FILE; at = fileOf(fs, at).parent) {
		if (fileOf(fs, at).kind === "adf") return at;
	}
	return undefined;
}

function fidAt(data: Uint8Array, at: number): number {
	return (data[at] as number) * 256 + (data[at + 1] as number);
}

/** An ADF has no identifier on the interface: its temporary one counts inside profile packages only. */
function isReachable(fs: FileSystem, id: FileId): boolean {
	return fileOf(fs, id).kind !== "adf";
}

/** §8.4.2: children, the current directory, its parent, and the directories beside it; the MF from everywhere. */
function byFid(fs: FileSystem, position: Position, fid: number): FileId | undefined {
	if (fid === MASTER_FILE_FID) return MASTER_FILE;
	if (fid === CURRENT_APPLICATION) return position.application;
	const { directory } = position;
	const { parent } = fileOf(fs, directory);
	const child = childByFid(fs, directory, fid);
	if (child !== undefined && isReachable(fs, child)) return child;
	const nearby = [directory, parent, ...childrenOf(fs, parent).filter((id) => isDirectoryFile(fs, id))];
	return nearby.find((id) => fileOf(fs, id).fid === fid && isReachable(fs, id));
}

/** Which of several applications whose DF names begin with the given octets; next and previous count from the last one. */
function byAid(
	fs: FileSystem,
	{ application }: Position,
	data: Uint8Array,
	occurrence: number,
): FileId | undefined | "malformed" {
	if (data.length === 0 || data.length > 16) return "malformed";
	const matching = fs.files.flatMap(({ aid }, id) => {
		return aid !== undefined && data.every((octet, i) => aid[i] === octet) ? [id] : [];
	});
	const at = matching.indexOf(application ?? -1);
	switch (occurrence) {
		case Occurrence.last:
			return matching.at(-1);
		case Occurrence.next:
			return matching[at + 1];
		case Occurrence.previous:
			return at > 0 ? matching[at - 1] : undefined;
		default:
			return matching[0];
	}
}

function byPath(fs: FileSystem, position: Position, start: FileId, data: Uint8Array): FileId | undefined | "malformed" {
	if (data.length === 0 || data.length % 2 !== 0) return "malformed";
	const path = Array.from({ length: data.length / 2 }, (_, i) => fidAt(data, 2 * i));
	if (path[0] === CURRENT_APPLICATION) {
		return position.application === undefined ? undefined : fileAtPath(fs, position.application, path.slice(1));
	}
	// A path from the MF has no 3F00 in front, but terminals write it.
	if (path[0] === MASTER_FILE_FID && start === MASTER_FILE) path.shift();
	if (path.length === 0) return MASTER_FILE;
	const first = childByFid(fs, start, path[0] as number);
	if (first === undefined || !isReachable(fs, first)) return undefined;
	return fileAtPath(fs, first, path.slice(1));
}
