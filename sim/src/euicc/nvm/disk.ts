import {
	closeSync,
	existsSync,
	fdatasyncSync,
	fsyncSync,
	ftruncateSync,
	mkdirSync,
	openSync,
	readFileSync,
	renameSync,
	rmSync,
	writeSync,
} from "node:fs";
import { dirname, join } from "node:path";

/**
 * The medium below the non-volatile memory: one growing run of octets. A write may be torn at any octet by a loss of
 * power, a replacement may not: the old contents or the new ones are there, nothing else.
 */
export interface NvmDisk {
	/** All octets written so far; undefined on a medium that was never written. */
	read(): Uint8Array | undefined;
	/** Adds octets at the end; on return they are durable. */
	append(bytes: Uint8Array): void;
	/** Cuts off what stands behind `length`; on return this is durable. */
	truncate(length: number): void;
	/** Exchanges the whole contents in one step; on return this is durable. */
	replace(bytes: Uint8Array): void;
	close(): void;
}

const FILE_NAME = "nvm.bin";

/** A medium in one file of a directory, made durable by fsync and exchanged by rename. */
export class FileDisk implements NvmDisk {
	readonly #directory: string;
	readonly #path: string;
	#descriptor: number | undefined;

	constructor(directory: string) {
		this.#directory = directory;
		this.#path = join(directory, FILE_NAME);
		mkdirSync(directory, { recursive: true });
		rmSync(`${this.#path}.new`, { force: true });
	}

	read(): Uint8Array | undefined {
		return existsSync(this.#path) ? new Uint8Array(readFileSync(this.#path)) : undefined;
	}

	append(bytes: Uint8Array): void {
		const descriptor = this.#open();
		writeAll(descriptor, bytes);
		fdatasyncSync(descriptor);
	}

	truncate(length: number): void {
		const descriptor = this.#open();
		ftruncateSync(descriptor, length);
		fsyncSync(descriptor);
	}

	replace(bytes: Uint8Array): void {
		this.close();
		const descriptor = openSync(`${this.#path}.new`, "w");
		try {
			writeAll(descriptor, bytes);
			fsyncSync(descriptor);
		} finally {
			closeSync(descriptor);
		}
		renameSync(`${this.#path}.new`, this.#path);
		syncDirectory(dirname(this.#path));
	}

	close(): void {
		if (this.#descriptor !== undefined) closeSync(this.#descriptor);
		this.#descriptor = undefined;
	}

	#open(): number {
		if (this.#descriptor === undefined) {
			const isNew = !existsSync(this.#path);
			this.#descriptor = openSync(this.#path, "a");
			if (isNew) syncDirectory(this.#directory);
		}
		return this.#descriptor;
	}
}

/** A medium in memory, for cards that live as long as their process. */
export class MemoryDisk implements NvmDisk {
	#buffer: Uint8Array | undefined;
	#length: number;

	constructor(bytes?: Uint8Array) {
		this.#buffer = bytes?.slice();
		this.#length = bytes?.length ?? 0;
	}

	read(): Uint8Array | undefined {
		return this.#buffer?.slice(0, this.#length);
	}

	append(bytes: Uint8Array): void {
		const length = this.#length + bytes.length;
		if (this.#buffer === undefined || this.#buffer.length < length) {
			const larger = new Uint8Array(length + (length >> 2));
			larger.set(this.#buffer?.subarray(0, this.#length) ?? []);
			this.#buffer = larger;
		}
		this.#buffer.set(bytes, this.#length);
		this.#length = length;
	}

	truncate(length: number): void {
		this.#length = Math.min(this.#length, length);
	}

	replace(bytes: Uint8Array): void {
		this.#buffer = bytes.slice();
		this.#length = bytes.length;
	}

	close(): void {
		// Nothing is held open.
	}
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
	for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}

/** A rename or a new name is durable only when the directory that holds it is. */
function syncDirectory(directory: string): void {
	const descriptor = openSync(directory, "r");
	try {
		fsyncSync(descriptor);
	} finally {
		closeSync(descriptor);
	}
}
