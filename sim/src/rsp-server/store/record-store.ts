import { join } from "node:path";
import { RspServerError } from "../errors.ts";
import { UNFINISHED } from "./durable-file.ts";
import { fileDisk, type StateDisk } from "./state-disk.ts";

const ENDING = ".json";

/**
 * Records of one kind, each in a JSON file of its own, all in memory too. A change is on the disk when `put` returns.
 * Keys are file names: letters, digits, dot, underscore and hyphen.
 */
export class RecordStore<T> {
	readonly #folder: string;
	readonly #disk: StateDisk;
	readonly #records = new Map<string, T>();

	/** @throws RspServerError RSP_SERVER_STATE_DAMAGED */
	constructor(folder: string, disk: StateDisk = fileDisk) {
		this.#folder = folder;
		this.#disk = disk;
		disk.makeFolder(folder);
		for (const name of disk.list(folder)) {
			if (name.endsWith(UNFINISHED)) disk.remove(join(folder, name));
			else if (name.endsWith(ENDING)) this.#load(name.slice(0, -ENDING.length));
		}
	}

	get(key: string): T | undefined {
		return this.#records.get(key);
	}

	/** As `get`, but looks into the folder for a record that another program added. */
	find(key: string): T | undefined {
		const record = this.#records.get(key);
		if (record !== undefined || !isKey(key) || this.#disk.read(this.#path(key)) === undefined) return record;
		return this.#load(key);
	}

	/** Takes in the records that another program added. */
	refresh(): void {
		for (const name of this.#disk.list(this.#folder)) {
			const key = name.slice(0, -ENDING.length);
			if (name.endsWith(ENDING) && !this.#records.has(key)) this.#load(key);
		}
	}

	values(): T[] {
		return [...this.#records.values()];
	}

	put(key: string, record: T): void {
		if (!isKey(key)) throw new RspServerError("RSP_SERVER_STATE_DAMAGED", `"${key}" cannot be the name of a record`);
		this.#disk.replace(this.#path(key), `${JSON.stringify(record)}\n`);
		this.#records.set(key, record);
	}

	delete(key: string): void {
		if (!this.#records.delete(key)) return;
		this.#disk.remove(this.#path(key));
	}

	#load(key: string): T {
		const path = this.#path(key);
		try {
			const record = JSON.parse(new TextDecoder().decode(this.#disk.read(path))) as T;
			this.#records.set(key, record);
			return record;
		} catch (cause) {
			throw new RspServerError("RSP_SERVER_STATE_DAMAGED", `${path} cannot be read`, { cause });
		}
	}

	#path(key: string): string {
		return join(this.#folder, `${key}${ENDING}`);
	}
}

function isKey(key: string): boolean {
	return /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,120}$/.test(key);
}
