/** ES2+ (SGP.22 sections 5.3 and 6.5.2): how an operator orders the downloads of its profiles. */

import { Eid } from "@iot-esim/shared/ids/eid";
import type { JsonBody } from "../../rsp-server/http/json-body.ts";
import type { JsonFunction } from "../../rsp-server/http/json-function.ts";
import { isServerAddress } from "../../rsp-server/server-address.ts";
import { RspRefusal } from "../../rsp-server/status-code.ts";
import type { SmdpContext } from "../context.ts";
import { confirmationCodeHash } from "../orders/inventory.ts";
import type { Order, ProfileRecord } from "../orders/profile-record.ts";

/** Characters of a MatchingID (SGP.22 section 4.1.1). */
const MATCHING_ID = /^[0-9A-Z-]{0,255}$/;

/** Letters and digits that are not mistaken for one another. */
const GENERATED_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/** The functions of ES2+ by the last part of their path. */
export function es2plusJson(smdp: SmdpContext): Readonly<Record<string, JsonFunction>> {
	return {
		downloadOrder: (body) => downloadOrder(smdp, body),
		confirmOrder: (body) => confirmOrder(smdp, body),
		cancelOrder: (body) => cancelOrder(smdp, body),
		releaseProfile: (body) => releaseProfile(smdp, body),
	};
}

/** Section 5.3.1: an ICCID, or any available profile of a type; the same call again gets the same answer. */
function downloadOrder(smdp: SmdpContext, body: JsonBody): Record<string, unknown> {
	const orderedBy = body.functionCall();
	const earlier = orderedBy && smdp.inventory.findByOrderCall(orderedBy);
	if (earlier) return { iccid: earlier.iccid };
	const eid = eidOf(body);
	const profile = chooseProfile(smdp, body.optionalText("iccid"), body.optionalText("profileType"));
	const orderedAt = smdp.clock.now();
	const { orderLifetime } = smdp.policy;
	const order: Order = {
		orderedAt,
		confirmationAttempts: 0,
		downloadAttempts: 0,
		...(orderedBy === undefined ? {} : { orderedBy }),
		...(eid === undefined ? {} : { eid }),
		...(orderLifetime === undefined ? {} : { expiresAt: orderedAt + orderLifetime }),
	};
	const event = { event: "ordered", hasEid: eid !== undefined } as const;
	const reason = eid === undefined ? "ordered" : `ordered for the eUICC ${eid}`;
	smdp.inventory.apply(profile.iccid, event, reason, (record) => ({ ...record, order }));
	return { iccid: profile.iccid };
}

function chooseProfile(smdp: SmdpContext, iccid?: string, profileType?: string): ProfileRecord {
	if (iccid !== undefined) {
		const profile = requireProfile(smdp, iccid);
		if (profileType !== undefined && profile.profileType !== profileType) {
			throw new RspRefusal("profileTypeRefused", `the profile is of the type ${profile.profileType}`, iccid);
		}
		if (profile.state !== "available") {
			throw new RspRefusal("iccidInUse", `the profile is ${profile.state}, not available`, iccid);
		}
		return profile;
	}
	if (profileType === undefined) throw new RspRefusal("elementMissing", "neither iccid nor profileType is there");
	const profile = smdp.inventory.findAvailable(profileType);
	if (profile !== undefined) return profile;
	if (smdp.inventory.hasProfileType(profileType)) {
		throw new RspRefusal("profileTypeUnavailable", `no profile of the type ${profileType} is available any more`);
	}
	throw new RspRefusal("profileTypeUnknown", `no profile is of the type ${profileType}`, profileType);
}

/** Section 5.3.2. */
function confirmOrder(smdp: SmdpContext, body: JsonBody): Record<string, unknown> {
	const profile = requireProfile(smdp, body.text("iccid"));
	const isReleased = body.flag("releaseFlag");
	const eid = eidOf(body);
	const { iccid, order, state } = profile;
	const asked = body.optionalText("matchingId");
	if (order === undefined || (state !== "allocated" && state !== "linked")) {
		const isRepeated =
			order?.matchingId !== undefined && order.matchingId === asked && isReleased === (state === "released");
		if (order !== undefined && isRepeated) return confirmed(smdp, order);
		throw new RspRefusal("iccidInUse", `the profile is ${state}, not ordered`, iccid);
	}
	if (eid !== undefined && order.eid !== undefined && eid !== order.eid) {
		throw new RspRefusal("eidAssociated", `the order is for the eUICC ${order.eid}`, eid);
	}
	const owner = eid ?? order.eid;
	const matchingId = checkedMatchingId(smdp, asked, owner);
	const smdsAddress = checkedSmdsAddress(smdp, body, { eid: owner, matchingId });
	const confirmationCode = body.optionalText("confirmationCode");
	const changed: Order = {
		...order,
		matchingId,
		...(owner === undefined ? {} : { eid: owner }),
		...(smdsAddress === undefined ? {} : { smdsAddress }),
		...(confirmationCode ? { confirmationCodeHash: confirmationCodeHash(confirmationCode) } : {}),
	};
	const reason = isReleased ? "confirmed and released" : "confirmed";
	smdp.inventory.apply(iccid, { event: "confirmed", isReleased }, reason, (record) => ({ ...record, order: changed }));
	return confirmed(smdp, changed);
}

