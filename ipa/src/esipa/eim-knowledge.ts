import { createHash } from "node:crypto";
import { Asn1Error } from "@iot-esim/shared/asn1/schema";
import { findTlv, readTlvs, readWholeTlv, type Tlv, tlvBytes, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { concatBytes, toHex } from "@iot-esim/shared/util/bytes";

/**
 * What an eIM has of the device since it took IpaEuiccData: digests in hex, so that a journal need not repeat
 * certificates. Octets that give the same digest need not be sent again.
 */
export interface EimKnowledge {
	/** EUICCInfo2 but for its extCardResource, which changes with every profile. */
	readonly euiccInfo2?: string;
	readonly euiccCertificate?: string;
	readonly eumCertificate?: string;
}

/** Keeps it over restarts; `undefined` means that the eIM has been told nothing yet. */
export interface EimMemory {
	recall(): EimKnowledge | undefined;
	remember(knowledge: EimKnowledge): Promise<void>;
	/** The eIM refused what rests on it. `functionName` and `reason` are for the log. */
	forget(functionName: string, reason: string): Promise<void>;
}

const TAG = {
	ok: 0xa0,
	euiccInfo2: 0xbf22,
	extCardResource: 0x84,
	eum: 0xa5,
	euicc: 0xa6,
	capabilities: 0xa8,
} as const;

/**
 * What an eIM knows that has taken this IpaEuiccDataResponse (BF52), on top of what it knew; undefined when that tells
 * it nothing, or not yet what the IPA can do.
 */
export function knowledgeAfter(ipaEuiccDataResponse: Uint8Array, before: EimKnowledge | undefined) {
	const members = membersOf(ipaEuiccDataResponse, TAG.ok);
	const capabilities = findTlv(members, TAG.capabilities);
	if (before === undefined && capabilities === undefined) return undefined;
	const certificate = (tag: number) => {
		const found = findTlv(members, tag);
		return found && digestOf(tlv(0x30, tlvValue(ipaEuiccDataResponse, found)));
	};
	const info2 = findTlv(members, TAG.euiccInfo2);
	const euiccInfo2 = info2 && digestOfEuiccInfo2(tlvBytes(ipaEuiccDataResponse, info2));
	const euiccCertificate = certificate(TAG.euicc);
	const eumCertificate = certificate(TAG.eum);
	return {
		...before,
		...(euiccInfo2 === undefined ? {} : { euiccInfo2 }),
		...(euiccCertificate === undefined ? {} : { euiccCertificate }),
		...(eumCertificate === undefined ? {} : { eumCertificate }),
	} satisfies EimKnowledge;
}

/** Digest of a whole certificate. */
export function digestOf(octets: Uint8Array): string {
	return toHex(createHash("sha256").update(octets).digest()).slice(0, 32);
}

/** Digest of a whole BF22 without its extCardResource. */
export function digestOfEuiccInfo2(euiccInfo2: Uint8Array): string {
	const whole = readWholeTlv(euiccInfo2);
	const members = readTlvs(euiccInfo2, whole.valueStart, whole.end);
	const kept = members.filter(({ tag }) => tag !== TAG.extCardResource);
	return digestOf(concatBytes(...kept.map((member) => tlvBytes(euiccInfo2, member))));
}

/** Members of one arm of a message; none when it is another arm or no TLV. */
function membersOf(message: Uint8Array, arm: number): Tlv[] {
	try {
		const whole = readWholeTlv(message);
		const found = findTlv(readTlvs(message, whole.valueStart, whole.end), arm);
		return found === undefined ? [] : readTlvs(message, found.valueStart, found.end);
	} catch (error) {
		if (error instanceof Asn1Error) return [];
		throw error;
	}
}
