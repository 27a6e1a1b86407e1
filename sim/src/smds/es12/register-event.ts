import { toHex } from "@iot-esim/shared/util/bytes";
import { RspRefusal } from "../../rsp-server/status-code.ts";
import type { RootSmds, SmdsContext } from "../context.ts";
import { type EventRecord, isSameEvent, type NewEvent } from "../event.ts";

/** Forwarded registrations under way, by their SM-DS: a repetition waits for the first one. */
const underWay = new WeakMap<SmdsContext, Map<string, Promise<void>>>();

/**
 * ES12.RegisterEvent and ES15.RegisterEvent (SGP.22 sections 5.9.1 and 5.10.1). An alternative SM-DS that is asked to
 * forward registers itself at the root SM-DS before it answers. The same registration again is done already.
 * @throws RspRefusal 8.9.5/3.3; 8.9/5.1 and 8.9/4.2 of the root SM-DS, nothing being registered then
 */
export async function registerEvent(smds: SmdsContext, event: NewEvent, isForwarded: boolean): Promise<void> {
	const { eid, eventId } = event;
	const root = isForwarded ? smds.root : undefined;
	const waiting = underWay.get(smds) ?? new Map<string, Promise<void>>();
	underWay.set(smds, waiting);
	const place = `${eid} ${eventId}`;
	await waiting.get(place)?.catch(() => undefined);
	const known = smds.events.find(eid, eventId);
	if (known !== undefined) {
		if (isSameEvent(known, event) && (known.forwarded !== undefined) === (root !== undefined)) return;
		throw new RspRefusal("eventInUse", "another event of the eUICC has this EventID", eventId);
	}
	const registeredAt = smds.clock.now();
	const record: EventRecord = { ...event, registeredAt, expiresAt: registeredAt + smds.eventLifetime };
	if (root === undefined) {
		smds.events.put(record);
	} else {
		const forwarding = forward(smds, root, record);
		waiting.set(place, forwarding);
		await forwarding.finally(() => waiting.delete(place));
	}
	smds.log.info("event registered", { eid, eventId, rspServerAddress: event.rspServerAddress, isForwarded });
}

/** The event is on the disk before the root SM-DS is asked, so that a restart knows what to take back. */
async function forward(smds: SmdsContext, root: RootSmds, record: EventRecord): Promise<void> {
	const eventId = toHex(smds.random.bytes(16));
	const pending = { ...record, forwarded: { eventId, isConfirmed: false } };
	smds.events.put(pending);
	const own = { eid: record.eid, eventId, rspServerAddress: smds.addresses[0] };
	const outcome = await root.client.register(root.address, own);
	if (outcome.result === "done") {
		smds.events.put({ ...pending, forwarded: { eventId, isConfirmed: true } });
		return;
	}
	takeBack(smds, pending);
	if (outcome.result === "refused") {
		const codes = `${outcome.subjectCode}/${outcome.reasonCode}`;
		throw new RspRefusal("smdsExecutionError", `the root SM-DS refused the event: ${codes} ${outcome.message}`);
	}
	throw new RspRefusal("smdsInaccessible", `the root SM-DS cannot be reached: ${outcome.message}`);
}

/** Removes an event here and, where it was forwarded, at the root SM-DS. */
export function takeBack(smds: Pick<SmdsContext, "events" | "root" | "addresses">, event: EventRecord): void {
	deleteAtRoot(smds, event);
	smds.events.delete(event);
}

/** Noted first: a kill in between leaves a deletion that finds nothing, and never an event that leads nowhere. */
export function deleteAtRoot(smds: Pick<SmdsContext, "root" | "addresses">, { eid, forwarded }: EventRecord): void {
	if (smds.root === undefined || forwarded === undefined) return;
	const own = { eid, eventId: forwarded.eventId, rspServerAddress: smds.addresses[0] };
	smds.root.outbox.delete(smds.root.address, own);
}
