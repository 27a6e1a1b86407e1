import { RspServerError } from "../errors.ts";
import { type AppendFile, fileDisk, type StateDisk } from "./state-disk.ts";

/** Entries that are only ever added, one JSON line each. An entry is on the disk when `append` returns. */
export class AppendLog<T> {
	readonly #file: AppendFile;
	readonly #entries: T[];
	readonly #cutBack: () => void;
	/** Octets of whole lines. */
	#length: number;

	/** A last line that a kill cut off is dropped. @throws RspServerError RSP_SERVER_STATE_DAMAGED */
	constructor(path: string, disk: StateDisk = fileDisk) {
		const text = Buffer.from(disk.read(path) ?? []);
		const whole = text.lastIndexOf(0x0a) + 1;
		if (whole < text.length) disk.truncate(path, whole);
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
		this.#length = whole;
		this.#cutBack = () => disk.truncate(path, this.#length);
		this.#file = disk.openAppend(path);
	}

	get entries(): readonly T[] {
		return this.#entries;
	}

	/** What a full disk took only a part of is taken back, or the next entry would go on in its line. */
	append(entry: T): void {
		const line = Buffer.from(`${JSON.stringify(entry)}\n`);
		try {
			this.#file.append(line);
		} catch (error) {
			this.#cutBack();
			throw error;
		}
		this.#length += line.length;
		this.#entries.push(entry);
	}

	close(): void {
		this.#file.close();
	}
}
