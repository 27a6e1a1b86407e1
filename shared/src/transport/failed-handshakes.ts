/** What a server says of handshakes that fail: each is counted, and as many are told as a log can bear. */

import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { Minutes } from "../util/duration.ts";
import { EsimError } from "../util/errors.ts";
import { hostGroup } from "./host-group.ts";

const WINDOW = Minutes(1);
/** Lines in a window: of all hosts together, and of one. */
const LINES = 30;
const LINES_OF_HOST = 5;

export interface FailedHandshakesOptions {
	readonly log: Logger;
	readonly clock: Clock;
	/** Told of each one; the reason is one of a few, an error's code. */
	readonly count?: ((reason: string) => void) | undefined;
}

/**
 * Takes failed handshakes. Anyone may make some: neither the log nor memory grows with them, and one host's do not hide
 * another's.
 * @returns to be told of each one
 */
export function failedHandshakes({ log, clock, count }: FailedHandshakesOptions) {
	const lines = new Map<string, number>();
	let began = Number.NEGATIVE_INFINITY;
	let told = 0;
	let untold = 0;
	return (remoteAddress: string | undefined, error: Error): void => {
		count?.(error instanceof EsimError ? error.code : "OTHER");
		const now = clock.now();
		if (now < began || now - began >= WINDOW) {
			[began, told] = [now, 0];
			lines.clear();
		}
		const host = hostOf(remoteAddress);
		const ofHost = lines.get(host) ?? 0;
		if (told >= LINES || ofHost >= LINES_OF_HOST) {
			untold++;
			return;
		}
		told++;
		lines.set(host, ofHost + 1);
		const pskIdentity = error instanceof EsimError ? error.context.pskIdentity : undefined;
		log.warn("handshake failed", { remoteAddress, pskIdentity, error, notTold: untold === 0 ? undefined : untold });
		untold = 0;
	};
}

/** Of "192.0.2.1:5684" or "[2001:db8::1]:5684". */
function hostOf(remoteAddress = ""): string {
	return hostGroup(remoteAddress.replace(/:\d+$/, "").replace(/^\[|\]$/g, ""));
}
