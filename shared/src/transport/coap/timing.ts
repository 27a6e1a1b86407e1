import { type Duration, Seconds } from "../../util/duration.ts";

/** Transmission parameters of RFC 7252 section 4.8, and what is derived from them. */
export interface CoapTiming {
	readonly ackTimeout: Duration;
	/** A first wait is up to so many times as long. */
	readonly ackRandomFactor: number;
	readonly maxRetransmit: number;
	/** Confirmable messages under way at once to one peer. */
	readonly nstart: number;
	/** Longest time for which a message id stands for one message. */
	readonly exchangeLifetime: Duration;
	/** How long a request may wait for its response before it is acknowledged without one. */
	readonly piggybackWindow: Duration;
}

export const RFC_TIMING: CoapTiming = {
	ackTimeout: Seconds(2),
	ackRandomFactor: 1.5,
	maxRetransmit: 4,
	nstart: 1,
	exchangeLifetime: Seconds(247),
	piggybackWindow: Seconds(1.5),
};
