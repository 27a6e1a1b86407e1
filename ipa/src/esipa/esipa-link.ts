/** Moves ESipa messages to one eIM and back, over whatever binding. */
export interface EsipaLink {
	/** What to call the eIM in logs: its address. */
	readonly name: string;
	/**
	 * One message out; the answer, empty when the eIM had nothing to say.
	 * @throws EsipaLinkError
	 */
	exchange(message: Uint8Array, signal?: AbortSignal): Promise<Uint8Array>;
	close(): Promise<void>;
}
