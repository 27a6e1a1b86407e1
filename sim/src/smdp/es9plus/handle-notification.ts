import type { Kept } from "@iot-esim/shared/asn1/schema";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { NotificationEvent, type NotificationMetadata } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import type { OtherSignedNotification, PendingNotification } from "@iot-esim/shared/messages/sgp22/notifications";
import {
	ErrorReasonCode,
	type ProfileInstallationResult,
	type ProfileInstallationResultData,
} from "@iot-esim/shared/messages/sgp22/profile-installation-result";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { SecurityError } from "@iot-esim/shared/security/errors";
import { verifyOtherNotification, verifyProfileInstallationResult } from "@iot-esim/shared/security/result-verifier";
import { fromBase64, toBase64 } from "@iot-esim/shared/util/bytes";
import { verifyEuiccIdentity } from "../../rsp-server/euicc-identity.ts";
import { RspRefusal, statusCodes } from "../../rsp-server/status-code.ts";
import type { SmdpContext } from "../context.ts";
import type { ReceivedNotification } from "../notification-log.ts";
import type { Attempt, ProfileRecord } from "../orders/profile-record.ts";

/** Ends of an installation after which the same order may be tried again (SGP.22 section 3.1.5). */
const retriedReasons: readonly number[] = [ErrorReasonCode.installFailedDueToInterruption];

type Verdict = Omit<ReceivedNotification, "receivedAt" | "notification">;

/**
 * ES9+.HandleNotification (SGP.22 section 5.6.4): is always acknowledged; what cannot be verified is written down as
 * such and changes nothing. A repetition is acknowledged and forgotten.
 */
export function handleNotification(smdp: SmdpContext, pending: Kept<PendingNotification>): void {
	const notification = toBase64(pending.der);
	if (smdp.notifications.has(notification)) return;
	const { value } = pending;
	const verdict =
		"profileInstallationResult" in value
			? handleInstallation(smdp, value.profileInstallationResult, notification)
			: handleOther(smdp, value.otherSignedNotification);
	smdp.notifications.add({ receivedAt: smdp.clock.now(), notification, ...verdict });
	const { eid, iccid, event, result, isVerified } = verdict;
	smdp.log.info("notification received", { eid, iccid, event, result, isVerified });
}

function handleInstallation(smdp: SmdpContext, result: ProfileInstallationResult, resultData: string): Verdict {
	const data = result.profileInstallationResultData.value;
	const verdict = { ...factsOf(data.notificationMetadata), result: outcomeOf(data) };
	const transactionId = TransactionId.fromBytes(data.transactionId);
	const profile = smdp.inventory.findByTransaction(transactionId);
	const attempt = profile?.attempts?.find((one) => one.transactionId === transactionId);
	if (profile === undefined || attempt === undefined) {
		return { ...verdict, isVerified: false, remark: `no package was bound in the session ${transactionId}` };
	}
	const { eid, euiccCertificate } = attempt;
	const refused = whyNotVerified(() =>
		verifyProfileInstallationResult(result, parseCertificate(fromBase64(euiccCertificate)).publicKey),
	);
	if (refused !== undefined) return { ...verdict, isVerified: false, remark: refused };
	applyInstallation(smdp, profile, attempt, data, resultData);
	smdp.sessions.end(transactionId);
	return { ...verdict, iccid: profile.iccid, eid, isVerified: true };
}

/**
 * A success counts whichever session it is of: the eUICC has the profile. A failure counts only when no later session
 * was begun. The state is stored before the notification is: a kill in between only lets the client repeat it.
 */
function applyInstallation(
	smdp: SmdpContext,
	profile: ProfileRecord,
	{ transactionId, eid }: Attempt,
	data: ProfileInstallationResultData,
	resultData: string,
): void {
	const { iccid, profileType } = profile;
	const report = { iccid, profileType, eid, point: "bppInstallation", resultData } as const;
	const { finalResult } = data;
	if ("successResult" in finalResult) {
		smdp.inventory.apply(iccid, { event: "installed" }, `the eUICC ${eid} signed its success`);
		smdp.progress.report(report);
		return;
	}
	const { errorReason } = finalResult.errorResult;
	const event = retriedReasons.includes(errorReason) ? "interrupted" : "failed";
	const message = `the eUICC signed ${outcomeOf(data)}`;
	const isNewest = profile.attempts?.at(-1)?.transactionId === transactionId;
	if (isNewest) smdp.inventory.apply(iccid, { event }, message);
	smdp.progress.report({ ...report, failure: { code: statusCodes.loadBppFailed, message } });
}

function handleOther(smdp: SmdpContext, notification: OtherSignedNotification): Verdict {
	const verdict = factsOf(notification.tbsOtherNotification.value);
	let remark = "no CI of this SM-DP+ issued the certificates in the notification";
	for (const credentials of smdp.credentials) {
		try {
			const { eid, publicKey } = verifyEuiccIdentity(credentials, notification, smdp.clock.now());
			verifyOtherNotification(notification, publicKey);
			return { ...verdict, eid, isVerified: true };
		} catch (error) {
			if (!(error instanceof RspRefusal || error instanceof SecurityError)) throw error;
			remark = error.message;
		}
	}
	return { ...verdict, isVerified: false, remark };
}

const events = {
	notificationInstall: "install",
	notificationEnable: "enable",
	notificationDisable: "disable",
	notificationDelete: "delete",
} as const;

function factsOf(metadata: NotificationMetadata): Pick<ReceivedNotification, "seqNumber" | "event" | "iccid"> {
	const [name] = NotificationEvent.names(metadata.profileManagementOperation);
	return {
		seqNumber: metadata.seqNumber,
		...(name === undefined ? {} : { event: events[name] }),
		...(metadata.iccid === undefined ? {} : iccidText(metadata.iccid)),
	};
}

/** Octets that are no ICCID are the eUICC's mistake; the notification is worth keeping all the same. */
function iccidText(octets: Uint8Array): { iccid?: string } {
	try {
		return { iccid: Iccid.fromBytes(octets) };
	} catch {
		return {};
	}
}

function outcomeOf({ finalResult }: ProfileInstallationResultData): string {
	if ("successResult" in finalResult) return "success";
	const { errorReason } = finalResult.errorResult;
	const named = Object.entries(ErrorReasonCode).find(([, code]) => code === errorReason);
	return named?.[0] ?? `error ${errorReason}`;
}

function whyNotVerified(verify: () => unknown): string | undefined {
	try {
		verify();
		return undefined;
	} catch (error) {
		if (error instanceof SecurityError) return error.message;
		throw error;
	}
}
