import { Asn1Error, encode } from "@iot-esim/shared/asn1/schema";
import { readWholeTlv } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { ISDRProprietaryApplicationTemplate } from "@iot-esim/shared/messages/sgp22/euicc-data";
import { ISDRProprietaryApplicationTemplateIoT } from "@iot-esim/shared/messages/sgp32/euicc-info";
import { hex } from "@iot-esim/shared/util/bytes";
import { type Answer, answered, plain, Status } from "./apdu/status.ts";
import { EuiccError } from "./errors.ts";
import { BppLoad } from "./es10/bpp-load.ts";
import { concludeInterruptedLoad } from "./es10/installation-result.ts";
import { functionsOf } from "./es10/versioned-functions.ts";
import type { Euicc } from "./euicc.ts";

export const ISD_R_AID = hex`A0000005591010FFFFFFFF8900000100`;

const BOUND_PROFILE_PACKAGE = [0xbf, 0x36] as const;
/** First octets of segments that continue a Bound Profile Package: its sequences and their blocks. */
const SEGMENT_TAGS: ReadonlySet<number> = new Set([0xa0, 0x87, 0xa1, 0x88, 0xa2, 0xa3, 0x86]);

/** The answer to SELECT: FCI with the AID, the largest command, and what kind of eUICC this is. */
export function isdrControlInformation({ card, profiles }: Euicc): Uint8Array {
	const parts = [
		tlv(0x84, ISD_R_AID),
		hex`A5049F6501FF`,
		encode(ISDRProprietaryApplicationTemplate, { svn: hex`020500` }),
	];
	if (card.mode === "iot") {
		const bits = `${card.supportsIpae === true ? 1 : 0}${profiles.enabled === undefined ? 0 : 1}`;
		const euiccConfiguration = bits.replace(/0+$/, "");
		parts.push(encode(ISDRProprietaryApplicationTemplateIoT, { euiccConfiguration }));
	}
	return tlv(0x6f, ...parts);
}

/**
 * Carries out what one whole STORE DATA command brings: an ES10 function, or a segment of a Bound Profile Package
 * (SGP.22 section 5.7.2). A function that the card does not have is 6A88, a request it cannot read 6A80.
 */
export function storeData(command: Uint8Array, euicc: Euicc): Answer {
	try {
		if (isSegment(command)) return loadSegment(command, euicc);
		const { tag } = readWholeTlv(command);
		const es10Function = functionsOf(euicc.card).get(tag);
		if (es10Function === undefined) return plain(Status.referencedDataNotFound);
		// Any other function than the load ends the load: its remaining segments have no session any more.
		if (euicc.session.load !== undefined) concludeInterruptedLoad(euicc);
		return answered(es10Function(command, euicc));
	} catch (error) {
		// A refused request leaves no trace, however far it got.
		euicc.nvm.rollback();
		if (error instanceof Asn1Error) return plain(Status.incorrectData);
		if (error instanceof EuiccError && error.code === "EUICC_REQUEST_INVALID") return plain(Status.incorrectData);
		throw error;
	}
}

function isSegment([first, second]: Uint8Array): boolean {
	if (first === BOUND_PROFILE_PACKAGE[0] && second === BOUND_PROFILE_PACKAGE[1]) return true;
	return first !== undefined && SEGMENT_TAGS.has(first);
}

function loadSegment(segment: Uint8Array, euicc: Euicc): Answer {
	const { session } = euicc;
	if (segment[0] === BOUND_PROFILE_PACKAGE[0]) {
		if (session.load !== undefined) concludeInterruptedLoad(euicc);
		const { server, download } = session;
		if (server === undefined || download === undefined) return plain(Status.conditionsNotSatisfied);
		session.load = new BppLoad(euicc, server, download);
	}
	if (session.load === undefined) return plain(Status.referencedDataNotFound);
	const result = session.load.receive(segment);
	return result === undefined ? plain(Status.ok) : answered(result);
}
