import type { NewEvent } from "../../domain/event.ts";
import type { Notification } from "../../domain/notification.ts";
import { first, type SqlEngine, type Step } from "./engine.ts";
import { digestOf, type Steps } from "./steps.ts";

/** Stores notifications that are new, each with the job that delivers it; gives back how many were new. */
export function* insertNotifications(
	engine: SqlEngine,
	steps: Steps,
	notifications: readonly Notification[],
	events: NewEvent[],
): Step<number> {
	let fresh = 0;
	for (const { id, eid, bytes, address, seqNumber, event, iccid, receivedAt } of notifications) {
		const insert = engine.sql
			.insertInto("notifications")
			.values({
				id,
				eid,
				digest: digestOf(bytes),
				bytes,
				address,
				seq_number: seqNumber,
				event,
				iccid: iccid ?? null,
				received_at: receivedAt,
			})
			.onConflict((conflict) => conflict.columns(["eid", "digest"]).doNothing())
			.returning("seq");
		if (!(yield* first(insert.compile()))) continue;
		fresh++;
		yield* steps.insertJobs([{ kind: "notificationDelivery", reference: id, runAfter: receivedAt }], receivedAt);
		const facts = { seqNumber, event, address, ...(iccid ? { iccid } : {}) };
		events.push({ at: receivedAt, type: "notificationReceived", eid, facts });
	}
	return fresh;
}
