/** Longest time that is learnt, in ms: messages sent again over more than that would outlive the peer's memory of them. */
const LONGEST = 22_000;
const MARGIN = 1.1;

/**
 * How long a path takes there and back, learnt from its acknowledgements (RFC 7252 section 4.8.1 lets the waits grow, and RFC 8961
 * says how to learn): over a slow link the fixed wait of RFC 7252 would send everything several times.
 */
export class RoundTrips {
	#estimate = 0;
	/** Acknowledged after several transmissions: nobody knows yet which of them it was. */
	#doubtful: { readonly messageId: number; readonly took: number } | undefined;

	/** The least time to wait for an acknowledgement, in ms; 0 before anything is known. */
	get patience(): number {
		return Math.min(LONGEST, this.#estimate * MARGIN);
	}

	/** A message was acknowledged, so many ms after its first transmission. */
	acknowledged(messageId: number, took: number, transmissions: number): void {
		this.#doubtful = undefined;
		if (transmissions === 1) this.#learn(took);
		else this.#doubtful = { messageId, took };
	}

	/** It is acknowledged again: the other transmissions came too, and the first answer was that to the first one. */
	acknowledgedAgain(messageId: number): void {
		if (this.#doubtful?.messageId !== messageId) return;
		this.#learn(this.#doubtful.took);
		this.#doubtful = undefined;
	}

	/** Rises at once and falls slowly. */
	#learn(took: number): void {
		this.#estimate = Math.max(took, 0.75 * this.#estimate + 0.25 * took);
	}
}
