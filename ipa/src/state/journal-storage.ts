import { constants, mkdirSync } from "node:fs";
import { type FileHandle, open, readFile, rename } from "node:fs/promises";
import path from "node:path";
import { concatBytes } from "@iot-esim/shared/util/bytes";
import { JournalError } from "./errors.ts";

/** Where a journal lies: octets that are on the medium when the promise resolves. */
export interface JournalStorage {
	/** The whole contents; empty when there are none yet. */
	read(): Promise<Uint8Array>;
	append(bytes: Uint8Array): Promise<void>;
	/** All or nothing: after a power cut either the old or the new contents are there. */
	replace(bytes: Uint8Array): Promise<void>;
}

/** A file, flushed to the medium after each write. */
export function fileJournalStorage(file: string): JournalStorage {
	const guarded = async <T>(step: string, call: () => Promise<T>): Promise<T> => {
		try {
			return await call();
		} catch (cause) {
			throw new JournalError("JOURNAL_UNREADABLE", `${file}: cannot ${step}: ${String(cause)}`, { cause });
		}
	};
	return {
		read: () =>
			guarded("read", async () => {
				mkdirSync(path.dirname(file), { recursive: true });
				return readFile(file).then(
					(bytes) => new Uint8Array(bytes),
					(error: NodeJS.ErrnoException) => {
						if (error.code === "ENOENT") return new Uint8Array(0);
						throw error;
					},
				);
			}),
		append: (bytes) =>
			guarded("write", async () => {
				const { O_APPEND, O_CREAT, O_WRONLY } = constants;
				await writeDurably(await open(file, O_APPEND | O_CREAT | O_WRONLY, 0o600), bytes);
			}),
		replace: (bytes) =>
			guarded("write", async () => {
				const next = `${file}.next`;
				await writeDurably(await open(next, "w", 0o600), bytes);
				await rename(next, file);
				await flushFolder(path.dirname(file));
			}),
	};
}

async function writeDurably(handle: FileHandle, bytes: Uint8Array): Promise<void> {
	try {
		await handle.writeFile(bytes);
		await handle.datasync();
	} finally {
		await handle.close();
	}
}

async function flushFolder(folder: string): Promise<void> {
	const handle = await open(folder, "r");
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}

/** Contents in memory: for devices that keep state elsewhere, and for tests. */
export function memoryJournalStorage(contents: Uint8Array = new Uint8Array(0)): JournalStorage {
	let bytes = contents;
	return {
		read: async () => bytes,
		append: async (more) => {
			bytes = concatBytes(bytes, more);
		},
		replace: async (next) => {
			bytes = next;
		},
	};
}
