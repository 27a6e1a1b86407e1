import { closeSync, existsSync, fsyncSync, openSync, readFileSync, truncateSync } from "node:fs";
import { RspServerError } from "../errors.ts";
import { writeWhole } from "./durable-file.ts";

/** Entries that are only ever added, one JSON line each. An entry is on the disk when `append` returns. */
export class AppendLog<T> {
	readonly #file: number;
	readonly #entries: T[];

	/** A last line that a kill cut off is dropped. @throws RspServerError RSP_SERVER_STATE_DAMAGED */
	constructor(path: string) {
		const text = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
		const whole = text.lastIndexOf(0x0a) + 1;
		if (whole < text.length) truncateSync(path, whole);
		try {
			this.#entries = text
				.subarray(0, whole)
				.toString("utf8")
				.split("\n")
				.filter((line) => line !== "")
				.map((line) => JSON.parse(line) as T);
		} catch (cause) {
			throw new RspServerError("RSP_SERVER_STATE_DAMAGED", `${path} has a line that cannot be read`, { cause });
		}
		this.#file = openSync(path, "a", 0o600);
	}

	get entries(): readonly T[] {
		return this.#entries;
	}

	append(entry: T): void {
		writeWhole(this.#file, Buffer.from(`${JSON.stringify(entry)}\n`));
		fsyncSync(this.#file);
		this.#entries.push(entry);
	}

	close(): void {
		closeSync(this.#file);
	}
}
