/** Proactive commands as the card writes them, and what the terminal says as the card reads it (ETSI TS 102 223). */

import {
	CatDevice,
	CatTag,
	CatTemplate,
	catTlv,
	catObjects as objectsOf,
	template,
	templateContents,
	valuesByTag,
} from "@iot-esim/shared/messages/cat/cat-objects";
import { IpaeError } from "./errors.ts";

/** Device identity of a channel of the bearer independent protocol. */
export const channelDevice = (channel: number): number => CatDevice.channels | channel;

/** A proactive command (D0) of the UICC to the terminal, or to one of its channels. */
export function proactiveCommand(
	command: { readonly type: number; readonly qualifier?: number; readonly to?: number },
	...objects: readonly Uint8Array[]
): Uint8Array {
	const details = catTlv(CatTag.commandDetails, Uint8Array.of(1, command.type, command.qualifier ?? 0));
	const identities = catTlv(CatTag.deviceIdentities, Uint8Array.of(CatDevice.uicc, command.to ?? CatDevice.terminal));
	return template(CatTemplate.proactiveCommand, details, identities, ...objects);
}

/**
 * The data objects of a TERMINAL RESPONSE or an ENVELOPE by their tags without the comprehension bit; of several with the
 * same tag the first.
 * @throws IpaeError IPAE_TERMINAL_ANSWER_INVALID
 */
export function catObjects(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
	return valuesByTag(objectsOf(bytes, invalid));
}

/** Contents of an ENVELOPE with this tag; undefined for another one. @throws IpaeError IPAE_TERMINAL_ANSWER_INVALID */
export function envelopeContents(data: Uint8Array, tag: number): Uint8Array | undefined {
	return templateContents(data, tag, invalid);
}

function invalid(message: string): IpaeError {
	return new IpaeError("IPAE_TERMINAL_ANSWER_INVALID", message);
}
