import { createHash } from "node:crypto";
import { Asn1Error, decode, encode, type Kept } from "@iot-esim/shared/asn1/schema";
import { findTlv, readTlvs, readWholeTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { verifyRaw } from "@iot-esim/shared/crypto/ecdsa";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { AuthenticateErrorCodes } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { SmdpSigned2 } from "@iot-esim/shared/messages/sgp22/prepare-download";
import type {
	AuthenticateResponseOk,
	AuthenticateServerResponse,
} from "@iot-esim/shared/messages/sgp32/authenticate-server";
import {
	AuthenticateClientRequestEsipa,
	AuthenticateClientResponseEsipa,
	AuthenticateClientErrorEsipaCode as ErrorCode,
} from "@iot-esim/shared/messages/sgp32/esipa-download";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { PkiError } from "@iot-esim/shared/pki/errors";
import { euiccSignature1Input } from "@iot-esim/shared/security/signature-input";
import { concatBytes, equalBytes, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import type { Device } from "../domain/device.ts";
import type { RspSession } from "../domain/rsp-session.ts";
import type { AuthenticateClientOk } from "../es9plus/es9plus-client.ts";
import { fullAuthenticateServerResponse } from "./compact-messages.ts";
import { answerIn, versionChange } from "./dialect.ts";
import { checkOffer } from "./download-offer.ts";
import { downloadOf, ownRelay } from "./download-session.ts";
import type { EsipaContext, EsipaPeer } from "./esipa-deps.ts";
import { mayReplaceCertificates } from "./euicc-keys.ts";
import { ipaFeatures } from "./ipa-features.ts";
import { eidOfCertificate } from "./notifications.ts";
import { askServer } from "./relay.ts";
import { retrieveEvents } from "./smds-session.ts";

/**
 * ESipa.AuthenticateClient (SGP.32 section 5.14.2): hands what the eUICC signed to the server, octet by octet, and looks
 * at the profile that the SM-DP+ offers before the download goes on.
 */
export async function authenticateClient(
	context: EsipaContext,
	body: Uint8Array,
	peer?: EsipaPeer,
): Promise<Uint8Array> {
	const request = readRequest(context, body);
	if (request === undefined) return failure(ErrorCode.undefinedError);
	const { transactionId } = request;
	const relay = await ownRelay(context, transactionId, peer);
	if (relay === undefined) return failure(ErrorCode.invalidTransactionId);
	const { session, device } = relay;
	const full = fullAuthenticateServerResponse(context, session, device, request.authenticateServerResponse);
	if (full === undefined) return failure(ErrorCode.euiccSignatureInvalid);
	const checked = await checkResponse(context, session, device, full);
	if (typeof checked === "number") return failure(checked);
	const { isProven } = checked;
	const relayed = { transactionId, authenticateServerResponse: full.der };
	if (session.details.server === "smds") {
		const events = await retrieveEvents(context, session, relayed, isProven);
		return typeof events === "number" ? failure(events) : events;
	}
	const answer = await askServer(context, { ...session, session, isProven }, () =>
		context.es9plus.authenticateClient(session.smdpAddress, relayed),
	);
	if (answer.kind === "failed") {
		return answerIn(device.dialect, AuthenticateClientResponseEsipa, failure(answer.esipaError));
	}
	return offer(context, { session, device: checked.device, answer });
}

function readRequest(context: EsipaContext, body: Uint8Array): AuthenticateClientRequestEsipa | undefined {
	try {
		return decode(AuthenticateClientRequestEsipa, body);
	} catch (error) {
		if (!(error instanceof Asn1Error)) throw error;
		context.logger("eim.esipa").warn("AuthenticateClient that cannot be read", { error });
		return undefined;
	}
}

/** The device as it is known after its answer. */
interface CheckedResponse {
	readonly device: Device;
	/** Its own eUICC has signed the answer, for this session. */
	readonly isProven: boolean;
}

/** What the answer tells, or the error that answers another eUICC. */
async function checkResponse(
	context: EsipaContext,
	session: RspSession,
	device: Device,
	{ value }: Kept<AuthenticateServerResponse>,
): Promise<CheckedResponse | number> {
	const log = context.logger("eim.esipa");
	if ("authenticateResponseOk" in value) {
		const { euiccCertificate } = value.authenticateResponseOk;
		if (eidOfCertificate(euiccCertificate) !== session.eid) {
			log.warn("another eUICC in a session", { eid: session.eid });
			return ErrorCode.eidMismatch;
		}
		return learnFromResponse(context, session, device, value.authenticateResponseOk);
	}
	if ("authenticateResponseError" in value) {
		const { authenticateErrorCode: code } = value.authenticateResponseError;
		const name = Object.entries(AuthenticateErrorCodes).find(([, known]) => known === code)?.[0] ?? "unknownCode";
		log.warn("eUICC refused the server", { eid: session.eid, code: `${name}(${code})` });
	}
	return { device, isProven: false };
}

/**
 * The session shows the device's certificates; when their chain is trusted and the signature is by their key, they are
 * worth as much as if they had been asked for.
 */
async function learnFromResponse(
	context: EsipaContext,
	session: RspSession,
	device: Device,
	response: AuthenticateResponseOk,
): Promise<CheckedResponse> {
	const { euiccCertificate, eumCertificate, euiccSigned1, euiccSignature1 } = response;
	const key = context.keys.verify(session.eid, euiccCertificate, eumCertificate);
	if (key.kind === "untrusted") {
		context.logger("eim.esipa").warn("certificates of a session not trusted", { eid: session.eid, error: key.error });
		return { device, isProven: false };
	}
	if (!verifyRaw(key.publicKey, euiccSignature1Input(euiccSigned1.der), euiccSignature1)) {
		return { device, isProven: false };
	}
	const isProven = TransactionId.fromBytes(euiccSigned1.value.transactionId) === session.transactionId;
	if (isProven) await noteProven(context, session);
	// The session runs under the CI of the SM-DP+. An eUICC with several may sign its results under another.
	const isOnlyOne = euiccSigned1.value.euiccInfo2.euiccCiPKIdListForSigning.length === 1;
	const isTaken = isOnlyOne && mayReplaceCertificates(context, device, euiccCertificate);
	const whole = readWholeTlv(euiccSigned1.der);
	const info2 = findTlv(readTlvs(euiccSigned1.der, whole.valueStart, whole.end), 0xbf22);
	const euiccInfo2 = info2 && tlvBytes(euiccSigned1.der, info2);
	const changed = await context.store.changeDevice(session.eid, {
		...(isTaken ? { euiccCertificate, eumCertificate } : {}),
		...(euiccInfo2 === undefined ? {} : { euiccInfo2, ...versionChange(device, euiccInfo2) }),
	});
	if (!isTaken && !isSame(device.euiccCertificate, euiccCertificate))
		await keepCertificate(context, session, euiccCertificate);
	return { device: changed === undefined || changed instanceof Error ? device : changed, isProven };
}

/** What comes later in this session is of the device: nobody else knows its transaction. */
async function noteProven(
	context: EsipaContext,
	{ transactionId, state, eimTransactionId }: RspSession,
): Promise<void> {
	const proven = { at: context.clock.now(), details: { isProven: "yes" } };
	await context.store.moveSession(transactionId, state, proven);
	if (eimTransactionId !== undefined) await context.store.moveSession(eimTransactionId, "initiated", proven);
}

/** What the eUICC signs later in this session is by this key and not by that of its results. */
async function keepCertificate(context: EsipaContext, session: RspSession, certificate: Uint8Array): Promise<void> {
	const details = { euiccCertificate: toHex(certificate) };
	await context.store.moveSession(session.transactionId, session.state, { at: context.clock.now(), details });
}

function isSame(one: Uint8Array | undefined, other: Uint8Array): boolean {
	return one !== undefined && equalBytes(one, other);
}

/** The profile that the SM-DP+ offers, if it may go onto the card. */
async function offer(
	context: EsipaContext,
	of: { readonly session: RspSession; readonly device: Device; readonly answer: AuthenticateClientOk },
): Promise<Uint8Array> {
	const { session, device, answer } = of;
	const smdpSigned2 = readSmdpSigned2(answer.smdpSigned2);
	const operation = await downloadOf(context, session);
	const code = operation?.parameters.confirmationCode;
	const hashCc =
		smdpSigned2.ccRequiredFlag && code !== undefined
			? sha256(concatBytes(sha256(utf8(code)), TransactionId.toBytes(session.transactionId)))
			: undefined;
	const isCodeMissing = smdpSigned2.ccRequiredFlag && operation !== undefined && code === undefined;
	const error = await checkOffer(context, { session, device, operation, isCodeMissing, ...answer });
	if (error !== undefined) return failure(error);
	const { bppEuiccOtpk } = smdpSigned2;
	await context.store.moveSession(session.transactionId, "authenticated", {
		at: context.clock.now(),
		details: {
			profileMetadata: toHex(answer.profileMetadata),
			// What compact messages of this session leave out.
			smdpSignature2: toHex(answer.smdpSignature2),
			...(bppEuiccOtpk === undefined ? {} : { bppEuiccOtpk: toHex(bppEuiccOtpk) }),
			...(hashCc === undefined ? {} : { hashCc: toHex(hashCc) }),
			...oidOf(answer.smdpCertificate),
		},
	});
	return okResponse(answer, hashCc, device);
}

/** What the eUICC will refuse is its to refuse: here it only means that no confirmation code is asked for. */
function readSmdpSigned2(der: Uint8Array): Pick<SmdpSigned2, "ccRequiredFlag" | "bppEuiccOtpk"> {
	try {
		return decode(SmdpSigned2, der);
	} catch (error) {
		if (error instanceof Asn1Error) return { ccRequiredFlag: false };
		throw error;
	}
}

/** CERT.DPpb; the eUICC puts its OID into the installation result. */
function oidOf(smdpCertificate: Uint8Array): { readonly pbOid?: string } {
	try {
		const [pbOid] = parseCertificate(smdpCertificate).registeredIds;
		return pbOid === undefined ? {} : { pbOid };
	} catch (error) {
		if (error instanceof PkiError) return {};
		throw error;
	}
}

function sha256(bytes: Uint8Array): Uint8Array {
	return new Uint8Array(createHash("sha256").update(bytes).digest());
}

/**
 * In ESipa hashCc stands after the certificate. An IPA that saves octets is not told again what it knows (the
 * transaction), nor what it has left to the eIM (the metadata).
 */
function okResponse(answer: AuthenticateClientOk, hashCc: Uint8Array | undefined, device: Device): Uint8Array {
	const features = ipaFeatures(device);
	const isMinimal = features.has("minimizeEsipaBytes");
	const isMetadataLeft = isMinimal && features.has("eimProfileMetadataVerification");
	const ok = tlv(
		0xa0,
		...(isMinimal ? [] : [tlv(0x80, answer.transactionId)]),
		...(isMetadataLeft ? [] : [answer.profileMetadata]),
		answer.smdpSigned2,
		tlv(0x5f37, answer.smdpSignature2),
		answer.smdpCertificate,
		...(hashCc === undefined ? [] : [tlv(0x04, hashCc)]),
	);
	return tlv(0xbf3b, ok);
}

function failure(code: number): Uint8Array {
	return encode(AuthenticateClientResponseEsipa, { authenticateClientErrorEsipa: code });
}
