import {
	closeSync,
	existsSync,
	fsyncSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	rmSync,
	truncateSync,
} from "node:fs";
import { dirname } from "node:path";
import { flushFolder, replaceFile, writeWhole } from "./durable-file.ts";

/** Where a server keeps its state: files by their paths. What a method did is durable when it returns. */
export interface StateDisk {
	/** With the folders above it; does nothing when it is there. */
	makeFolder(path: string): void;
	/** Names of the files in a folder. */
	list(folder: string): string[];
	/** Undefined when there is no such file. */
	read(path: string): Uint8Array | undefined;
	/** The old or the new contents are there whenever the power goes. */
	replace(path: string, contents: Uint8Array | string): void;
	/** Keeps the first `length` octets. */
	truncate(path: string, length: number): void;
	/** Does nothing when there is no such file. */
	remove(path: string): void;
	/** A file that octets are added to at the end; made when it is not there. */
	openAppend(path: string): AppendFile;
}

export interface AppendFile {
	/** A loss of power may leave a part of the octets. */
	append(bytes: Uint8Array): void;
	close(): void;
}

/** The files of this machine. */
export const fileDisk: StateDisk = {
	makeFolder: (path) => void mkdirSync(path, { recursive: true }),
	list: (folder) => readdirSync(folder),
	read: (path) => (existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined),
	replace: replaceFile,
	truncate: truncateSync,
	remove: (path) => {
		rmSync(path, { force: true });
		flushFolder(dirname(path));
	},
	openAppend: (path) => {
		const file = openSync(path, "a", 0o600);
		return {
			append: (bytes) => {
				writeWhole(file, bytes);
				fsyncSync(file);
			},
			close: () => closeSync(file),
		};
	},
};
