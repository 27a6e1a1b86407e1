/** One writer on a card: sessions, package loads and eUICC packages must not mix. Work is done in the order asked for. */
export class CardLock {
	#tail: Promise<unknown> = Promise.resolve();

	/** Runs `work` when everything asked for before is done. */
	run<T>(work: () => Promise<T>): Promise<T> {
		const result = this.#tail.then(work);
		this.#tail = result.catch(() => undefined);
		return result;
	}
}
