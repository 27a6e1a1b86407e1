import { encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import {
	ProfileDownloadErrorReasonCode,
	ProfileDownloadTriggerResult,
} from "@iot-esim/shared/messages/sgp32/profile-download-trigger";
import { fromHex, utf8 } from "@iot-esim/shared/util/bytes";
import type { AssociatedEim, ProcedureContext } from "./procedure-context.ts";

const LONGEST_REASON = 200;

/**
 * Tells the eIM that a trigger ended without an installation result, so that it does not send it again. After an
 * indirect installation the notification says how it ended, and nothing is sent here.
 * @param why for people, as errorResponse
 */
export async function provideDownloadError(
	context: ProcedureContext,
	eim: AssociatedEim,
	eimTransactionId: Uint8Array | undefined,
	why: string,
): Promise<void> {
	const result = encode(ProfileDownloadTriggerResult, {
		...(eimTransactionId === undefined ? {} : { eimTransactionId }),
		profileDownloadTriggerResultData: {
			profileDownloadError: {
				profileDownloadErrorReason: ProfileDownloadErrorReasonCode.undefinedError,
				errorResponse: utf8(shortened(why)),
			},
		},
	});
	const answer = await eim.esipa.provideEimPackageResult({ whole: result }, context.signal);
	if (answer.type === "refused") {
		context.log.warn("download error refused by the eIM", { eimId: eim.eimId, code: answer.code });
	}
}

/** Without its middle: what a server answered stands at the end. */
function shortened(why: string): string {
	const kept = LONGEST_REASON / 2 - 1;
	return why.length <= LONGEST_REASON ? why : `${why.slice(0, kept)}…${why.slice(-kept)}`;
}

/** BF54 of a direct download: the whole Profile Installation Result as the card signed it. */
export function downloadResult(eimTransactionId: Uint8Array | undefined, installationResult: Uint8Array): Uint8Array {
	const transaction = eimTransactionId === undefined ? [] : [tlv(0x82, eimTransactionId)];
	return tlv(0xbf54, ...transaction, installationResult);
}

/**
 * Gives the eIM the result of a direct download. Its acknowledgement does not take the installation result from the
 * card: that is for the SM-DP+, which the eIM does not forward it to.
 * @throws EsipaLinkError when the eIM cannot be reached
 */
export async function provideDownloadResult(
	context: ProcedureContext,
	eim: AssociatedEim,
	result: Uint8Array,
): Promise<void> {
	context.log.info("ESipa.ProvideEimPackageResult of a direct download", { eimId: eim.eimId });
	const answer = await eim.esipa.provideEimPackageResult({ whole: result }, context.signal);
	if (answer.type === "acknowledged") {
		context.emit({ type: "result-delivered", eimId: eim.eimId, acknowledged: answer.seqNumbers });
		return;
	}
	// The eIM has it and does not want it: to offer it again would change nothing.
	context.emit({ type: "result-refused", eimId: eim.eimId, code: answer.code });
	context.log.warn("result of a download refused by the eIM", { eimId: eim.eimId, code: answer.code });
}

/** Results of direct downloads that their eIM could not be told of before. */
export async function provideWaitingDownloadResults(context: ProcedureContext, eim: AssociatedEim): Promise<void> {
	for (const resultHex of context.journal.state.downloadResults[eim.eimId] ?? []) {
		await provideDownloadResult(context, eim, fromHex(resultHex));
		await context.journal.note({ type: "download-result-told", eimId: eim.eimId, resultHex });
	}
}
