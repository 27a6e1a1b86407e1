import { EuiccError } from "../errors.ts";
import type { NvmDisk } from "./disk.ts";
import { type Change, encodeRecord, MAGIC, replayRecords } from "./record.ts";

/** Journals shorter than this are not compacted unless a card is told otherwise. */
const COMPACTION_FLOOR = 1 << 20;
/** A journal is compacted when it is this many times larger than what it says. */
const COMPACTION_FACTOR = 3;

/**
 * The non-volatile memory of a card: keys with octets. Changes gather until `commit`, which makes all of them durable
 * together; a loss of power at any octet leaves the state before or after, never one between.
 */
export class Nvm {
	readonly #disk: NvmDisk;
	readonly #compactionFloor: number;
	readonly #values = new Map<string, Uint8Array>();
	/** What the changes of the running transaction replaced, to take them back. */
	#undo = new Map<string, Uint8Array | undefined>();
	#length: number;
	#live = 0;
	#revision = 0;

	/**
	 * @param compactionFloor octets below which a journal is never compacted; small for cards that share one machine's memory
	 * @throws EuiccError EUICC_MEMORY_CORRUPT
	 */
	constructor(disk: NvmDisk, compactionFloor: number = COMPACTION_FLOOR) {
		this.#disk = disk;
		this.#compactionFloor = compactionFloor;
		const journal = disk.read() ?? new Uint8Array(0);
		const { changes, end } = replayRecords(journal);
		for (const change of changes) this.#apply(change);
		if (end === 0) {
			if (journal.length > 0) disk.truncate(0);
			disk.append(MAGIC);
		} else if (end < journal.length) disk.truncate(end);
		this.#length = Math.max(end, MAGIC.length);
	}

	/** A copy-free view of a value; callers do not write into it. */
	get(key: string): Uint8Array | undefined {
		return this.#values.get(key);
	}

	/** All keys that begin with `prefix`, sorted. */
	keys(prefix: string): string[] {
		return [...this.#values.keys()].filter((key) => key.startsWith(prefix)).sort();
	}

	/** Grows with every change, so that what was read can be kept until something is different. */
	get revision(): number {
		return this.#revision;
	}

	put(key: string, value: Uint8Array): void {
		this.#remember(key);
		this.#apply({ key, value: value.slice() });
	}

	delete(key: string): void {
		if (!this.#values.has(key)) return;
		this.#remember(key);
		this.#apply({ key, value: undefined });
	}

	/** Octets that keys and values take. */
	get usedOctets(): number {
		return this.#live;
	}

	/** Makes every change since the last commit durable, all or nothing. Without changes nothing is written. */
	commit(): void {
		if (this.#undo.size === 0) return;
		const changes = [...this.#undo.keys()].map((key): Change => ({ key, value: this.#values.get(key) }));
		const record = encodeRecord(changes);
		if (this.#length + record.length > Math.max(this.#compactionFloor, COMPACTION_FACTOR * this.#live)) {
			this.#compact();
		} else {
			this.#append(record);
		}
		this.#undo = new Map();
	}

	/** Takes back every change since the last commit. */
	rollback(): void {
		for (const [key, value] of this.#undo) this.#apply({ key, value });
		this.#undo = new Map();
	}

	close(): void {
		if (this.#undo.size > 0) throw new EuiccError("EUICC_MEMORY_CORRUPT", "the card memory is closed in mid-change");
		this.#disk.close();
	}

	/** A record that could not be written whole (a full disk) must not stand before the next one. */
	#append(record: Uint8Array): void {
		try {
			this.#disk.append(record);
		} catch (error) {
			this.#disk.truncate(this.#length);
			throw error;
		}
		this.#length += record.length;
	}

	/** One record with all that is there, the running transaction included, takes the place of the journal. */
	#compact(): void {
		const everything = [...this.#values].map(([key, value]): Change => ({ key, value }));
		const record = everything.length === 0 ? new Uint8Array(0) : encodeRecord(everything);
		const journal = new Uint8Array(MAGIC.length + record.length);
		journal.set(MAGIC);
		journal.set(record, MAGIC.length);
		this.#disk.replace(journal);
		this.#length = journal.length;
	}

	#remember(key: string): void {
		if (!this.#undo.has(key)) this.#undo.set(key, this.#values.get(key));
	}

	#apply({ key, value }: Change): void {
		this.#revision++;
		const before = this.#values.get(key);
		if (before !== undefined) this.#live -= key.length + before.length;
		if (value === undefined) this.#values.delete(key);
		else {
			this.#values.set(key, value);
			this.#live += key.length + value.length;
		}
	}
}
