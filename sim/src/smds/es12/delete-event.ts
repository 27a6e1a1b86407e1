import { RspRefusal } from "../../rsp-server/status-code.ts";
import type { SmdsContext } from "../context.ts";
import type { NewEvent } from "../event.ts";
import { takeBack } from "./register-event.ts";

/**
 * ES12.DeleteEvent and ES15.DeleteEvent (SGP.22 sections 5.9.2 and 5.10.2): only by the one who registered it. At the root
 * SM-DS it is deleted in the background, however long that takes.
 * @throws RspRefusal 8.9.5/3.9
 */
export function deleteEvent(
	smds: SmdsContext,
	{ eid, eventId, registeredBy }: Pick<NewEvent, "eid" | "eventId" | "registeredBy">,
): void {
	const event = smds.events.find(eid, eventId);
	if (event === undefined || event.registeredBy !== registeredBy) {
		throw new RspRefusal("eventUnknown", "no event of this EventID waits for the eUICC", eventId);
	}
	takeBack(smds, event);
	smds.log.info("event deleted", { eid, eventId });
}
