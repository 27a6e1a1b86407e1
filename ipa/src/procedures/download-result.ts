import { encode } from "@iot-esim/shared/asn1/schema";
import {
	ProfileDownloadErrorReasonCode,
	ProfileDownloadTriggerResult,
} from "@iot-esim/shared/messages/sgp32/profile-download-trigger";
import type { AssociatedEim, ProcedureContext } from "./procedure-context.ts";
import { removeFromCard } from "./provide-eim-package-result.ts";

/**
 * Tells the eIM that a trigger ended without an installation result, so that it does not send it again. After an
 * installation the notification says how it ended, and nothing is sent here.
 */
export async function provideDownloadError(
	context: ProcedureContext,
	eim: AssociatedEim,
	eimTransactionId: Uint8Array | undefined,
): Promise<void> {
	const result = encode(ProfileDownloadTriggerResult, {
		...(eimTransactionId === undefined ? {} : { eimTransactionId }),
		profileDownloadTriggerResultData: {
			profileDownloadError: { profileDownloadErrorReason: ProfileDownloadErrorReasonCode.undefinedError },
		},
	});
	const answer = await eim.esipa.provideEimPackageResult({ whole: result }, context.signal);
	if (answer.type === "acknowledged") await removeFromCard(context, answer.seqNumbers);
	else context.log.warn("download error refused by the eIM", { eimId: eim.eimId, code: answer.code });
}