function confirmed(smdp: SmdpContext, { eid, matchingId, smdsAddress }: Order): Record<string, unknown> {
	return {
		...(eid === undefined ? {} : { eid }),
		matchingId,
		smdpAddress: smdp.addresses[0],
		...(smdsAddress === undefined ? {} : { smdsAddress }),
	};
}

/** The SM-DS gets the order's event when it is released; the eUICC finds it there by its EID. */
function checkedSmdsAddress(
	smdp: SmdpContext,
	body: JsonBody,
	{ eid, matchingId }: { readonly eid: string | undefined; readonly matchingId: string },
): string | undefined {
	const smdsAddress = body.optionalText("smdsAddress");
	if (!smdsAddress) return undefined;
	if (smdp.events === undefined || !isServerAddress(smdsAddress)) {
		const reason = smdp.events === undefined ? "this SM-DP+ has no way to an SM-DS" : "smdsAddress is no FQDN[:port]";
		throw new RspRefusal("smdsInaccessible", reason, smdsAddress);
	}
	if (eid === undefined) throw new RspRefusal("eidMissing", "an order with an SM-DS needs an EID");
	if (matchingId === "") {
		throw new RspRefusal("matchingIdInvalid", "an order with an SM-DS needs a MatchingID: it is the EventID there");
	}
	return smdsAddress;
}

function checkedMatchingId(smdp: SmdpContext, asked: string | undefined, eid: string | undefined): string {
	if (asked === undefined) return generatedMatchingId(smdp);
	if (!MATCHING_ID.test(asked)) {
		throw new RspRefusal(
			"matchingIdInvalid",
			"a MatchingID has digits, capital letters and hyphens",
			asked.slice(0, 255),
		);
	}
	if (asked === "" && eid === undefined) {
		throw new RspRefusal("eidMissing", "an order with an empty MatchingID needs an EID");
	}
	if (asked !== "" && smdp.inventory.findByMatchingId(asked) !== undefined) {
		throw new RspRefusal("matchingIdInUse", "another order has this MatchingID", asked);
	}
	return asked;
}

/** Four groups of five characters: 100 bits that nobody guesses. */
function generatedMatchingId(smdp: SmdpContext): string {
	const characters = [...smdp.random.bytes(20)].map((octet) => GENERATED_ALPHABET[octet % GENERATED_ALPHABET.length]);
	return [0, 5, 10, 15].map((start) => characters.slice(start, start + 5).join("")).join("-");
}

/** Section 5.3.3. */
function cancelOrder(smdp: SmdpContext, body: JsonBody): Record<string, unknown> {
	const iccid = body.optionalText("iccid");
	const final = body.optionalText("finalProfileStatusIndicator")?.toLowerCase();
	if (iccid === undefined || final === undefined) {
		throw new RspRefusal("iccidMissing", "iccid or finalProfileStatusIndicator is missing");
	}
	if (final !== "available" && final !== "unavailable") {
		throw new RspRefusal("elementInvalid", "finalProfileStatusIndicator is Available or Unavailable");
	}
	const { order, state } = requireProfile(smdp, iccid);
	const matchingId = body.optionalText("matchingId");
	if (matchingId !== undefined && order?.matchingId !== undefined && matchingId !== order.matchingId) {
		throw new RspRefusal("matchingIdAssociated", "the order has another MatchingID", matchingId);
	}
	const eid = eidOf(body);
	if (eid !== undefined && order?.eid !== undefined && eid !== order.eid) {
		throw new RspRefusal("eidAssociated", `the order is for the eUICC ${order.eid}`, eid);
	}
	if (state === final) return {};
	const cancelled = smdp.inventory.apply(iccid, { event: "cancelled", finalState: final }, "cancelled", (record) => {
		const { order: _order, binding: _binding, attempts: _attempts, ...rest } = record;
		return rest;
	});
	if (cancelled === undefined) throw new RspRefusal("iccidInUse", `the profile is ${state} already`, iccid);
	return {};
}

/** Section 5.3.4. */
function releaseProfile(smdp: SmdpContext, body: JsonBody): Record<string, unknown> {
	const { iccid, state } = requireProfile(smdp, body.text("iccid"));
	if (state === "released") return {};
	if (smdp.inventory.apply(iccid, { event: "released" }, "released") === undefined) {
		throw new RspRefusal("profileNotReleasable", `the profile is ${state}, not confirmed`, iccid);
	}
	return {};
}

/** An ICCID of 19 digits may carry its filler. */
function requireProfile(smdp: SmdpContext, text: string): ProfileRecord {
	const iccid = text.replace(/F$/i, "");
	const profile = smdp.inventory.find(iccid);
	if (profile === undefined) throw new RspRefusal("iccidUnknown", "no profile has this ICCID", text.slice(0, 20));
	return profile;
}

function eidOf(body: JsonBody): string | undefined {
	const eid = body.optionalText("eid");
	if (eid === undefined || eid === "") return undefined;
	if (!Eid.is(eid))
		throw new RspRefusal("eidInvalid", "an EID has 32 digits, the last two being right", eid.slice(0, 32));
	return eid;
}
