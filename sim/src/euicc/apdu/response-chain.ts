import type { Command } from "./command.ts";
import { type Answer, plain, Status } from "./status.ts";

const LARGEST_PIECE = 256;

/**
 * Cuts answers for GET RESPONSE. A command that sent data is answered by 61xx, as a T=0 terminal needs and others
 * accept; one that only asked (a length octet, no data) gets its octets at once, or 6Cxx when it asked for another
 * number.
 */
export class ResponseChain {
	#rest: Uint8Array = new Uint8Array(0);
	#status: number = Status.ok;

	/** The first answer to a command; what does not fit waits here. */
	start({ data, le }: Command, answer: Answer): Answer {
		this.clear();
		if (answer.data.length === 0) return answer;
		if (le !== undefined && data.length === 0) {
			const expected = Math.min(le, LARGEST_PIECE);
			if (answer.data.length <= LARGEST_PIECE) {
				if (expected !== LARGEST_PIECE && expected !== answer.data.length) return wrongLe(answer.data.length);
				return answer;
			}
			this.#wait(answer);
			return this.#piece(expected);
		}
		this.#wait(answer);
		return plain(this.#more());
	}

	/** GET RESPONSE: the next octets. Le 00 takes what is there, a larger one is corrected by 6Cxx. */
	next({ p1, p2, data, le }: Command): Answer {
		if (p1 !== 0 || p2 !== 0) return plain(Status.incorrectParameters);
		if (data.length > 0 || le === undefined) return plain(Status.wrongLength);
		if (this.#rest.length === 0) return plain(Status.conditionsNotSatisfied);
		if (le < LARGEST_PIECE && le > this.#rest.length) return wrongLe(this.#rest.length);
		return this.#piece(Math.min(le, LARGEST_PIECE));
	}

	clear(): void {
		this.#rest = this.#rest.subarray(0, 0);
	}

	#wait(answer: Answer): void {
		this.#rest = answer.data;
		this.#status = answer.status;
	}

	#piece(length: number): Answer {
		const data = this.#rest.subarray(0, length);
		this.#rest = this.#rest.subarray(length);
		return { data, status: this.#rest.length === 0 ? this.#status : this.#more() };
	}

	#more(): number {
		return 0x6100 | (Math.min(this.#rest.length, LARGEST_PIECE) & 0xff);
	}
}

function wrongLe(length: number): Answer {
	return plain(0x6c00 | (length & 0xff));
}
