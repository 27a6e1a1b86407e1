import { EuiccError } from "./errors.ts";
import type { NvmDisk } from "./nvm/disk.ts";

/** Where to cut the power: at the n-th write from now (1 is the next), after so many of its octets. */
export interface PowerCut {
	readonly write: number;
	readonly octets: number;
}

/**
 * A medium that loses power at a chosen write: what was written before the cut stays, the rest never happens, and the
 * medium refuses everything until `restore`. Torn appends and the two sides of an atomic replacement can be had.
 */
export class FaultyDisk implements NvmDisk {
	readonly #disk: NvmDisk;
	readonly #onCut: () => void;
	#cut: PowerCut | undefined;
	#writes = 0;
	#dead = false;

	/** @param onCut called at the moment of the cut, after what was written before it */
	constructor(disk: NvmDisk, onCut: () => void = () => undefined) {
		this.#disk = disk;
		this.#onCut = onCut;
	}

	/** Writes since the last `cutPower` or `restore`. */
	get writes(): number {
		return this.#writes;
	}

	cutPower(cut: PowerCut): void {
		this.#cut = cut;
		this.#writes = 0;
	}

	/** Power is back; the medium holds what was durable. */
	restore(): void {
		this.#cut = undefined;
		this.#writes = 0;
		this.#dead = false;
	}

	read(): Uint8Array | undefined {
		return this.#disk.read();
	}

	append(bytes: Uint8Array): void {
		const octets = this.#octetsBeforeCut();
		if (octets === undefined) {
			this.#disk.append(bytes);
			return;
		}
		if (octets > 0) this.#disk.append(bytes.subarray(0, octets));
		this.#die();
	}

	truncate(length: number): void {
		if (this.#octetsBeforeCut() !== undefined) this.#die();
		this.#disk.truncate(length);
	}

	replace(bytes: Uint8Array): void {
		const octets = this.#octetsBeforeCut();
		if (octets === undefined) {
			this.#disk.replace(bytes);
			return;
		}
		// A replacement is atomic: it took place when all octets were out before the cut, otherwise not.
		if (octets >= bytes.length) this.#disk.replace(bytes);
		this.#die();
	}

	close(): void {
		this.#disk.close();
	}

	#octetsBeforeCut(): number | undefined {
		if (this.#dead) this.#die();
		this.#writes++;
		return this.#cut?.write === this.#writes ? this.#cut.octets : undefined;
	}

	#die(): never {
		if (!this.#dead) this.#onCut();
		this.#dead = true;
		throw new EuiccError("EUICC_POWER_CUT", "the power of the card was cut in a write of its memory");
	}
}

/**
 * A cut as the command line writes it: `3` before the third write, `3:10` after ten octets of it.
 * @throws EuiccError EUICC_PERSONALISATION_INVALID
 */
export function parsePowerCut(text: string): PowerCut {
	const [, write, octets = "0"] = /^(\d+)(?::(\d+))?$/.exec(text) ?? [];
	if (write === undefined || Number(write) === 0) {
		throw new EuiccError("EUICC_PERSONALISATION_INVALID", `--cut-power is WRITE[:OCTETS], as 3 or 3:10, not "${text}"`);
	}
	return { write: Number(write), octets: Number(octets) };
}
