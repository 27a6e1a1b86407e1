import type { HttpHandler, IncomingRequest, OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import type { Faults } from "../../rsp-server/faults.ts";
import { answerJson, json } from "../../rsp-server/http/json-function.ts";
import { failing, jsonFunctionAt, onGet, pathOf, refusalLog } from "../../rsp-server/http/rsp-face.ts";
import type { SmdpContext } from "../context.ts";
import { es2plusJson } from "../es2plus/functions.ts";
import { profileFromFile } from "../orders/import-profile.ts";
import type { Order, ProfileRecord } from "../orders/profile-record.ts";
import { healthz } from "./public-face.ts";

/**
 * What a test bench reaches over plain HTTP on the loopback: the inventory with its keys, notifications, faults, and
 * ES2+ without TLS. Never to be offered to a network.
 */
export function benchFace(smdp: SmdpContext, faults: Faults): HttpHandler {
	const es2plus = es2plusJson(smdp);
	return (request) => {
		const path = pathOf(request);
		const [, ...parts] = path.split("/");
		if (path === "/healthz") return healthz(smdp);
		if (path === "/bench/v1/notifications") return onGet(request, () => json(200, smdp.notifications.entries));
		if (path === "/bench/v1/profiles") {
			if (request.method === "POST") return failing(() => importProfile(smdp, request));
			return onGet(request, () =>
				json(
					200,
					smdp.inventory.list().map((profile) => shown(smdp, profile)),
				),
			);
		}
		if (path === "/bench/v1/faults") return failing(() => faults.change(request));
		const [, , , named, detail] = parts;
		const iccid = named?.replace(/F$/i, "");
		if (path.startsWith("/bench/v1/profiles/") && iccid !== undefined && parts.length <= 5) {
			if (detail === "upp") return onGet(request, () => failing(() => upp(smdp, iccid)));
			if (detail === undefined) return onGet(request, () => oneProfile(smdp, iccid));
		}
		const run = jsonFunctionAt({ es2plus }, path);
		if (run === undefined) return { status: 404 };
		if (request.method !== "POST") return { status: 405, headers: { Allow: "POST" } };
		return answerJson(run, request.body, refusalLog(smdp.log, path));
	};
}

/** A profile as the bench sees it; keys stay in the UPP. */
function shown(smdp: SmdpContext, { iccid, state, profileType, imsi, size, order, binding, history }: ProfileRecord) {
	const eid = binding?.eid ?? order?.eid;
	const event = eventAt(smdp, order);
	return {
		iccid,
		state,
		profileType,
		...(imsi === undefined ? {} : { imsi }),
		...(order?.matchingId === undefined ? {} : { matchingId: order.matchingId }),
		...(eid === undefined ? {} : { eid }),
		...(order?.expiresAt === undefined ? {} : { expiresAt: new Date(order.expiresAt).toISOString() }),
		...(event === undefined ? {} : { event }),
		hasConfirmationCode: order?.confirmationCodeHash !== undefined,
		downloadAttempts: order?.downloadAttempts ?? 0,
		size,
		history: history.map(({ at, ...entry }) => ({ at: new Date(at).toISOString(), ...entry })),
	};
}

/** How far the order's event at its SM-DS is. */
function eventAt(smdp: SmdpContext, order: Order | undefined) {
	const { smdsAddress, eid, matchingId } = order ?? {};
	if (smdsAddress === undefined || eid === undefined || matchingId === undefined) return undefined;
	const outgoing = smdp.events?.find({ smdsAddress, eid, eventId: matchingId });
	if (outgoing === undefined) return { smdsAddress };
	const { wanted, state, attempts, lastError } = outgoing;
	return { smdsAddress, wanted, state, attempts, ...(lastError === undefined ? {} : { lastError }) };
}

function oneProfile(smdp: SmdpContext, iccid: string): OutgoingResponse {
	const profile = smdp.inventory.find(iccid);
	return profile === undefined ? { status: 404 } : json(200, shown(smdp, profile));
}

function upp(smdp: SmdpContext, iccid: string): OutgoingResponse {
	const headers = { "Content-Type": "application/octet-stream" };
	return { status: 200, headers, body: smdp.inventory.packageOf(iccid) };
}

/** The body is the file; `?fileName=` tells YAML from DER, `?profileType=` names its kind. */
function importProfile(smdp: SmdpContext, request: IncomingRequest): OutgoingResponse {
	const query = new URLSearchParams(request.path.split("?")[1] ?? "");
	const profileType = query.get("profileType");
	const profile = profileFromFile({
		fileName: query.get("fileName") ?? "profile.der",
		contents: request.body,
		smdpAddress: smdp.addresses[0],
		...(profileType === null ? {} : { profileType }),
	});
	return json(201, shown(smdp, smdp.inventory.add(profile)));
}
