/** A device for which the eIM asks an SM-DS again and again. */
export interface SmdsPolling {
	/** FQDN of the SM-DS, with an optional `:port`; absent: that of the configuration, else the card's root SM-DS. */
	readonly address?: string;
	/** Milliseconds from one question to the next. */
	readonly every: number;
	/** When it was switched on or changed. */
	readonly since: number;
}

/** An event of an SM-DS that has led to a profile on the card. */
export interface DownloadedEvent {
	/** The SM-DP+ that the event named. */
	readonly rspServerAddress: string;
	/** Event and matching identifier are the same. */
	readonly eventId: string;
}

/** An SM-DS forgets an event once it is downloaded: what it still names is among the latest. */
const REMEMBERED_AT_MOST = 32;

export function rememberEvent(
	known: readonly DownloadedEvent[] | undefined,
	event: DownloadedEvent,
): readonly DownloadedEvent[] {
	const others = (known ?? []).filter((one) => !isSameEvent(one, event));
	return [...others, event].slice(-REMEMBERED_AT_MOST);
}

export function isSameEvent(one: DownloadedEvent, other: DownloadedEvent): boolean {
	return one.eventId === other.eventId && one.rspServerAddress.toLowerCase() === other.rspServerAddress.toLowerCase();
}

/** Failures double the time to the next question, up to this. */
const LONGEST_BACK_OFF = 86_400_000;
const DOUBLINGS_AT_MOST = 12;

/**
 * When the SM-DS is asked next.
 * @param failures in a row until now
 * @param draw from 0 to 1: the time varies by a tenth, so that a fleet does not ask at once
 */
export function nextSmdsPoll({ every }: SmdsPolling, now: number, failures: number, draw: number): number {
	const doubled = every * 2 ** Math.min(failures, DOUBLINGS_AT_MOST);
	const pause = Math.max(every, Math.min(doubled, LONGEST_BACK_OFF));
	return Math.round(now + pause * (0.9 + 0.2 * draw));
}
