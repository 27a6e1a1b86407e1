import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { CancelSessionReasonCode } from "@iot-esim/shared/messages/sgp22/cancel-session";
import type { CancelSessionRequestEs9 } from "@iot-esim/shared/messages/sgp22/es9plus";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { SecurityError } from "@iot-esim/shared/security/errors";
import { verifyCancelSession } from "@iot-esim/shared/security/result-verifier";
import { fromBase64 } from "@iot-esim/shared/util/bytes";
import { credentialsOn } from "../../rsp-server/credentials.ts";
import { RspRefusal, type StatusCodeName, statusCodes } from "../../rsp-server/status-code.ts";
import type { SmdpContext } from "../context.ts";
import type { Session } from "../offer.ts";

/** Reasons after which the order waits for another attempt (SGP.22 section 3.1.3.2). */
const postponing: readonly number[] = [CancelSessionReasonCode.postponed, CancelSessionReasonCode.timeout];

/** How the operator is told why (SGP.22 section 5.3.5). */
const reported: Readonly<Record<number, StatusCodeName>> = {
	[CancelSessionReasonCode.endUserRejection]: "endUserRejected",
	[CancelSessionReasonCode.pprNotAllowed]: "pprNotAllowed",
	[CancelSessionReasonCode.metadataMismatch]: "metadataMismatch",
	[CancelSessionReasonCode.loadBppExecutionError]: "loadBppFailed",
};

/**
 * ES9+.CancelSession (SGP.22 section 5.6.5): the session ends; the order ends too unless the reason lets it wait.
 * @throws RspRefusal 8.10.1/3.9, 8.1/6.1, 8.8/3.10
 */
export function cancelSession(smdp: SmdpContext, request: CancelSessionRequestEs9): void {
	const session = smdp.sessions.require(TransactionId.fromBytes(request.transactionId));
	const response = request.cancelSessionResponse.value;
	if ("cancelSessionResponseError" in response) {
		smdp.log.warn("session cancelled with an error of the eUICC", {
			transactionId: session.transactionId,
			error: response.cancelSessionResponseError,
		});
		smdp.sessions.end(session.transactionId);
		return;
	}
	const { euicc } = session;
	if (euicc === undefined) {
		throw new RspRefusal(
			"euiccVerificationFailed",
			"the eUICC was not authenticated, so its signature cannot be verified",
		);
	}
	const { publicKey } = parseCertificate(fromBase64(euicc.certificate));
	const signed = verified(() => verifyCancelSession(response.cancelSessionResponseOk, publicKey));
	if (TransactionId.fromBytes(signed.transactionId) !== session.transactionId) {
		throw new RspRefusal("transactionUnknown", "the eUICC signed another transactionId", session.transactionId);
	}
	if (signed.smdpOid !== credentialsOn(smdp, session.serverCurve).oid) {
		throw new RspRefusal("smdpOidInvalid", `the eUICC signed the SM-DP+ OID ${signed.smdpOid}`, signed.smdpOid);
	}
	endOrder(smdp, session, euicc.eid, signed.reason);
	smdp.sessions.end(session.transactionId);
}

function endOrder(smdp: SmdpContext, session: Session, eid: string, reason: number): void {
	const iccid = session.offer?.iccid;
	smdp.log.info("session cancelled", { transactionId: session.transactionId, eid, iccid, reason });
	const profile = iccid === undefined ? undefined : smdp.inventory.find(iccid);
	if (profile === undefined || postponing.includes(reason)) return;
	const status = statusCodes[reported[reason] ?? "undefinedReason"];
	const message = `the download was cancelled with reason ${reason}`;
	smdp.inventory.apply(profile.iccid, { event: "failed" }, message);
	const { profileType } = profile;
	smdp.progress.report({
		iccid: profile.iccid,
		profileType,
		eid,
		point: "bppDownload",
		failure: { code: status, message },
	});
}

function verified<T>(verify: () => T): T {
	try {
		return verify();
	} catch (error) {
		if (error instanceof SecurityError) throw new RspRefusal("euiccVerificationFailed", error.message);
		throw error;
	}
}
