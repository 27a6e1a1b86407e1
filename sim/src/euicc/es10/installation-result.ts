import { encode, keep } from "@iot-esim/shared/asn1/schema";
import { EUICCResponse } from "@iot-esim/shared/messages/pe/euicc-response";
import { NotificationEvent } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import {
	ErrorReasonCode,
	type ErrorResult,
	ProfileInstallationResult,
	ProfileInstallationResultData,
} from "@iot-esim/shared/messages/sgp22/profile-installation-result";
import { euiccSignPirInput } from "@iot-esim/shared/security/signature-input";
import type { Euicc } from "../euicc.ts";
import type { LoadInProgress } from "../state/settings.ts";

/** EUICCResponse of an installation without complaint: one status, ok. */
const SIMA_SUCCESS = encode(EUICCResponse, { peStatus: [{ status: 0 }] });

/** How a load ended: the AID of the new ISD-P, or what went wrong in which command. */
export type FinalResult = { readonly isdpAid: Uint8Array } | { readonly error: ErrorResult };

/**
 * Signs the ProfileInstallationResult (BF37), keeps it among the notifications until the SM-DP+ has it, and forgets the
 * load in progress.
 */
export function concludeLoad(euicc: Euicc, load: LoadInProgress, result: FinalResult): Uint8Array {
	const { ecasd, notifications, settings } = euicc;
	const seqNumber = notifications.takeSequenceNumber();
	const profileInstallationResultData = keep(ProfileInstallationResultData, {
		transactionId: load.transactionId,
		notificationMetadata: {
			seqNumber,
			profileManagementOperation: NotificationEvent.of("notificationInstall"),
			notificationAddress: load.smdpAddress,
			...(load.iccid === undefined ? {} : { iccid: load.iccid }),
		},
		smdpOid: load.smdpOid,
		finalResult:
			"error" in result
				? { errorResult: result.error }
				: { successResult: { aid: result.isdpAid, simaResponse: SIMA_SUCCESS } },
	});
	const euiccSignPIR = ecasd.sign(euiccSignPirInput(profileInstallationResultData.der), load.ciPkId);
	const der = encode(ProfileInstallationResult, { profileInstallationResultData, euiccSignPIR });
	notifications.keepNotification(seqNumber, der);
	settings.clear("loadInProgress");
	return der;
}

/** A load that something else ended: a loss of power, a reset, another command. */
export function concludeInterruptedLoad(euicc: Euicc): void {
	const load = euicc.settings.get("loadInProgress");
	if (load === undefined) return;
	concludeLoad(euicc, load, {
		error: { bppCommandId: load.bppCommandId, errorReason: ErrorReasonCode.installFailedDueToInterruption },
	});
	euicc.session.end();
}
