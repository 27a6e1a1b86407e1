import { encode, keep } from "../asn1/schema.ts";
import { NotificationEvent } from "../messages/sgp22/notification-metadata.ts";
import { ProfileInstallationResultData } from "../messages/sgp22/profile-installation-result.ts";
import {
	type CompactProfileInstallationResultData,
	type CompactSuccessResult,
	PendingNotification,
	ProfileInstallationResult,
} from "../messages/sgp32/notifications.ts";
import { concatBytes, hex } from "../util/bytes.ts";
import { decodeCompact, faithful, known, readFull, signedOne, structureError } from "./compact-octets.ts";
import { euiccSignPirInput } from "./signature-input.ts";

/** What the eIM knows of a session when its ProfileInstallationResult arrives; `transactionId` in it finds the session. */
export interface InstallationKnowledge {
	/** serverAddress of serverSigned1: the eUICC sends its result where the profile came from. */
	readonly notificationAddress: string;
	/** 10 octets, of the profile's metadata. */
	readonly iccid?: Uint8Array | undefined;
	/** Dotted, of CERT.DPpb (the one beside smdpSigned2). */
	readonly smdpOid: string;
	/** The eUICC's certificate of this session, beginning with 30. */
	readonly euiccCertificate: Uint8Array;
}

type Known = Omit<InstallationKnowledge, "euiccCertificate">;

/** EUICCResponse of an installation without complaint, as the module names it. */
const SIMA_SUCCESS = hex`3007A0053003800100`;
/**
 * AIDs of ISD-Ps are A0000005591010FFFFFFFF89 00 00 10 00, then 00 00 11 00, 00 00 12 00 ...: octets 13 to 15 are the
 * TAR, which begins with 00, and 16 is 00. So octets 14 and 15, counted from 1, are the two that tell ISD-Ps apart.
 */
const AID_HEAD = hex`A0000005591010FFFFFFFF8900`;
const AID_TAIL = hex`00`;
const AID_LENGTH = 16;
const FIRST_COMPACT_OCTET = AID_HEAD.length;

/**
 * BF37 to the arm compactProfileInstallationResult (A0) of a PendingNotification.
 * @returns undefined when the full form has to be sent
 */
export function compactProfileInstallationResult(full: Uint8Array, knowledge: Known): Uint8Array | undefined {
	const result = readFull(ProfileInstallationResult, full);
	if (result === undefined) return undefined;
	const { transactionId, notificationMetadata, finalResult } = result.profileInstallationResultData.value;
	if ("successResult" in finalResult && finalResult.successResult.aid.length !== AID_LENGTH) return undefined;
	const finals = "successResult" in finalResult ? compactSuccesses(finalResult.successResult) : [finalResult];
	const candidates = finals.map((compactFinalResult) =>
		encode(PendingNotification, {
			compactProfileInstallationResult: {
				compactProfileInstallationResultData: {
					transactionId,
					seqNumber: notificationMetadata.seqNumber,
					iccidPresent: notificationMetadata.iccid !== undefined,
					compactFinalResult,
				},
				euiccSignPIR: result.euiccSignPIR,
			},
		}),
	);
	return faithful(full, candidates, (compact) => {
		const [likeliest] = restore(compact, knowledge);
		return fullForm(likeliest);
	});
}

function compactSuccesses({ aid, simaResponse }: { aid: Uint8Array; simaResponse: Uint8Array }) {
	const compactAid = aid.subarray(FIRST_COMPACT_OCTET, FIRST_COMPACT_OCTET + 2);
	return [{ compactSuccessResult: { compactAid } }, { compactSuccessResult: { compactAid, simaResponse } }];
}

/**
 * The arm compactProfileInstallationResult (A0) of a PendingNotification to the BF37 that the eUICC has signed.
 * @throws SecurityError SECURITY_COMPACT_STRUCTURE, SECURITY_COMPACT_UNKNOWN, SECURITY_SIGNATURE_INVALID
 */
export function rebuildProfileInstallationResult(compact: Uint8Array, knowledge: InstallationKnowledge): Uint8Array {
	const candidates = restore(compact, knowledge).map((result) => ({
		...result,
		signed: euiccSignPirInput(result.profileInstallationResultData.der),
	}));
	const { euiccSignPIR } = candidates[0] as ProfileInstallationResult;
	return fullForm(signedOne(candidates, euiccSignPIR, knowledge.euiccCertificate, "euiccSignPIR"));
}

/** The results that a compact one may stand for, likeliest first. */
function restore(
	compact: Uint8Array,
	knowledge: Known,
): readonly [ProfileInstallationResult, ...ProfileInstallationResult[]] {
	const notification = decodeCompact(PendingNotification, compact);
	if (!("compactProfileInstallationResult" in notification)) {
		throw structureError("ProfileInstallationResult", "it has another arm");
	}
	const { compactProfileInstallationResultData: data, euiccSignPIR } = notification.compactProfileInstallationResult;
	const resultWith = (finalResult: ProfileInstallationResultData["finalResult"]): ProfileInstallationResult => ({
		profileInstallationResultData: keep(ProfileInstallationResultData, {
			transactionId: data.transactionId,
			notificationMetadata: metadataOf(data, knowledge),
			smdpOid: knowledge.smdpOid,
			finalResult,
		}),
		euiccSignPIR,
	});
	const { compactFinalResult } = data;
	if ("errorResult" in compactFinalResult) return [resultWith(compactFinalResult)];
	const { compactSuccessResult } = compactFinalResult;
	const [fromOne, fromZero] = aidsOf(compactSuccessResult);
	const simaResponse = compactSuccessResult.simaResponse ?? SIMA_SUCCESS;
	return [
		resultWith({ successResult: { aid: fromOne, simaResponse } }),
		resultWith({ successResult: { aid: fromZero, simaResponse } }),
	];
}

function metadataOf(data: CompactProfileInstallationResultData, knowledge: Known) {
	return {
		seqNumber: data.seqNumber,
		profileManagementOperation: NotificationEvent.of("notificationInstall"),
		notificationAddress: knowledge.notificationAddress,
		...(data.iccidPresent === false ? {} : { iccid: known(knowledge.iccid, "iccid") }),
	};
}

/** The AID when the octets count from 1, and, for an IPA that counts them from 0, the other one. */
function aidsOf({ compactAid }: CompactSuccessResult): readonly [fromOne: Uint8Array, fromZero: Uint8Array] {
	return [concatBytes(AID_HEAD, compactAid, AID_TAIL), concatBytes(AID_HEAD, hex`00`, compactAid)];
}

function fullForm({ profileInstallationResultData, euiccSignPIR }: ProfileInstallationResult): Uint8Array {
	return encode(ProfileInstallationResult, { profileInstallationResultData, euiccSignPIR });
}
