import { concatBytes } from "@iot-esim/shared/util/bytes";
import { MemoryDisk, type NvmDisk } from "@iot-esim/sim/euicc/nvm/disk";
import { type Change, MAGIC, replayRecords } from "@iot-esim/sim/euicc/nvm/record";

/** Something that the card has signed and keeps until it is told to forget it. */
export interface KeptByCard {
	readonly kind: "notification" | "package-result";
	readonly seqNumber: number;
	readonly der: Uint8Array;
}

const KEPT = /^(notification|package-result)\/(\d+)$/;

/** A card's memory that remembers what was ever durable on it: the truth that everybody else is measured by. */
export class CardMemory implements NvmDisk {
	readonly #disk: MemoryDisk;
	readonly #kept = new Map<string, KeptByCard>();
	/** Everything that was ever kept, in the order of its writing. */
	readonly written: KeptByCard[] = [];
	/** What the card was told to forget. */
	readonly removed: KeptByCard[] = [];
	/** Rises with every write. */
	revision = 0;
	onChange: (change: string) => void = () => undefined;

	constructor(contents: Uint8Array) {
		this.#disk = new MemoryDisk(contents);
		this.#follow(replayRecords(contents).changes);
	}

	/** What waits on the card. */
	get waiting(): readonly KeptByCard[] {
		return [...this.#kept.values()];
	}

	read(): Uint8Array | undefined {
		return this.#disk.read();
	}

	append(bytes: Uint8Array): void {
		this.revision++;
		this.#disk.append(bytes);
		// A torn record never happened.
		this.#follow(replayRecords(concatBytes(MAGIC, bytes)).changes);
	}

	truncate(length: number): void {
		this.#disk.truncate(length);
	}

	/** Compaction: the contents in another form. */
	replace(bytes: Uint8Array): void {
		this.revision++;
		this.#disk.replace(bytes);
		const { changes } = replayRecords(bytes);
		const there = new Set(changes.map(({ key }) => key));
		const gone = [...this.#kept.keys()].filter((key) => !there.has(key)).map((key) => ({ key, value: undefined }));
		this.#follow([...changes, ...gone]);
	}

	close(): void {
		// It lies in memory.
	}

	#follow(changes: readonly Change[]): void {
		for (const { key, value } of changes) {
			const [, kind, digits] = KEPT.exec(key) ?? [];
			if (kind === undefined) continue;
			const before = this.#kept.get(key);
			if (value === undefined) {
				if (before === undefined) continue;
				this.removed.push(before);
				this.#kept.delete(key);
				this.onChange(`forgets ${key}`);
			} else if (before === undefined) {
				const kept = { kind: kind as KeptByCard["kind"], seqNumber: Number(digits), der: value };
				this.#kept.set(key, kept);
				this.written.push(kept);
				this.onChange(`keeps ${key}`);
			}
		}
	}
}
