import { createHash } from "node:crypto";
import { Asn1Error, decode, encode } from "@iot-esim/shared/asn1/schema";
import { findTlv, readTlvs, readWholeTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { verifyRaw } from "@iot-esim/shared/crypto/ecdsa";
import { AuthenticateErrorCodes } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { SmdpSigned2 } from "@iot-esim/shared/messages/sgp22/prepare-download";
import type { AuthenticateResponseOk } from "@iot-esim/shared/messages/sgp32/authenticate-server";
import {
	AuthenticateClientRequestEsipa,
	AuthenticateClientResponseEsipa,
	AuthenticateClientErrorEsipaCode as ErrorCode,
} from "@iot-esim/shared/messages/sgp32/esipa-download";
import { euiccSignature1Input } from "@iot-esim/shared/security/signature-input";
import { concatBytes, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import type { RspSession } from "../domain/rsp-session.ts";
import type { AuthenticateClientOk } from "../es9plus/es9plus-client.ts";
import { loadRelay } from "./download-session.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import { mayReplaceCertificates } from "./euicc-keys.ts";
import { eidOfCertificate } from "./notifications.ts";
import { askSmdp } from "./relay.ts";

/** ESipa.AuthenticateClient (SGP.32 section 5.14.2): hands what the eUICC signed to the SM-DP+, octet by octet. */
export async function authenticateClient(context: EsipaContext, body: Uint8Array): Promise<Uint8Array> {
	const log = context.logger("eim.esipa");
	let request: AuthenticateClientRequestEsipa;
	try {
		request = decode(AuthenticateClientRequestEsipa, body);
	} catch (error) {
		if (!(error instanceof Asn1Error)) throw error;
		log.warn("AuthenticateClient that cannot be read", { error });
		return failure(ErrorCode.undefinedError);
	}
	const { transactionId, authenticateServerResponse } = request;
	const session = await loadRelay(context, transactionId);
	if (session === undefined) return failure(ErrorCode.invalidTransactionId);
	const { value } = authenticateServerResponse;
	if ("compactAuthenticateResponseOk" in value) {
		log.warn("compact AuthenticateServerResponse refused", { eid: session.eid });
		return failure(ErrorCode.undefinedError);
	}
	if ("authenticateResponseOk" in value) {
		const { euiccCertificate } = value.authenticateResponseOk;
		if (eidOfCertificate(euiccCertificate) !== session.eid) {
			log.warn("another eUICC in a session", { eid: session.eid });
			return failure(ErrorCode.eidMismatch);
		}
		await learnCertificates(context, session, value.authenticateResponseOk);
	} else {
		const { authenticateErrorCode: code } = value.authenticateResponseError;
		const name = Object.entries(AuthenticateErrorCodes).find(([, known]) => known === code)?.[0] ?? "unknownCode";
		log.warn("eUICC refused the SM-DP+", { eid: session.eid, code: `${name}(${code})` });
	}
	const answer = await askSmdp(context, { ...session, session }, () =>
		context.es9plus.authenticateClient(session.smdpAddress, {
			transactionId,
			authenticateServerResponse: authenticateServerResponse.der,
		}),
	);
	if (answer.kind === "failed") return failure(answer.esipaError);
	await context.store.moveSession(session.transactionId, "authenticated", {
		at: context.clock.now(),
		details: { profileMetadata: toHex(answer.profileMetadata) },
	});
	return okResponse(answer, await hashCcFor(context, session, answer));
}

/**
 * The session shows the device's certificates; when their chain is trusted and the signature is by their key, they are
 * worth as much as if they had been asked for.
 */
async function learnCertificates(
	context: EsipaContext,
	session: RspSession,
	response: AuthenticateResponseOk,
): Promise<void> {
	const { euiccCertificate, eumCertificate, euiccSigned1, euiccSignature1 } = response;
	const key = context.keys.verify(session.eid, euiccCertificate, eumCertificate);
	if (key.kind === "untrusted") {
		context.logger("eim.esipa").warn("certificates of a session not trusted", { eid: session.eid, error: key.error });
		return;
	}
	if (!verifyRaw(key.publicKey, euiccSignature1Input(euiccSigned1.der), euiccSignature1)) return;
	// The session runs under the CI of the SM-DP+. An eUICC with several may sign its results under another.
	const isOnlyOne = euiccSigned1.value.euiccInfo2.euiccCiPKIdListForSigning.length === 1;
	const device = await context.store.loadDevice(session.eid);
	const isTaken = isOnlyOne && device && mayReplaceCertificates(context, device, euiccCertificate);
	const whole = readWholeTlv(euiccSigned1.der);
	const info2 = findTlv(readTlvs(euiccSigned1.der, whole.valueStart, whole.end), 0xbf22);
	await context.store.changeDevice(session.eid, {
		...(isTaken ? { euiccCertificate, eumCertificate } : {}),
		...(info2 === undefined ? {} : { euiccInfo2: tlvBytes(euiccSigned1.der, info2) }),
	});
}

/** hashCc = SHA-256(SHA-256(confirmation code) ‖ transactionId) (SGP.22 section 4.7). */
async function hashCcFor(
	context: EsipaContext,
	session: RspSession,
	answer: AuthenticateClientOk,
): Promise<Uint8Array | undefined> {
	const { ccRequiredFlag, transactionId } = readSmdpSigned2(answer.smdpSigned2);
	if (!ccRequiredFlag || session.operationId === undefined) return undefined;
	const operation = await context.store.loadOperation(session.operationId);
	const code = operation?.type === "download" ? operation.parameters.confirmationCode : undefined;
	return code === undefined ? undefined : sha256(concatBytes(sha256(utf8(code)), transactionId));
}

/** What the eUICC will refuse is its to refuse: here it only means that no confirmation code is asked for. */
function readSmdpSigned2(der: Uint8Array): Pick<SmdpSigned2, "ccRequiredFlag" | "transactionId"> {
	try {
		return decode(SmdpSigned2, der);
	} catch (error) {
		if (error instanceof Asn1Error) return { ccRequiredFlag: false, transactionId: new Uint8Array() };
		throw error;
	}
}

function sha256(bytes: Uint8Array): Uint8Array {
	return new Uint8Array(createHash("sha256").update(bytes).digest());
}

/** In ESipa hashCc stands after the certificate. */
function okResponse(answer: AuthenticateClientOk, hashCc: Uint8Array | undefined): Uint8Array {
	const ok = tlv(
		0xa0,
		tlv(0x80, answer.transactionId),
		answer.profileMetadata,
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
