import { RspRefusal } from "../../rsp-server/status-code.ts";
import type { SmdpContext } from "../context.ts";
import type { ProfileRecord } from "../orders/profile-record.ts";

/**
 * The order that an eUICC asks for, by its matching identifier, or by its EID when it names none.
 * @throws RspRefusal 8.2.6/3.8, 8.1.1/3.8, 8.2/1.2, 8.8.5/4.10, 8.8.5/6.4
 */
export function findPendingOrder(
	smdp: SmdpContext,
	{ eid, matchingId }: { readonly eid: string; readonly matchingId: string },
): ProfileRecord {
	const profile = matchingId === "" ? waitingFor(smdp, eid) : smdp.inventory.findByMatchingId(matchingId);
	if (profile === undefined) {
		const reason =
			matchingId === "" ? `no order waits for the eUICC ${eid}` : `no order has the MatchingID ${matchingId}`;
		throw new RspRefusal("matchingIdRefused", reason, matchingId === "" ? undefined : matchingId);
	}
	const { order, binding, state } = profile;
	const owner = order?.eid ?? (state === "downloaded" ? binding?.eid : undefined);
	if (owner !== undefined && owner !== eid) {
		throw new RspRefusal("eidRefused", "the order is for another eUICC", eid);
	}
	checkState(profile);
	if (order?.expiresAt !== undefined && smdp.clock.now() > order.expiresAt) {
		throw new RspRefusal("orderExpired", `the order was valid until ${new Date(order.expiresAt).toISOString()}`);
	}
	return profile;
}

/** The first order of several that wait for the same eUICC; one under way goes before the others. */
function waitingFor(smdp: SmdpContext, eid: string): ProfileRecord | undefined {
	const pending = smdp.inventory.findByEid(eid);
	return (
		pending.find(({ state }) => state === "downloaded") ??
		pending.find(({ state }) => state === "released") ??
		pending.find(({ state }) => state === "confirmed")
	);
}

function checkState({ state, iccid, order }: ProfileRecord): void {
	switch (state) {
		case "released":
		case "downloaded":
			return;
		case "available":
		case "allocated":
		case "linked":
		case "confirmed":
			throw new RspRefusal("profileNotReleased", `the profile is ${state}, not released`, iccid);
		case "installed":
		case "error":
		case "unavailable":
			throw new RspRefusal("matchingIdRefused", `the order is over: the profile is ${state}`, order?.matchingId);
	}
}
