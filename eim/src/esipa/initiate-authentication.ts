import { Asn1Error, decode, encode } from "@iot-esim/shared/asn1/schema";
import { findTlv, readTlvs, readWholeTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { ServerSigned1 } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import {
	InitiateAuthenticationErrorEsipaCode as ErrorCode,
	InitiateAuthenticationRequestEsipa,
	InitiateAuthenticationResponseEsipa,
} from "@iot-esim/shared/messages/sgp32/esipa-download";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { PkiError } from "@iot-esim/shared/pki/errors";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { parseActivationCode } from "../domain/activation-code.ts";
import type { Device } from "../domain/device.ts";
import type { Operation } from "../domain/operation.ts";
import type { InitiateAuthenticationOk } from "../es9plus/es9plus-client.ts";
import { findDownload } from "./download-session.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import { askSmdp, forgetFailure } from "./relay.ts";

/**
 * ESipa.InitiateAuthentication (SGP.32 section 5.14.1): opens a session at the SM-DP+ that was ordered, and ties its
 * transaction to the device.
 */
export async function initiateAuthentication(context: EsipaContext, body: Uint8Array): Promise<Uint8Array> {
	const log = context.logger("eim.esipa");
	const request = readRequest(context, body);
	if (request === undefined) return failure(ErrorCode.undefinedError);
	const { eimTransactionId, euiccChallenge, smdpAddress } = request;
	const download = eimTransactionId && (await findDownload(context, eimTransactionId));
	if (!download) {
		log.warn("download of no known trigger");
		return failure(ErrorCode.invalidEimTransactionId);
	}
	const { trigger, operation } = download;
	const ordered = operation.parameters.smdpAddress;
	if (smdpAddress !== undefined && !isSameAddress(smdpAddress, ordered)) {
		log.warn("download from another SM-DP+ than ordered", { eid: trigger.eid, operationId: operation.id });
		return failure(ErrorCode.invalidDpAddress);
	}
	const device = await context.store.loadDevice(trigger.eid);
	const euiccInfo1 = request.euiccInfo1?.der ?? (device && euiccInfo1Of(device));
	if (device === undefined || euiccInfo1 === undefined) return failure(ErrorCode.undefinedError);
	const answer = await askSmdp(
		context,
		{ eid: trigger.eid, operationId: operation.id, eimTransactionId: trigger.transactionId },
		() => context.es9plus.initiateAuthentication(ordered, { euiccChallenge, euiccInfo1 }),
	);
	if (answer.kind === "failed") return failure(answer.esipaError);
	const mismatch = mismatchOf(answer, operation);
	if (mismatch !== undefined) {
		log.warn("SM-DP+ is not the one that was ordered", { eid: trigger.eid, operationId: operation.id, mismatch });
		const reason = {
			text: "The SM-DP+ did not prove that it is the one that was ordered.",
			code: mismatchText(mismatch),
		};
		await context.store.moveOperation(operation.id, { kind: "failed", at: context.clock.now(), reason });
		return failure(mismatch);
	}
	await forgetFailure(context, trigger);
	const now = context.clock.now();
	const isOpened = await context.store.openSession({
		transactionId: TransactionId.fromBytes(answer.transactionId),
		eid: trigger.eid,
		eimTransactionId: trigger.transactionId,
		operationId: operation.id,
		smdpAddress: ordered,
		state: "initiated",
		details: {},
		createdAt: now,
		updatedAt: now,
		expiresAt: now + context.settings.sessionLifetime,
	});
	if (!isOpened) {
		log.warn("SM-DP+ gave a transaction that is in use already", { eid: trigger.eid, smdpAddress: ordered });
		return failure(ErrorCode.undefinedError);
	}
	log.info("session opened", { eid: trigger.eid, operationId: operation.id, smdpAddress: ordered });
	// An IPA that names no SM-DP+ leaves the download data to the eIM, the matching id among them.
	return okResponse(answer, smdpAddress === undefined ? operation.parameters.matchingId : undefined);
}

function readRequest(context: EsipaContext, body: Uint8Array): InitiateAuthenticationRequestEsipa | undefined {
	try {
		return decode(InitiateAuthenticationRequestEsipa, body);
	} catch (error) {
		if (!(error instanceof Asn1Error)) throw error;
		context.logger("eim.esipa").warn("InitiateAuthentication that cannot be read", { error });
		return undefined;
	}
}

/** Names are compared without regard to case; a port counts when both sides give one. */
export function isSameAddress(a: string, b: string): boolean {
	const [nameA, portA] = a.toLowerCase().split(":");
	const [nameB, portB] = b.toLowerCase().split(":");
	return nameA === nameB && (portA === undefined || portB === undefined || portA === portB);
}

/** EUICCInfo1 is what EUICCInfo2 has under the same tags: SVN and the two lists of CI keys. */
function euiccInfo1Of({ euiccInfo2 }: Device): Uint8Array | undefined {
	if (euiccInfo2 === undefined) return undefined;
	const whole = readWholeTlv(euiccInfo2);
	const members = readTlvs(euiccInfo2, whole.valueStart, whole.end);
	const parts = [0x82, 0xa9, 0xaa].map((tag) => findTlv(members, tag));
	return tlv(0xbf20, ...parts.flatMap((part) => (part === undefined ? [] : [tlvBytes(euiccInfo2, part)])));
}

/** The checks of SGP.32 section 3.2.3.2: the SM-DP+ signs its address, and its certificate holds its OID. */
function mismatchOf(
	answer: InitiateAuthenticationOk,
	{ parameters }: Extract<Operation, { type: "download" }>,
): number | undefined {
	try {
		const { serverAddress } = decode(ServerSigned1, answer.serverSigned1);
		if (!isSameAddress(serverAddress, parameters.smdpAddress)) return ErrorCode.smdpAddressMismatch;
		const code = parameters.activationCode === undefined ? undefined : parseActivationCode(parameters.activationCode);
		if (code === undefined || code instanceof Error || code.smdpOid === undefined) return undefined;
		const { registeredIds } = parseCertificate(answer.serverCertificate);
		return registeredIds.includes(code.smdpOid) ? undefined : ErrorCode.smdpOidMismatch;
	} catch (error) {
		if (error instanceof Asn1Error || error instanceof PkiError) return ErrorCode.undefinedError;
		throw error;
	}
}

function mismatchText(code: number): string {
	const name = Object.entries(ErrorCode).find(([, value]) => value === code)?.[0] ?? "unknownCode";
	return `initiateAuthentication: ${name}(${code})`;
}

/** Built of the octets as received: the card verifies the signature over them. */
function okResponse(answer: InitiateAuthenticationOk, matchingId: string | undefined): Uint8Array {
	const ok = tlv(
		0xa0,
		tlv(0x80, answer.transactionId),
		answer.serverSigned1,
		tlv(0x5f37, answer.serverSignature1),
		tlv(0x04, answer.euiccCiPKIdToBeUsed),
		answer.serverCertificate,
		...(matchingId === undefined ? [] : [tlv(0x0c, utf8(matchingId))]),
	);
	return tlv(0xbf39, ok);
}

function failure(code: number): Uint8Array {
	return encode(InitiateAuthenticationResponseEsipa, { initiateAuthenticationErrorEsipa: code });
}
