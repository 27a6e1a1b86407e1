import { toHex } from "../../util/bytes.ts";
import type { CoapResponse } from "./coap-face.ts";
import type { CoapMessage } from "./message.ts";

/** How a notification leaves: the state of the resource, with its number; `failed` when the observer wants no more. */
export type SendNotification = (
	response: CoapResponse,
	sequence: number | undefined,
	done: { acknowledged(): void; failed(): void },
) => void;

interface Observer {
	readonly send: SendNotification;
	stop: () => void;
	sequence: number;
	isUnderWay: boolean;
	/** The latest state, of which the observer has not been told. */
	next: CoapResponse | undefined;
}

/** Who observes a resource over one path (RFC 7641 section 4), by token. */
export class Observers {
	readonly #observers = new Map<string, Observer>();
	readonly #max: number;

	constructor(max: number) {
		this.#max = max;
	}

	/** Who observes already may begin anew. */
	hasRoomFor({ token }: CoapMessage): boolean {
		return this.#observers.size < this.#max || this.#observers.has(toHex(token));
	}

	/** @param begin starts the telling; what it returns ends it */
	add(
		{ token }: CoapMessage,
		send: SendNotification,
		begin: (notify: (response: CoapResponse) => void) => () => void,
	): void {
		this.remove(token);
		const key = toHex(token);
		const observer: Observer = { send, stop: () => {}, sequence: FIRST, isUnderWay: false, next: undefined };
		this.#observers.set(key, observer);
		observer.stop = begin((response) => {
			if (this.#observers.get(key) !== observer) return;
			observer.next = response;
			this.#tell(key, observer);
		});
	}

	remove(token: Uint8Array): void {
		this.#end(toHex(token));
	}

	close(): void {
		for (const key of [...this.#observers.keys()]) this.#end(key);
	}

	/** One at a time: of several changes the observer needs the last only. */
	#tell(key: string, observer: Observer): void {
		const { next } = observer;
		if (observer.isUnderWay || next === undefined) return;
		observer.next = undefined;
		observer.isUnderWay = true;
		const isLast = !next.code.startsWith("2.");
		observer.send(next, isLast ? undefined : ++observer.sequence & 0xff_ffff, {
			acknowledged: () => {
				observer.isUnderWay = false;
				if (this.#observers.get(key) === observer) this.#tell(key, observer);
			},
			failed: () => {
				if (this.#observers.get(key) === observer) this.#end(key);
			},
		});
		if (isLast) this.#end(key);
	}

	#end(key: string): void {
		const observer = this.#observers.get(key);
		this.#observers.delete(key);
		observer?.stop();
	}
}

/** Number in the response to the registration; an observer that registers again must not take older ones for newer. */
const FIRST = 1;
export const FIRST_SEQUENCE = FIRST;
