import { decode, keep } from "@iot-esim/shared/asn1/schema";
import { signRaw } from "@iot-esim/shared/crypto/ecdsa";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import type { AuthenticateResponseOk, EuiccSigned1 } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import type { AuthenticateClientOk, AuthenticateClientRequest } from "@iot-esim/shared/messages/sgp22/es9plus-download";
import { SmdpSigned2 } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp22/profile-metadata";
import { smdpSignature2Input } from "@iot-esim/shared/security/signature-input";
import { fromBase64, toBase64 } from "@iot-esim/shared/util/bytes";
import { authenticateEuicc } from "../../rsp-server/authenticate-euicc.ts";
import { credentialsOn } from "../../rsp-server/credentials.ts";
import { RspRefusal } from "../../rsp-server/status-code.ts";
import type { SmdpContext } from "../context.ts";
import type { Session } from "../offer.ts";
import type { ProfileRecord } from "../orders/profile-record.ts";
import { checkEligibility } from "./eligibility.ts";
import { findPendingOrder } from "./pending-order.ts";

/**
 * ES9+.AuthenticateClient (SGP.22 section 5.6.3).
 * @throws RspRefusal with the codes of that section
 */
export function authenticateClient(smdp: SmdpContext, request: AuthenticateClientRequest): AuthenticateClientOk {
	const { session, answer, euicc } = authenticateEuicc(smdp, request);
	const repeated = repeatedAnswer(smdp, session, answer);
	if (repeated !== undefined) return repeated;
	if (session.offer !== undefined) {
		throw new RspRefusal("transactionUnknown", "the session is past its authentication", session.transactionId);
	}
	const authenticated = { ...session, euicc };
	smdp.sessions.put(authenticated);
	return offerProfile(smdp, authenticated, answer, euicc.eid);
}

/** The same answer to the same request: the client did not get it the first time. */
function repeatedAnswer(
	smdp: SmdpContext,
	session: Session,
	answer: AuthenticateResponseOk,
): AuthenticateClientOk | undefined {
	const { offer } = session;
	if (offer === undefined || offer.euiccSignature1 !== toBase64(answer.euiccSignature1)) return undefined;
	const profile = smdp.inventory.find(offer.iccid);
	if (profile === undefined) return undefined;
	const der = fromBase64(offer.smdpSigned2);
	const smdpSigned2 = { value: decode(SmdpSigned2, der), der };
	return offered(smdp, session, profile, smdpSigned2, fromBase64(offer.smdpSignature2));
}

/** Finds the order, checks that this eUICC may have it, and signs the offer. */
function offerProfile(
	smdp: SmdpContext,
	session: Session,
	answer: AuthenticateResponseOk,
	eid: string,
): AuthenticateClientOk {
	const signed = answer.euiccSigned1.value;
	const found = findPendingOrder(smdp, { eid, matchingId: matchingIdOf(signed) });
	const profile = checked(smdp, found, eid, signed);
	const { binding, order } = profile;
	const retriedOtpk = binding?.eid === eid && binding.curve === session.serverCurve ? binding.euiccOtpk : undefined;
	const smdpSigned2 = keep(SmdpSigned2, {
		transactionId: TransactionId.toBytes(TransactionId(session.transactionId)),
		ccRequiredFlag: order?.confirmationCodeHash !== undefined,
		...(retriedOtpk === undefined ? {} : { bppEuiccOtpk: fromBase64(retriedOtpk) }),
	});
	const { pb } = credentialsOn(smdp, session.serverCurve);
	const input = smdpSignature2Input(smdpSigned2.der, answer.euiccSignature1);
	const smdpSignature2 = signRaw(pb.privateKey, input);
	smdp.sessions.put({
		...session,
		offer: {
			iccid: profile.iccid,
			matchingId: order?.matchingId ?? "",
			smdpSigned2: toBase64(smdpSigned2.der),
			smdpSignature2: toBase64(smdpSignature2),
			euiccSignature1: toBase64(answer.euiccSignature1),
		},
	});
	smdp.log.info("profile offered", { transactionId: session.transactionId, eid, iccid: profile.iccid });
	return offered(smdp, session, profile, smdpSigned2, smdpSignature2);
}

/** Eligibility and the limit of attempts; the operator is told of the outcome. */
function checked(smdp: SmdpContext, profile: ProfileRecord, eid: string, signed: EuiccSigned1): ProfileRecord {
	const { iccid, profileType, order } = profile;
	try {
		if ((order?.downloadAttempts ?? 0) >= smdp.policy.downloadAttempts) {
			smdp.inventory.apply(iccid, { event: "failed" }, "too many attempts to download");
			throw new RspRefusal("orderRetriesExceeded", "the order was attempted too many times", iccid);
		}
		checkEligibility(profile, signed.euiccInfo2);
	} catch (error) {
		if (error instanceof RspRefusal) {
			smdp.progress.report({ iccid, profileType, eid, point: "eligibilityCheck", failure: error });
		}
		throw error;
	}
	smdp.progress.report({ iccid, profileType, eid, point: "eligibilityCheck" });
	const counted = smdp.inventory.update(iccid, (record) =>
		record.order === undefined
			? record
			: { ...record, order: { ...record.order, downloadAttempts: record.order.downloadAttempts + 1 } },
	);
	return counted ?? profile;
}

function offered(
	smdp: SmdpContext,
	session: Session,
	profile: ProfileRecord,
	smdpSigned2: AuthenticateClientOk["smdpSigned2"],
	smdpSignature2: Uint8Array,
): AuthenticateClientOk {
	const der = fromBase64(profile.metadata);
	return {
		transactionId: TransactionId.toBytes(TransactionId(session.transactionId)),
		profileMetaData: { value: decode(StoreMetadataRequest, der), der },
		smdpSigned2,
		smdpSignature2,
		smdpCertificate: credentialsOn(smdp, session.serverCurve).pb.certificate,
	};
}

function matchingIdOf({ ctxParams1 }: EuiccSigned1): string {
	return ctxParams1.ctxParamsForCommonAuthentication.matchingId ?? "";
}
