import type { EventRegistration } from "../../rsp-server/event-client.ts";
import type { EventOutbox } from "../../rsp-server/event-outbox.ts";
import type { OrderState } from "./order-state.ts";
import type { ProfileRecord } from "./profile-record.ts";

/** States in which an eUICC may fetch the profile, so that its event stands at the SM-DS (SGP.22 section 3.6). */
const announced: readonly OrderState[] = ["released", "downloaded"];

export interface OrderEvent {
	readonly smdsAddress: string;
	readonly event: EventRegistration;
}

/** The event that a profile's order has at an SM-DS now; its EventID is the MatchingID. */
export function eventOfOrder(profile: ProfileRecord | undefined, rspServerAddress: string): OrderEvent | undefined {
	const { eid, matchingId, smdsAddress } = profile?.order ?? {};
	if (profile === undefined || !announced.includes(profile.state)) return undefined;
	if (eid === undefined || !matchingId || smdsAddress === undefined) return undefined;
	// An alternative SM-DS shall lead to it from the root; a root SM-DS has nowhere to forward to.
	return { smdsAddress, event: { eid, eventId: matchingId, rspServerAddress, forwardingIndicator: true } };
}

/** Registers and deletes by what a change of a profile made of its event. */
export function announceChange(
	outbox: EventOutbox,
	before: OrderEvent | undefined,
	after: OrderEvent | undefined,
): void {
	if (JSON.stringify(before) === JSON.stringify(after)) return;
	if (before !== undefined) outbox.delete(before.smdsAddress, before.event);
	if (after !== undefined) outbox.register(after.smdsAddress, after.event);
}

/** Catches up with changes that were stored when the program was killed before it could note their events. */
export function announceAll(outbox: EventOutbox, events: readonly OrderEvent[]): void {
	for (const { smdsAddress, event } of events) {
		const known = outbox.find({ smdsAddress, ...event });
		if (known?.wanted !== "registered") outbox.register(smdsAddress, event);
	}
	for (const known of outbox.list()) {
		const isStillTrue = events.some(
			({ smdsAddress, event }) =>
				smdsAddress === known.smdsAddress && event.eid === known.eid && event.eventId === known.eventId,
		);
		if (known.wanted === "registered" && !isStillTrue) outbox.delete(known.smdsAddress, known);
	}
}
