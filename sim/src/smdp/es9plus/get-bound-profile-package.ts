import { createHash, createPrivateKey, createPublicKey, timingSafeEqual } from "node:crypto";
import { decode } from "@iot-esim/shared/asn1/schema";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import { type KeyPair, keyPairFrom, verifyRaw } from "@iot-esim/shared/crypto/ecdsa";
import { CryptoError } from "@iot-esim/shared/crypto/errors";
import { publicKeyFromPoint } from "@iot-esim/shared/crypto/key-agreement";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { BoundProfilePackage } from "@iot-esim/shared/messages/sgp22/bound-profile-package";
import type {
	GetBoundProfilePackageOk,
	GetBoundProfilePackageRequest,
} from "@iot-esim/shared/messages/sgp22/es9plus-download";
import type { EUICCSigned2, PrepareDownloadResponseOk } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { buildBoundProfilePackage } from "@iot-esim/shared/security/bound-profile-package";
import { euiccSignature2Input } from "@iot-esim/shared/security/signature-input";
import { fromBase64, fromHex, toBase64, utf8 } from "@iot-esim/shared/util/bytes";
import { credentialsOn } from "../../rsp-server/credentials.ts";
import { RspRefusal } from "../../rsp-server/status-code.ts";
import type { SmdpContext } from "../context.ts";
import type { AuthenticatedEuicc, Offer, Session } from "../offer.ts";
import type { Attempt, Binding, ProfileRecord } from "../orders/profile-record.ts";

/** hostId of the control reference template: any name of the SM-DP+'s choice, 1 to 16 octets. */
const HOST_ID = utf8("sim-smdp");

/** Largest package that the codec decodes; profiles are at most 1 MiB before protection. */
const MAX_BPP_LENGTH = 2 << 20;

/** Sessions of one profile whose result can still be verified. */
const MAX_ATTEMPTS = 50;

/**
 * ES9+.GetBoundProfilePackage (SGP.22 section 5.6.2).
 * @throws RspRefusal with the codes of that section
 */
export function getBoundProfilePackage(
	smdp: SmdpContext,
	request: GetBoundProfilePackageRequest,
): GetBoundProfilePackageOk {
	const session = smdp.sessions.require(TransactionId.fromBytes(request.transactionId));
	const { euicc, offer } = session;
	if (euicc === undefined || offer === undefined) {
		throw new RspRefusal("transactionUnknown", "no profile was offered in this session", session.transactionId);
	}
	const response = request.prepareDownloadResponse.value;
	if ("downloadResponseError" in response) {
		smdp.sessions.end(session.transactionId);
		const { downloadErrorCode } = response.downloadResponseError;
		throw new RspRefusal("euiccReportedError", `the eUICC refused the download with error ${downloadErrorCode}`);
	}
	const signed = verifyAnswer(session, euicc, offer, response.downloadResponseOk);
	const profile = smdp.inventory.find(offer.iccid);
	if (profile === undefined || (profile.state !== "released" && profile.state !== "downloaded")) {
		throw new RspRefusal("matchingIdRefused", `the profile is ${profile?.state ?? "gone"}`, offer.iccid);
	}
	checkOrder(smdp, profile, offer, euicc.eid);
	checkConfirmationCode(smdp, session, profile, signed);
	const binding = bindingFor(smdp, session, euicc.eid, profile, signed.euiccOtpk);
	const bpp = bind(smdp, session, profile, binding);
	smdp.inventory.apply(profile.iccid, { event: "downloaded" }, `bound to the eUICC ${euicc.eid}`, (record) => ({
		...record,
		binding,
		attempts: attemptsWith(record, session, euicc),
	}));
	const { iccid, profileType } = profile;
	smdp.progress.report({ iccid, profileType, eid: euicc.eid, point: "bppDownload" });
	smdp.log.info("profile bound", { transactionId: session.transactionId, eid: euicc.eid, iccid, octets: bpp.length });
	return {
		transactionId: request.transactionId,
		boundProfilePackage: { value: decode(BoundProfilePackage, bpp, { maxBytes: MAX_BPP_LENGTH }), der: bpp },
	};
}

function verifyAnswer(
	session: Session,
	euicc: AuthenticatedEuicc,
	offer: Offer,
	answer: PrepareDownloadResponseOk,
): EUICCSigned2 {
	const { value, der } = answer.euiccSigned2;
	const { publicKey } = parseCertificate(fromBase64(euicc.certificate));
	const input = euiccSignature2Input(der, fromBase64(offer.smdpSignature2));
	if (!verifyRaw(publicKey, input, answer.euiccSignature2)) {
		throw new RspRefusal("euiccVerificationFailed", "euiccSignature2 is not one by the key of CERT.EUICC", euicc.eid);
	}
	if (TransactionId.fromBytes(value.transactionId) !== session.transactionId) {
		throw new RspRefusal("transactionUnknown", "the eUICC signed another transactionId", session.transactionId);
	}
	try {
		publicKeyFromPoint(session.serverCurve, value.euiccOtpk);
	} catch (error) {
		if (!(error instanceof CryptoError)) throw error;
		throw new RspRefusal("euiccVerificationFailed", `the one-time key of the eUICC: ${error.message}`, euicc.eid);
	}
	return value;
}

