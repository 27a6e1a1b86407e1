/**
 * What clients of an SM-DP+ or SM-DS are told when it refuses: subject and reason codes of SGP.22 section 5.2.6, as the
 * error tables of the functions of ES2+ (section 5.3), ES9+ (5.6), ES11 (5.8), ES12 (5.9) and ES15 (5.10) name them.
 */

export interface StatusCode {
	readonly subjectCode: string;
	readonly reasonCode: string;
}

const code = (subjectCode: string, reasonCode: string): StatusCode => ({ subjectCode, reasonCode });

export const statusCodes = {
	formatInvalid: code("1.3.1", "2.1"),
	elementMissing: code("1.6", "2.2"),
	elementInvalid: code("1.6", "2.1"),

	smdpAddressRefused: code("8.8.1", "3.8"),
	noCommonPublicKey: code("8.8.2", "3.1"),
	versionUnsupported: code("8.8.3", "3.1"),
	certificateUnavailable: code("8.8.4", "3.7"),

	eumCertificateInvalid: code("8.1.2", "6.1"),
	eumCertificateExpired: code("8.1.2", "6.3"),
	euiccCertificateInvalid: code("8.1.3", "6.1"),
	euiccCertificateExpired: code("8.1.3", "6.3"),
	ciPublicKeyUnknown: code("8.11.1", "3.9"),
	euiccVerificationFailed: code("8.1", "6.1"),
	euiccReportedError: code("8.1", "4.2"),
	insufficientMemory: code("8.1", "4.8"),
	transactionUnknown: code("8.10.1", "3.9"),

	profileNotReleased: code("8.2", "1.2"),
	bppUnavailable: code("8.2", "3.7"),
	noEligibleProfile: code("8.2.5", "4.3"),
	matchingIdRefused: code("8.2.6", "3.8"),
	eidRefused: code("8.1.1", "3.8"),
	orderExpired: code("8.8.5", "4.10"),
	orderRetriesExceeded: code("8.8.5", "6.4"),
	confirmationCodeMissing: code("8.2.7", "2.2"),
	confirmationCodeRefused: code("8.2.7", "3.8"),
	confirmationCodeRetriesExceeded: code("8.2.7", "6.4"),
	smdpOidInvalid: code("8.8", "3.10"),

	iccidUnknown: code("8.2.1", "3.9"),
	iccidInUse: code("8.2.1", "3.3"),
	iccidMissing: code("8.2.1", "2.2"),
	profileNotReleasable: code("8.2.1", "3.5"),
	profileTypeUnknown: code("8.2.5", "3.9"),
	profileTypeUnavailable: code("8.2.5", "3.7"),
	profileTypeRefused: code("8.2.5", "3.8"),
	eidMissing: code("8.1.1", "2.2"),
	eidAssociated: code("8.1.1", "3.10"),
	eidInvalid: code("8.1.1", "2.1"),
	matchingIdInvalid: code("8.2.6", "2.1"),
	matchingIdInUse: code("8.2.6", "3.3"),
	matchingIdAssociated: code("8.2.6", "3.10"),
	smdsInaccessible: code("8.9", "5.1"),
	smdsExecutionError: code("8.9", "4.2"),

	smdsAddressRefused: code("8.9.1", "3.8"),
	smdsNoCommonPublicKey: code("8.9.2", "3.1"),
	smdsVersionUnsupported: code("8.9.3", "3.1"),
	smdsCertificateUnavailable: code("8.9.4", "3.7"),
	eventInUse: code("8.9.5", "3.3"),
	eventUnknown: code("8.9.5", "3.9"),

	endUserRejected: code("8.8.5", "3.8"),
	pprNotAllowed: code("8.2.8", "1.2"),
	metadataMismatch: code("8.2.9", "3.11"),
	loadBppFailed: code("8.2.10", "4.2"),
	undefinedReason: code("8", "4.2"),
} as const satisfies Record<string, StatusCode>;

export type StatusCodeName = keyof typeof statusCodes;

/** A request that is answered with Failed; never an error of this server. */
export class RspRefusal extends Error {
	readonly status: StatusCodeName;
	/** What the code is about: an ICCID, an EID, a matching identifier. */
	readonly subjectIdentifier: string | undefined;

	constructor(status: StatusCodeName, message: string, subjectIdentifier?: string) {
		super(message);
		this.name = "RspRefusal";
		this.status = status;
		this.subjectIdentifier = subjectIdentifier;
	}

	get code(): StatusCode {
		return statusCodes[this.status];
	}
}

/** Octets of a text in statusCodeData for which every client has room (lpac keeps 128). */
const MAX_TEXT_LENGTH = 128;

/** `statusCodeData` of a JSON header. */
export function statusCodeData(refusal: RspRefusal) {
	const { subjectIdentifier } = refusal;
	const identifier = subjectIdentifier === undefined ? {} : { subjectIdentifier: clipped(subjectIdentifier) };
	return { ...refusal.code, ...identifier, message: clipped(refusal.message) };
}

function clipped(text: string): string {
	return text.length <= MAX_TEXT_LENGTH ? text : `${text.slice(0, MAX_TEXT_LENGTH - 1)}.`;
}
