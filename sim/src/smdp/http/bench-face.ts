import type { HttpHandler, IncomingRequest, OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { SmdpContext } from "../context.ts";
import { es2plusJson } from "../es2plus/functions.ts";
import type { Faults } from "../faults.ts";
import { profileFromFile } from "../orders/import-profile.ts";
import type { ProfileRecord } from "../orders/profile-record.ts";
import { RspRefusal } from "../status-code.ts";
import { JsonBody } from "./json-body.ts";
import { answerJson, json } from "./json-function.ts";
import { healthz, pathOf } from "./public-face.ts";

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
		if (path === "/bench/v1/notifications") return get(request, () => json(200, smdp.notifications.entries));
		if (path === "/bench/v1/profiles") {
			if (request.method === "POST") return failing(() => importProfile(smdp, request));
			return get(request, () => json(200, smdp.inventory.list().map(shown)));
		}
		if (path === "/bench/v1/faults") return failing(() => changeFaults(faults, request));
		const [, , , named, detail] = parts;
		const iccid = named?.replace(/F$/i, "");
		if (path.startsWith("/bench/v1/profiles/") && iccid !== undefined && parts.length <= 5) {
			if (detail === "upp") return get(request, () => failing(() => upp(smdp, iccid)));
			if (detail === undefined) return get(request, () => oneProfile(smdp, iccid));
		}
		const run = path.startsWith("/gsma/rsp2/es2plus/") ? es2plus[parts.at(-1) ?? ""] : undefined;
		if (run === undefined || parts.length !== 4) return { status: 404 };
		if (request.method !== "POST") return { status: 405, headers: { Allow: "POST" } };
		return answerJson(run, request.body, ({ code, message }) => {
			smdp.log.info("request refused", { path, ...code, reason: message });
		});
	};
}

/** A profile as the bench sees it; keys stay in the UPP. */
function shown({ iccid, state, profileType, imsi, size, order, binding, history }: ProfileRecord) {
	const eid = binding?.eid ?? order?.eid;
	return {
		iccid,
		state,
		profileType,
		...(imsi === undefined ? {} : { imsi }),
		...(order?.matchingId === undefined ? {} : { matchingId: order.matchingId }),
		...(eid === undefined ? {} : { eid }),
		...(order?.expiresAt === undefined ? {} : { expiresAt: new Date(order.expiresAt).toISOString() }),
		hasConfirmationCode: order?.confirmationCodeHash !== undefined,
		downloadAttempts: order?.downloadAttempts ?? 0,
		size,
		history: history.map(({ at, ...entry }) => ({ at: new Date(at).toISOString(), ...entry })),
	};
}

function oneProfile(smdp: SmdpContext, iccid: string): OutgoingResponse {
	const profile = smdp.inventory.find(iccid);
	return profile === undefined ? { status: 404 } : json(200, shown(profile));
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
	return json(201, shown(smdp.inventory.add(profile)));
}

/** GET shows what is armed, POST arms one more, DELETE disarms all. */
function changeFaults(faults: Faults, { method, body }: IncomingRequest): OutgoingResponse {
	if (method === "POST") faults.arm(JsonBody.value(body));
	else if (method === "DELETE") faults.disarm();
	else if (method !== "GET") return { status: 405, headers: { Allow: "GET, POST, DELETE" } };
	return json(method === "POST" ? 201 : 200, faults.armed);
}

function failing(run: () => OutgoingResponse): OutgoingResponse {
	try {
		return run();
	} catch (error) {
		if (error instanceof RspRefusal) return json(400, { message: error.message });
		if (!(error instanceof EsimError) || error.httpStatus >= 500) throw error;
		return json(error.httpStatus, { code: error.code, message: error.message });
	}
}

function get(request: IncomingRequest, run: () => OutgoingResponse): OutgoingResponse {
	return request.method === "GET" ? run() : { status: 405, headers: { Allow: "GET" } };
}
