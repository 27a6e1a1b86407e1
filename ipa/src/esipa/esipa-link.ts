/** Moves ESipa messages to one eIM and back, over whatever binding. */
export interface EsipaLink {
	/** What to call the eIM in logs: its address. */
	readonly name: string;
	/**
	 * One message out; the answer, empty when the eIM had nothing to say.
	 * @throws EsipaLinkError
	 */
	exchange(message: Uint8Array, signal?: AbortSignal): Promise<Uint8Array>;
	/**
	 * The device has another address: what is open leads nowhere any more, and waiting for it only costs. The next exchange
	 * begins anew, resuming what can be resumed.
	 */
	renew?(): void;
	/** The network is another one: what failed before may work now. What is open stays. */
	tryAnew?(): void;
	close(): Promise<void>;
}
