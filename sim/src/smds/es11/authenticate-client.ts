import type { AuthenticateClientRequest } from "@iot-esim/shared/messages/sgp22/es9plus-download";
import type { AuthenticateClientOkEs11 } from "@iot-esim/shared/messages/sgp22/es11";
import { authenticateEuicc } from "../../rsp-server/authenticate-euicc.ts";
import { RspRefusal } from "../../rsp-server/status-code.ts";
import type { SmdsContext } from "../context.ts";
import { eventsFor } from "../event.ts";

/**
 * ES11.AuthenticateClient (SGP.22 section 5.8.2): the events of the eUICC whose certificate and signature are there, or
 * the one that it asks for by matchingId. The same request again gets an answer again until the session is over.
 * @throws RspRefusal with the codes of that section
 */
export function authenticateClient(smds: SmdsContext, request: AuthenticateClientRequest): AuthenticateClientOkEs11 {
	const { session, answer, euicc } = authenticateEuicc(smds, request);
	const { ctxParams1 } = answer.euiccSigned1.value;
	const eventId = ctxParams1.ctxParamsForCommonAuthentication.matchingId ?? "";
	const events = eventsFor(smds.events.of(euicc.eid), eventId);
	if (eventId !== "" && events.length === 0) {
		throw new RspRefusal("eventUnknown", "no event of this EventID waits for the eUICC", eventId);
	}
	smds.sessions.put({ ...session, euicc });
	const { transactionId } = session;
	smds.log.info("events told", { transactionId, eid: euicc.eid, events: events.length });
	return {
		transactionId: request.transactionId,
		eventEntries: events.map((event) => ({ eventId: event.eventId, rspServerAddress: event.rspServerAddress })),
	};
}
