import { CancelSessionReasonCode } from "@iot-esim/shared/messages/sgp22/cancel-session";
import {
	AuthenticateClientErrorEsipaCode,
	GetBoundProfilePackageErrorEsipaCode,
} from "@iot-esim/shared/messages/sgp32/esipa-download";
import type { ProfileDownloadTriggerRequest } from "@iot-esim/shared/messages/sgp32/profile-download-trigger";
import type { Outcome } from "../esipa/esipa-client.ts";
import type { DownloadSource } from "./download-source.ts";
import type { AssociatedEim } from "./procedure-context.ts";
import type { OfferedProfile, RspAnswer, RspServer } from "./rsp-server.ts";

/** The SM-DP+ or SM-DS of a download as the eIM shows it over ESipa (SGP.32 §5.14); an SM-DS ends in another trigger. */
export function esipaServer(
	{ esipa }: AssociatedEim,
	{ smdpAddress }: DownloadSource,
	eimTransactionId: Uint8Array | undefined,
): RspServer<ProfileDownloadTriggerRequest | undefined> {
	return {
		interfaceName: "ESipa",
		isDirect: false,
		async initiateAuthentication(request, signal) {
			const message = {
				...request,
				...(smdpAddress === undefined ? {} : { smdpAddress }),
				...(eimTransactionId === undefined ? {} : { eimTransactionId }),
			};
			return answerOf(await esipa.initiateAuthentication(message, signal));
		},
		async authenticateClient(transactionId, response, signal) {
			const answer = answerOf(await esipa.authenticateClient(transactionId, response, signal), {
				[AuthenticateClientErrorEsipaCode.pprNotAllowed]: CancelSessionReasonCode.pprNotAllowed,
			});
			if ("refused" in answer) return answer;
			if ("ds" in answer.ok) return { ok: { onward: answer.ok.ds.profileDownloadTrigger } };
			const profile: OfferedProfile = answer.ok.dp;
			return { ok: { profile } };
		},
		getBoundProfilePackage: async (transactionId, response, signal) =>
			answerOf(await esipa.getBoundProfilePackage(transactionId, response, signal), {
				[GetBoundProfilePackageErrorEsipaCode.metadataMismatch]: CancelSessionReasonCode.metadataMismatch,
			}),
		cancelSession: async (transactionId, response, signal) =>
			answerOf(await esipa.cancelSession(transactionId, response, signal)),
	};
}

/** @param cancelled errors of an eIM that checks for the device, with the reason to cancel the session by (SGP.32 §3.2.3.2) */
function answerOf<T>(outcome: Outcome<T>, cancelled: Readonly<Record<number, number>> = {}): RspAnswer<T> {
	if ("ok" in outcome) return outcome;
	const cancelReason = cancelled[outcome.error];
	return {
		refused: {
			reason: `code ${outcome.error}`,
			gsmaCode: outcome.error,
			...(cancelReason === undefined ? {} : { cancelReason }),
		},
	};
}
