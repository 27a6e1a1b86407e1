/** What a server says of handshakes that fail: each is counted, and as many are told as a log can bear. */

import { boundedWarnings } from "../runtime/bounded-warnings.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { EsimError } from "../util/errors.ts";

export interface FailedHandshakesOptions {
	readonly log: Logger;
	readonly clock: Clock;
	/** Told of each one; the reason is one of a few, an error's code. */
	readonly count?: ((reason: string) => void) | undefined;
}

/**
 * Takes failed handshakes, which anyone may make.
 * @returns to be told of each one
 */
export function failedHandshakes({ log, clock, count }: FailedHandshakesOptions) {
	const warn = boundedWarnings({ log, clock });
	return (remoteAddress: string | undefined, error: Error): void => {
		count?.(error instanceof EsimError ? error.code : "OTHER");
		const pskIdentity = error instanceof EsimError ? error.context.pskIdentity : undefined;
		warn(remoteAddress, "handshake failed", { pskIdentity, error });
	};
}
