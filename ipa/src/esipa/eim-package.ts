/** Packages of an eIM, whether they were polled for (BF4F) or brought (BF4E). */

import { Asn1Error, decode, type Schema } from "@iot-esim/shared/asn1/schema";
import { readTlvs, readWholeTlv, type Tlv, tlvBytes, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { IpaEuiccDataRequest } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { ProfileDownloadTriggerRequest } from "@iot-esim/shared/messages/sgp32/profile-download-trigger";
import { toHex } from "@iot-esim/shared/util/bytes";

/** What the eIM has for the device. An eUICC Package stays as received: it is signed and only the card may judge it. */
export type EimPackage =
	| { readonly type: "none" }
	| GivenPackage
	/** eidNotFound(2), invalidEid(3), missingEid(4), undefinedError(127). */
	| { readonly type: "refused"; readonly code: number };

/** A package as the IPA understands it. */
export type GivenPackage =
	| { readonly type: "euicc-package"; readonly der: Uint8Array }
	| { readonly type: "ipa-euicc-data"; readonly der: Uint8Array; readonly request: IpaEuiccDataRequest }
	| { readonly type: "download-trigger"; readonly der: Uint8Array; readonly request: ProfileDownloadTriggerRequest }
	/** A package that the IPA cannot read; `resultCode` is the EimPackageResultErrorCode to answer. */
	| { readonly type: "unreadable"; readonly der: Uint8Array; readonly resultCode: number; readonly reason: string };

/** What an eIM brings by ESipa.TransferEimPackage: a package, or what may be removed from the card. */
export type TransferredPackage =
	| GivenPackage
	| { readonly type: "acknowledgements"; readonly seqNumbers: readonly number[] };

const INVALID_PACKAGE_FORMAT = 1;
const UNKNOWN_PACKAGE = 2;

/** The package with this tag, `der` being the whole of it. */
export function packageOf(tag: number, der: Uint8Array): GivenPackage {
	switch (tag) {
		case 0xbf51:
			return { type: "euicc-package", der };
		case 0xbf52:
			return readable(IpaEuiccDataRequest, der, (request) => ({ type: "ipa-euicc-data", der, request }));
		case 0xbf54:
			return readable(ProfileDownloadTriggerRequest, der, (request) => ({ type: "download-trigger", der, request }));
		default: {
			const reason = `package with tag ${tag.toString(16).toUpperCase()}`;
			return { type: "unreadable", der, resultCode: UNKNOWN_PACKAGE, reason };
		}
	}
}

/** What a TransferEimPackageRequest (BF4E) brings; undefined when the octets are no such message. */
export function transferredIn(message: Uint8Array): TransferredPackage | undefined {
	try {
		const whole = readWholeTlv(message);
		const [member] = readTlvs(message, whole.valueStart, whole.end);
		if (whole.tag !== 0xbf4e || member === undefined) return undefined;
		const der = tlvBytes(message, member);
		if (member.tag !== 0xbf53) return packageOf(member.tag, der);
		return { type: "acknowledgements", seqNumbers: sequenceNumbersIn(der) };
	} catch (error) {
		if (error instanceof Asn1Error) return undefined;
		throw error;
	}
}

/** The numbers in EimAcknowledgements (BF53). */
export function sequenceNumbersIn(acknowledgements: Uint8Array): number[] {
	const whole = readWholeTlv(acknowledgements);
	return readTlvs(acknowledgements, whole.valueStart, whole.end).map((one) => smallInteger(acknowledgements, one));
}

/** INTEGER contents of one to four octets; a peer's SEQUENCE around it is looked through. */
export function smallInteger(bytes: Uint8Array, value: Tlv): number {
	const contents = tlvValue(bytes, value);
	if (contents[0] === 0x30 && contents.length > 2) {
		const inner = readWholeTlv(contents);
		const [number] = readTlvs(contents, inner.valueStart, inner.end);
		if (number !== undefined) return smallInteger(contents, number);
	}
	return contents.length === 0 ? 0 : Number(BigInt.asIntN(8 * contents.length, BigInt(`0x${toHex(contents)}`)));
}

function readable<T>(schema: Schema<T>, der: Uint8Array, make: (value: T) => GivenPackage): GivenPackage {
	try {
		return make(decode(schema, der));
	} catch (error) {
		return { type: "unreadable", der, resultCode: INVALID_PACKAGE_FORMAT, reason: String(error) };
	}
}