/** Since the offer the order may have ended, or another eUICC may have been faster: a profile is never given to two. */
function checkOrder(smdp: SmdpContext, profile: ProfileRecord, offer: Offer, eid: string): void {
	const { order, state, binding } = profile;
	if ((order?.matchingId ?? "") !== offer.matchingId) {
		throw new RspRefusal("matchingIdRefused", "the order that was offered is over", offer.matchingId);
	}
	const owner = order?.eid ?? (state === "downloaded" ? binding?.eid : undefined);
	if (owner !== undefined && owner !== eid) throw new RspRefusal("eidRefused", "the order is for another eUICC", eid);
	if (order?.expiresAt !== undefined && smdp.clock.now() > order.expiresAt) {
		throw new RspRefusal("orderExpired", `the order was valid until ${new Date(order.expiresAt).toISOString()}`);
	}
}

/** hashCc is SHA-256(SHA-256(confirmation code) ‖ transactionId) (SGP.22 section 4.7). */
function checkConfirmationCode(
	smdp: SmdpContext,
	session: Session,
	profile: ProfileRecord,
	signed: EUICCSigned2,
): void {
	const { iccid, order } = profile;
	if (order?.confirmationCodeHash === undefined) return;
	if (signed.hashCc === undefined) {
		throw new RspRefusal("confirmationCodeMissing", "the order needs a confirmation code", iccid);
	}
	const expected = createHash("sha256")
		.update(fromHex(order.confirmationCodeHash))
		.update(fromHex(session.transactionId))
		.digest();
	if (timingSafeEqual(expected, signed.hashCc)) return;
	const attempts = order.confirmationAttempts + 1;
	const counted = { ...order, confirmationAttempts: attempts };
	const isOver = attempts >= smdp.policy.confirmationAttempts;
	const refusal = isOver
		? new RspRefusal("confirmationCodeRetriesExceeded", `the confirmation code was wrong ${attempts} times`, iccid)
		: new RspRefusal("confirmationCodeRefused", "the confirmation code is wrong", iccid);
	if (isOver) {
		const withAttempts = (record: ProfileRecord) => ({ ...record, order: counted });
		smdp.inventory.apply(iccid, { event: "failed" }, "too many wrong confirmation codes", withAttempts);
	} else {
		smdp.inventory.update(iccid, (record) => ({ ...record, order: counted }));
	}
	const { profileType } = profile;
	const eid = session.euicc?.eid;
	const report = { iccid, profileType, point: "confirmationFailure", failure: refusal } as const;
	smdp.progress.report(eid === undefined ? report : { ...report, eid });
	throw refusal;
}

/** The session is written down once, however often its package is asked for. */
function attemptsWith({ attempts = [] }: ProfileRecord, session: Session, euicc: AuthenticatedEuicc): Attempt[] {
	const { transactionId } = session;
	const others = attempts.filter((attempt) => attempt.transactionId !== transactionId);
	return [...others, { transactionId, eid: euicc.eid, euiccCertificate: euicc.certificate }].slice(-MAX_ATTEMPTS);
}

/** The keys of a former attempt when the eUICC still has its one-time key, else fresh ones. */
function bindingFor(
	smdp: SmdpContext,
	session: Session,
	eid: string,
	profile: ProfileRecord,
	euiccOtpk: Uint8Array,
): Binding {
	const { binding } = profile;
	const curve = session.serverCurve;
	if (binding?.eid === eid && binding.curve === curve && binding.euiccOtpk === toBase64(euiccOtpk)) return binding;
	if (binding !== undefined && !smdp.policy.isRebindingAllowed) {
		throw new RspRefusal("bppUnavailable", "the package cannot be bound to another one-time key", profile.iccid);
	}
	const fresh = () => toBase64(smdp.random.bytes(16));
	return {
		eid,
		curve,
		euiccOtpk: toBase64(euiccOtpk),
		smdpOtsk: newOneTimeKey(curve, smdp.random),
		ppk: { senc: fresh(), smac: fresh(), initialMcv: fresh() },
	};
}

function newOneTimeKey(curve: Curve, random: RandomSource): string {
	return toBase64(keyPairFrom(curve, random).privateKey.export({ format: "der", type: "pkcs8" }));
}

function bind(smdp: SmdpContext, session: Session, profile: ProfileRecord, binding: Binding): Uint8Array {
	const { ppk } = binding;
	return buildBoundProfilePackage({
		transactionId: fromHex(session.transactionId),
		privateKey: credentialsOn(smdp, session.serverCurve).pb.privateKey,
		oneTimeKeyPair: oneTimeKeyPair(binding),
		euiccOtpk: fromBase64(binding.euiccOtpk),
		// Not by way of Eid: a laboratory card may have an EID whose check digits are wrong.
		eid: fromHex(binding.eid),
		hostId: HOST_ID,
		storeMetadataDer: fromBase64(profile.metadata),
		profileProtectionKeys: {
			senc: fromBase64(ppk.senc),
			smac: fromBase64(ppk.smac),
			initialMcv: fromBase64(ppk.initialMcv),
		},
		profile: smdp.inventory.packageOf(profile.iccid),
	});
}

function oneTimeKeyPair({ smdpOtsk }: Binding): KeyPair {
	const privateKey = createPrivateKey({ key: Buffer.from(fromBase64(smdpOtsk)), format: "der", type: "pkcs8" });
	return { privateKey, publicKey: createPublicKey(privateKey) };
}
