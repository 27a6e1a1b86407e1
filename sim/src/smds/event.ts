/** An event that waits for an eUICC; times in milliseconds since 1970. */
export interface EventRecord {
	/** 32 digits. */
	readonly eid: string;
	/** As the RSP server named it. */
	readonly eventId: string;
	/** Where the eUICC shall go. */
	readonly rspServerAddress: string;
	/** functionRequesterIdentifier of who registered it, by his own word. */
	readonly registeredBy?: string;
	readonly registeredAt: number;
	readonly expiresAt: number;
	/** Of an alternative SM-DS: under which EventID it stands at the root SM-DS. */
	readonly forwarded?: Forwarded;
}

export interface Forwarded {
	readonly eventId: string;
	/** The root SM-DS has confirmed it; the event counts only then. */
	readonly isConfirmed: boolean;
}

/** What a registration says. */
export type NewEvent = Pick<EventRecord, "eid" | "eventId" | "rspServerAddress" | "registeredBy">;

/** Whether a registration repeats one that is there: its answer was lost. */
export function isSameEvent(known: EventRecord, event: NewEvent): boolean {
	return known.rspServerAddress === event.rspServerAddress && known.registeredBy === event.registeredBy;
}

/**
 * The events that an eUICC is told of (SGP.22 section 5.8.2): all of its own, or the one that it names by the EventID
 * under which this SM-DS or the root SM-DS has it.
 */
export function eventsFor(events: readonly EventRecord[], eventId: string): EventRecord[] {
	const confirmed = events.filter(({ forwarded }) => forwarded?.isConfirmed !== false);
	if (eventId === "") return confirmed;
	return confirmed.filter((event) => event.eventId === eventId || event.forwarded?.eventId === eventId);
}
