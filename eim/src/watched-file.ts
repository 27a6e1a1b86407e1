import { readFileSync, statSync } from "node:fs";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { fileTrouble } from "@iot-esim/shared/util/errors";
import { EimError } from "./errors.ts";

export interface WatchedFileOptions<T> {
	/** What names the file, for messages. */
	readonly setting: string;
	readonly file: string;
	/** @throws EimError of what is wrong with a line */
	readonly parse: (text: string) => T;
	/** As the subject of what the log says: "keys of devices". */
	readonly what: string;
	readonly log: Logger;
}

/** A file that settings name, read again when it is asked for after a change. What cannot be read changes nothing. */
export class WatchedFile<T> {
	readonly #options: WatchedFileOptions<T>;
	#contents: T;
	#readAt = "";
	/** Why it could not be read the last time: said once, not at each device that comes. */
	#trouble: string | undefined;

	/** @throws EimError EIM_FILE_UNREADABLE, and what `parse` throws */
	constructor(options: WatchedFileOptions<T>) {
		this.#options = options;
		this.#contents = this.#read(this.#version());
	}

	current(): T {
		const { what, log } = this.#options;
		try {
			const version = this.#version();
			if (version !== this.#readAt) {
				this.#contents = this.#read(version);
				log.info(`${what} read again`);
			}
			this.#trouble = undefined;
		} catch (error) {
			const trouble = String(error);
			if (trouble !== this.#trouble) log.error(`${what} cannot be read, the former ones go on`, { error });
			this.#trouble = trouble;
		}
		return this.#contents;
	}

	#version(): string {
		return this.#given((file) => {
			const { mtimeMs, size, ino } = statSync(file);
			return `${mtimeMs} ${size} ${ino}`;
		});
	}

	/** What is wrong in a file stays wrong until it changes; what only could not be read is tried again. */
	#read(version: string): T {
		const text = this.#given((file) => readFileSync(file, "utf8"));
		this.#readAt = version;
		return this.#options.parse(text);
	}

	#given<R>(use: (file: string) => R): R {
		const { setting, file } = this.#options;
		try {
			return use(file);
		} catch (cause) {
			throw new EimError("EIM_FILE_UNREADABLE", `${setting} ${file} cannot be read: ${fileTrouble(cause)}`, { cause });
		}
	}
}
