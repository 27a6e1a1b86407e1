/** Warnings of what anyone may bring about: as many are told as a log can bear. */

import net from "node:net";
import { Minutes } from "../util/duration.ts";
import { hostGroup } from "../util/host-group.ts";
import type { Clock } from "./clock.ts";
import type { LogFacts, Logger } from "./logger.ts";

const WINDOW = Minutes(1);
/** Lines in a window: of all hosts together, and of one. */
const LINES = 30;
const LINES_OF_HOST = 5;

/** @param remoteAddress of who brought it about; a fact of the line */
export type WarnBounded = (remoteAddress: string | undefined, phrase: string, facts: LogFacts) => void;

/**
 * Takes warnings of one kind or of several that share their lines. Neither the log nor memory grows with them, and one
 * host's do not hide another's; the next line that is told says how many were not (`notTold`).
 */
export function boundedWarnings({ log, clock }: { readonly log: Logger; readonly clock: Clock }): WarnBounded {
	const lines = new Map<string, number>();
	let began = Number.NEGATIVE_INFINITY;
	let told = 0;
	let untold = 0;
	return (remoteAddress, phrase, facts) => {
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
		log.warn(phrase, { remoteAddress, ...facts, notTold: untold === 0 ? undefined : untold });
		untold = 0;
	};
}

/** Of "192.0.2.1", "2001:db8::1", "192.0.2.1:5684" or "[2001:db8::1]:5684". */
function hostOf(remoteAddress = ""): string {
	if (net.isIP(remoteAddress.replace(/%.*$/, "")) !== 0) return hostGroup(remoteAddress);
	return hostGroup(remoteAddress.replace(/:\d+$/, "").replace(/^\[|\]$/g, ""));
}
