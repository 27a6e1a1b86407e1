import { Eid } from "@iot-esim/shared/ids/eid";
import type { JsonBody } from "../../rsp-server/http/json-body.ts";
import type { JsonFunction } from "../../rsp-server/http/json-function.ts";
import { isServerAddress } from "../../rsp-server/server-address.ts";
import { RspRefusal } from "../../rsp-server/status-code.ts";
import type { SmdsContext } from "../context.ts";
import type { NewEvent } from "../event.ts";
import { deleteEvent } from "./delete-event.ts";
import { registerEvent } from "./register-event.ts";

const MAX_EVENT_ID_LENGTH = 255;

/** ES12 in JSON (SGP.22 section 6.5.2): what an SM-DP+ calls. */
export function es12Json(smds: SmdsContext): Readonly<Record<string, JsonFunction>> {
	return functionsOf(smds, (body) => body.flag("forwardingIndicator"));
}

/** ES15 in JSON: what an alternative SM-DS calls at the root SM-DS. */
export function es15Json(smds: SmdsContext): Readonly<Record<string, JsonFunction>> {
	return functionsOf(smds, () => false);
}

function functionsOf(
	smds: SmdsContext,
	isForwarded: (body: JsonBody) => boolean,
): Readonly<Record<string, JsonFunction>> {
	return {
		registerEvent: async (body) => {
			const rspServerAddress = body.text("rspServerAddress");
			if (!isServerAddress(rspServerAddress)) {
				throw new RspRefusal("elementInvalid", "rspServerAddress is no FQDN[:port]");
			}
			await registerEvent(smds, { ...eventOf(body), rspServerAddress }, isForwarded(body));
			return {};
		},
		deleteEvent: (body) => {
			deleteEvent(smds, eventOf(body));
			return {};
		},
	};
}

function eventOf(body: JsonBody): Omit<NewEvent, "rspServerAddress"> {
	const eid = body.text("eid");
	if (!Eid.is(eid)) {
		throw new RspRefusal("eidInvalid", "an EID has 32 digits, the last two being right", eid.slice(0, 32));
	}
	const eventId = body.text("eventId");
	if (eventId === "" || eventId.length > MAX_EVENT_ID_LENGTH) {
		throw new RspRefusal("elementInvalid", `eventId has ${eventId.length} characters, not 1 to ${MAX_EVENT_ID_LENGTH}`);
	}
	const registeredBy = body.requester();
	return { eid, eventId, ...(registeredBy === undefined ? {} : { registeredBy }) };
}
