/** The files, PINs and authentication keys of one installed profile, as plain data that the card's memory can keep. */

import type { AccessRuleReference } from "@iot-esim/shared/profile/file-image";
import type { FileKind } from "@iot-esim/shared/profile/templates/file-template";
import type { NetworkAuthentication } from "../usim/network-authentication.ts";

export type FileId = number;

/** One file; contents live apart from it, so that an update need not write the whole tree. */
export interface CardFile {
	/** Name of the component in the profile element, or its identifier in hex. */
	readonly name: string;
	readonly kind: FileKind;
	/** An ADF has a temporary one, which only paths inside a profile package use. */
	readonly fid: number;
	/** Directory it lies in; the MF lies in itself. */
	readonly parent: FileId;
	/** DF name of an ADF. */
	readonly aid?: Uint8Array;
	readonly isShareable: boolean;
	/** Life cycle status: 05 activated, 04 deactivated. */
	lifeCycle: number;
	readonly accessRule: AccessRuleReference;
	readonly shortFileId?: number;
	readonly recordLength?: number;
	/** Octets of the contents; of a BER-TLV file the most it may take. */
	readonly size: number;
	readonly specialInformation: number;
	/** The file whose contents or children this one shares. */
	readonly link?: FileId;
	/** Key references that the FCP of a directory lists. */
	readonly pinReferences?: Uint8Array;
}

export interface PinState {
	readonly keyReference: number;
	/** Digits in ASCII, FF up to 8 octets. */
	value: Uint8Array;
	isEnabled: boolean;
	readonly isChangeable: boolean;
	readonly isSwitchable: boolean;
	readonly maxTries: number;
	triesLeft: number;
	/** Index of its PUK. */
	readonly unblockedBy?: number;
}

export interface PukState {
	readonly keyReference: number;
	readonly value: Uint8Array;
	readonly maxTries: number;
	triesLeft: number;
}

/** PINs and PUKs; `byDirectory` has the index of each PIN by directory and key reference. */
export interface SecurityState {
	readonly pins: PinState[];
	readonly puks: PukState[];
	readonly byDirectory: Record<FileId, Record<number, number>>;
}

export interface FileSystem {
	/** The position is the identifier of a file; the MF is the first. */
	readonly files: CardFile[];
	/** Contents by file; absent for directories and links. */
	readonly contents: Record<FileId, Uint8Array>;
	readonly security: SecurityState;
	/** By the ADF that authenticates with it; several applications may share one. */
	readonly authentication: { readonly byApplication: Record<FileId, number>; readonly keys: NetworkAuthentication[] };
}

export const MASTER_FILE: FileId = 0;
const MASTER_FILE_FID = 0x3f00;

export function fileOf(fs: FileSystem, id: FileId): CardFile {
	const file = fs.files[id];
	if (!file) throw new RangeError(`the profile has no file ${id}`);
	return file;
}

/** The directory whose children a directory shows: itself, or the one it is linked to. */
function source(fs: FileSystem, id: FileId): FileId {
	return fs.files[id]?.link ?? id;
}

/** Identifiers of the files directly in a directory. */
export function childrenOf(fs: FileSystem, directory: FileId): FileId[] {
	const parent = source(fs, directory);
	return fs.files.flatMap((file, id) => (id !== MASTER_FILE && file.parent === parent ? [id] : []));
}

export function childByFid(fs: FileSystem, directory: FileId, fid: number): FileId | undefined {
	return childrenOf(fs, directory).find((id) => fs.files[id]?.fid === fid);
}

export function childByShortFileId(fs: FileSystem, directory: FileId, shortFileId: number): FileId | undefined {
	return childrenOf(fs, directory).find((id) => fs.files[id]?.shortFileId === shortFileId);
}

/** The file at a path of identifiers below `start`; 3F00 at the beginning is the MF. */
export function fileAtPath(fs: FileSystem, start: FileId, path: readonly number[]): FileId | undefined {
	let id: FileId | undefined = start;
	for (const [i, fid] of path.entries()) {
		if (i === 0 && fid === MASTER_FILE_FID) id = MASTER_FILE;
		else id = id === undefined ? undefined : childByFid(fs, id, fid);
	}
	return id;
}

/** Directories from `id` up to the MF. */
export function* ancestry(fs: FileSystem, id: FileId): Generator<FileId> {
	for (let at = id; ; at = fileOf(fs, at).parent) {
		yield at;
		if (at === MASTER_FILE) return;
	}
}

/** The PIN that a key reference means in a directory: its own, else that of the next directory above. */
export function pinFor(fs: FileSystem, directory: FileId, keyReference: number): PinState | undefined {
	for (const at of ancestry(fs, directory)) {
		const index = fs.security.byDirectory[at]?.[keyReference];
		if (index !== undefined) return fs.security.pins[index];
	}
	return undefined;
}

/** Contents of a file, those of its target when it is a link. */
export function contentsOf(fs: FileSystem, id: FileId): Uint8Array {
	return fs.contents[source(fs, id)] ?? new Uint8Array(0);
}

/** Exchanges the contents; returns the file whose contents changed, which is the target of a link. */
export function setContents(fs: FileSystem, id: FileId, contents: Uint8Array): FileId {
	const target = source(fs, id);
	fs.contents[target] = contents;
	return target;
}

/** Octets of the file as its size counts, those of its target when it is a link. */
export function sizeOf(fs: FileSystem, id: FileId): number {
	return fileOf(fs, source(fs, id)).size;
}

/** What a command changed, so that only this need be written to memory. */
export type FileSystemChange =
	| { readonly part: "contents"; readonly file: FileId }
	| { readonly part: "files" | "security" | "authentication" };
