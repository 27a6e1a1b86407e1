import { hex } from "@iot-esim/shared/util/bytes";
import { type Answer, answered, plain, Status } from "./status.ts";

/** REFRESH with "UICC reset" (ETSI TS 102 223 section 8.6, qualifier 04), from the UICC to the terminal. */
const REFRESH = hex`D009 8103010104 82028182`;

/** 91xx and the Lc of TERMINAL RESPONSE have one octet. */
const LONGEST_COMMAND = 255;

interface Waiting {
	/** Whole D0. */
	readonly command: Uint8Array;
	readonly answer: (terminalResponse: Uint8Array) => void;
}

/**
 * The proactive commands of this card, one at a time: REFRESH after another profile was enabled or disabled, and what an
 * application inside the card wants.
 */
export class ProactiveSession {
	#queue: Waiting[] = [];
	#fetched: Waiting | undefined;
	#refresh: Waiting | undefined;

	/** True from the request for REFRESH until the terminal's answer: profiles cannot be switched meanwhile (catBusy). */
	get isBusy(): boolean {
		return this.#refresh !== undefined;
	}

	/** True while a command waits to be fetched. */
	get isWaiting(): boolean {
		return this.#fetched === undefined && this.#queue.length > 0;
	}

	/** The card was reset: nothing waits any more, and nobody is answered. */
	reset(): void {
		this.#queue = [];
		this.#fetched = undefined;
		this.#refresh = undefined;
	}

	/** Goes before everything else that waits. */
	requestRefresh(): void {
		if (this.#refresh !== undefined) return;
		this.#refresh = { command: REFRESH, answer: () => undefined };
		this.#queue.unshift(this.#refresh);
	}

	/**
	 * Queues a command of an application in the card.
	 * @param answer gets the data of the TERMINAL RESPONSE; never called when the card is reset before
	 */
	request(command: Uint8Array, answer: (terminalResponse: Uint8Array) => void): void {
		if (command.length > LONGEST_COMMAND) throw new RangeError(`a proactive command of ${command.length} octets`);
		this.#queue.push({ command, answer });
	}

	/** 9000 becomes 91xx while a command waits to be fetched (ETSI TS 102 221 section 7.4.2). */
	statusOf(status: number): number {
		const next = this.#queue[0];
		return status === Status.ok && this.isWaiting && next !== undefined ? 0x9100 | next.command.length : status;
	}

	fetch(le: number | undefined): Answer {
		const next = this.#queue[0];
		if (!this.isWaiting || next === undefined) return plain(Status.conditionsNotSatisfied);
		if (le === undefined) return plain(Status.wrongLength);
		if (le < 256 && le !== next.command.length) return plain(0x6c00 | next.command.length);
		this.#queue.shift();
		this.#fetched = next;
		return answered(next.command);
	}

	/** The terminal's answer to the command that was fetched, whatever its result says. */
	complete(terminalResponse: Uint8Array): void {
		const answered = this.#fetched;
		this.#fetched = undefined;
		if (answered === undefined) return;
		if (answered === this.#refresh) this.#refresh = undefined;
		answered.answer(terminalResponse);
	}
}
