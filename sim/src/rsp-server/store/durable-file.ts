import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** Ending of a file that was not finished; it is ignored and removed by whoever lists the folder. */
export const UNFINISHED = ".tmp";

/**
 * Replaces the contents of a file so that after a kill or a power cut either the old or the new contents are there,
 * whole: written beside it, flushed, renamed over it.
 */
export function replaceFile(path: string, contents: Uint8Array | string): void {
	const temporary = `${path}${UNFINISHED}`;
	const file = openSync(temporary, "w", 0o600);
	try {
		writeWhole(file, typeof contents === "string" ? Buffer.from(contents) : contents);
		fsyncSync(file);
	} finally {
		closeSync(file);
	}
	renameSync(temporary, path);
	flushFolder(dirname(path));
}

/** Makes a rename or an unlink in the folder durable. */
export function flushFolder(path: string): void {
	const folder = openSync(path, "r");
	try {
		fsyncSync(folder);
	} finally {
		closeSync(folder);
	}
}

/** writeSync may write less than it was given. */
export function writeWhole(file: number, bytes: Uint8Array): void {
	for (let written = 0; written < bytes.length; ) {
		written += writeSync(file, bytes, written, bytes.length - written);
	}
}
