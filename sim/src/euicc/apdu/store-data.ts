import { concatBytes } from "@iot-esim/shared/util/bytes";
import { Status } from "./status.ts";

const MORE_BLOCKS = 0x11;
const LAST_BLOCK = 0x91;

/** What a block of STORE DATA led to: the whole command, a wait for more, or a refusal. */
export type Assembly = { readonly whole: Uint8Array } | { readonly status: number };

/**
 * Puts the blocks of one STORE DATA command together (SGP.22 section 5.7.2): P1 11 for more and 91 for the last, P2 the
 * block number from 00. Block 00 always starts anew; a block out of turn drops the command.
 */
export class StoreDataAssembler {
	#blocks: Uint8Array[] = [];

	add(p1: number, p2: number, data: Uint8Array): Assembly {
		if (p1 !== MORE_BLOCKS && p1 !== LAST_BLOCK) return this.#refuse();
		if (p2 === 0) this.#blocks = [];
		if (p2 !== this.#blocks.length) return this.#refuse();
		this.#blocks.push(data.slice());
		if (p1 === MORE_BLOCKS) {
			// The block number has one octet: after block FF only a last one could have stood.
			return this.#blocks.length > 0xff ? this.#refuse() : { status: Status.ok };
		}
		const whole = concatBytes(...this.#blocks);
		this.#blocks = [];
		return { whole };
	}

	/** Forgets a half-sent command, as any other command on the channel does. */
	clear(): void {
		this.#blocks = [];
	}

	#refuse(): Assembly {
		this.#blocks = [];
		return { status: Status.incorrectParameters };
	}
}
