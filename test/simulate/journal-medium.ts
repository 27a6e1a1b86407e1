import { JournalError } from "@iot-esim/ipa/state/errors";
import type { JournalStorage } from "@iot-esim/ipa/state/journal-storage";
import { concatBytes } from "@iot-esim/shared/util/bytes";
import type { Faults } from "./faults.ts";
import type { Life } from "./life.ts";

/** The disk below the journal of an IPA: outlives the IPA, may be full, and may be left in the middle of a write. */
export class JournalMedium {
	readonly #faults: Faults;
	readonly #name: string;
	readonly #now: () => number;
	#bytes: Uint8Array = new Uint8Array(0);

	constructor(name: string, faults: Faults, now: () => number) {
		this.#name = name;
		this.#faults = faults;
		this.#now = now;
	}

	/** All is gone, as after the IPA was installed anew. */
	erase(): void {
		this.#bytes = new Uint8Array(0);
	}

	/** As one run of the IPA has it. */
	of(life: Life): JournalStorage {
		return {
			read: () => life.step("journal.read", async () => this.#bytes),
			append: (bytes) =>
				life.step("journal.append", async () => {
					const octets = this.#written(life, bytes.length);
					this.#bytes = concatBytes(this.#bytes, bytes.subarray(0, octets));
					this.#failUnless(octets === bytes.length);
				}),
			replace: (bytes) =>
				life.step("journal.replace", async () => {
					const octets = this.#written(life, bytes.length);
					if (octets === bytes.length) this.#bytes = bytes.slice();
					this.#failUnless(octets === bytes.length);
				}),
		};
	}

	/** How many octets reach the medium. */
	#written(life: Life, octets: number): number {
		if (this.#faults.isDeath("ipa", this.#name)) {
			life.die();
			return Math.floor(this.#faults.tornShare() * (octets + 1));
		}
		return this.#faults.isDiskFull("ipa", this.#now()) ? Math.floor(this.#faults.tornShare() * octets) : octets;
	}

	#failUnless(isWhole: boolean): void {
		if (!isWhole)
			throw new JournalError("JOURNAL_UNREADABLE", "journal: cannot write: ENOSPC: no space left on device");
	}
}
