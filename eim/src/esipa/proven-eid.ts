import type { Eid } from "@iot-esim/shared/ids/eid";
import { EsipaError } from "./errors.ts";
import type { EsipaPeer } from "./esipa-deps.ts";

/**
 * Who has proven by the transport which device it is (key, topic, registration) speaks for that device alone, by whatever
 * its message names one: EID, transaction, session or certificate. Asked before anything is changed.
 * @param eid of the device that the message is found to be of
 * @throws EsipaError ESIPA_OTHER_DEVICE
 */
export function requireOwn(peer: EsipaPeer | undefined, eid: Eid): void {
	const provenEid = peer?.provenEid;
	if (provenEid === undefined || provenEid === eid) return;
	// The sender is not told of whom it is.
	throw new EsipaError("ESIPA_OTHER_DEVICE", "the message is of another device than its sender has proven to be", {
		context: { eid: provenEid, named: eid },
	});
}
