import { Asn1Error, decode, encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import {
	InitiateAuthenticationErrorEsipaCode as ErrorCode,
	InitiateAuthenticationRequestEsipa,
	InitiateAuthenticationResponseEsipa,
} from "@iot-esim/shared/messages/sgp32/esipa-download";
import { equalBytes, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import type { Device } from "../domain/device.ts";
import type { RspSession } from "../domain/rsp-session.ts";
import type { InitiateAuthenticationOk } from "../es9plus/es9plus-client.ts";
import { ctxParams1For, euiccInfo1Of } from "./download-data.ts";
import { askDeviceFirst, type Download, findDownload } from "./download-session.ts";
import { type DownloadTarget, downloadTarget } from "./download-target.ts";
import type { EsipaContext, EsipaPeer } from "./esipa-deps.ts";
import { ipaFeatures } from "./ipa-features.ts";
import { requireOwn } from "./proven-eid.ts";
import { askServer, forgetFailure } from "./relay.ts";
import { readServer, type Server } from "./rsp-server.ts";

/** What a session is opened from. */
interface Opening {
	readonly trigger: RspSession;
	readonly operation: Download;
	readonly device: Device;
	readonly target: DownloadTarget;
	/** BF20. */
	readonly euiccInfo1: Uint8Array;
}

/**
 * ESipa.InitiateAuthentication (SGP.32 section 5.14.1): opens a session at the SM-DP+ (or SM-DS) that was ordered, and
 * ties its transaction to the device. What the IPA leaves out the eIM adds: address, EUICCInfo1, and in the answer the
 * matching identifier or the whole ctxParams1.
 */
export async function initiateAuthentication(
	context: EsipaContext,
	body: Uint8Array,
	peer?: EsipaPeer,
): Promise<Uint8Array> {
	const request = readRequest(context, body);
	if (request === undefined) return failure(ErrorCode.undefinedError);
	const opening = await openingOf(context, request, peer);
	if (typeof opening === "number") return failure(opening);
	const { target, trigger, operation, device, euiccInfo1 } = opening;
	const server = target.isSmds ? context.es11 : context.es9plus;
	const answer = await askServer(
		context,
		{
			eid: device.eid,
			operationId: operation.id,
			eimTransactionId: trigger.transactionId,
			isProven: isKnownInfo(device, euiccInfo1),
		},
		() => server.initiateAuthentication(target.address, { euiccChallenge: request.euiccChallenge, euiccInfo1 }),
	);
	if (answer.kind === "failed") return failure(answer.esipaError);
	const read = readServer(answer, target);
	if (typeof read === "number") {
		await refuseServer(context, opening, read);
		return failure(read);
	}
	await forgetFailure(context, trigger);
	return open(context, opening, { answer, server: read, isLeftToEim: request.smdpAddress === undefined });
}

/** EUICCInfo1 is all of the device in this request, and nobody has signed it: one that is not known may be anybody's. */
function isKnownInfo(device: Device, euiccInfo1: Uint8Array): boolean {
	const known = euiccInfo1Of(device);
	return known !== undefined && equalBytes(known, euiccInfo1);
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

/** All that is needed to go to a server, or the error that answers the IPA. */
async function openingOf(
	context: EsipaContext,
	request: InitiateAuthenticationRequestEsipa,
	peer: EsipaPeer | undefined,
): Promise<Opening | number> {
	const log = context.logger("eim.esipa");
	const { eimTransactionId, smdpAddress } = request;
	const download = await downloadFor(context, eimTransactionId, peer);
	if (!download) {
		log.warn("download of no known trigger");
		return ErrorCode.invalidEimTransactionId;
	}
	const { trigger, operation } = download;
	requireOwn(peer, trigger.eid);
	const facts = { eid: trigger.eid, operationId: operation.id };
	const device = await context.store.loadDevice(trigger.eid);
	if (device === undefined) return ErrorCode.undefinedError;
	if (operation.parameters.mode === "direct") {
		log.warn("indirect download where a direct one was ordered", facts);
		return ErrorCode.invalidEimTransactionId;
	}
	const found = downloadTarget(trigger, operation.parameters, device, smdpAddress);
	if (found.kind === "other") {
		log.warn("download from another server than ordered", facts);
		return ErrorCode.invalidDpAddress;
	}
	if (found.kind === "unknown") {
		await askDeviceFirst(context, device, operation, [found.tag]);
		return ErrorCode.undefinedError;
	}
	const euiccInfo1 = request.euiccInfo1?.der ?? euiccInfo1Of(device);
	if (euiccInfo1 === undefined) {
		await askDeviceFirst(context, device, operation, ["BF20", "BF22"]);
		return ErrorCode.undefinedError;
	}
	return { trigger, operation, device, target: found.target, euiccInfo1 };
}

/** In version 1.0 no transaction is named: it is the open download of the device that the sender has shown to be. */
async function downloadFor(
	context: EsipaContext,
	eimTransactionId: Uint8Array | undefined,
	peer: EsipaPeer | undefined,
): Promise<Awaited<ReturnType<typeof findDownload>>> {
	if (eimTransactionId !== undefined) return findDownload(context, eimTransactionId);
	const eid = peer?.provenEid ?? peer?.connection?.eid;
	if (eid === undefined) return undefined;
	const found = await context.store.findPackage(eid, { kind: "profileDownloadTrigger" });
	return found && findDownload(context, TransactionId.toBytes(found.package.eimTransactionId));
}

async function refuseServer(context: EsipaContext, { operation, device }: Opening, code: number): Promise<void> {
	const name = Object.entries(ErrorCode).find(([, value]) => value === code)?.[0] ?? "unknownCode";
	context.logger("eim.esipa").warn("server is not the one that was ordered", {
		eid: device.eid,
		operationId: operation.id,
		mismatch: code,
	});
	const reason = {
		text: "The SM-DP+ did not prove that it is the one that was ordered.",
		code: `initiateAuthentication: ${name}(${code})`,
	};
	await context.store.moveOperation(operation.id, { kind: "failed", at: context.clock.now(), reason });
}

async function open(
	context: EsipaContext,
	{ trigger, operation, device, target }: Opening,
	given: { readonly answer: InitiateAuthenticationOk; readonly server: Server; readonly isLeftToEim: boolean },
): Promise<Uint8Array> {
	const log = context.logger("eim.esipa");
	const { answer, server, isLeftToEim } = given;
	const features = ipaFeatures(device);
	const ctxParams1 = features.has("eimCtxParams1Generation") ? ctxParams1For(device, target.matchingId) : undefined;
	const now = context.clock.now();
	const isOpened = await context.store.openSession({
		transactionId: TransactionId.fromBytes(answer.transactionId),
		eid: trigger.eid,
		eimTransactionId: trigger.transactionId,
		operationId: operation.id,
		smdpAddress: target.address,
		state: "initiated",
		// What a compact message of this session leaves out.
		details: {
			server: server.isSmds ? "smds" : "smdp",
			serverSigned1: toHex(answer.serverSigned1),
			...(server.oid === undefined ? {} : { smdpOid: server.oid }),
			...(target.matchingId === undefined ? {} : { matchingId: target.matchingId }),
			...(ctxParams1 === undefined ? {} : { ctxParams1: toHex(ctxParams1) }),
		},
		createdAt: now,
		updatedAt: now,
		expiresAt: now + context.settings.sessionLifetime,
	});
	const facts = { eid: trigger.eid, operationId: operation.id, address: target.address };
	if (!isOpened) {
		log.warn("server gave a transaction that is in use already", facts);
		return failure(ErrorCode.undefinedError);
	}
	log.info("session opened", facts);
	// An IPA that names no server leaves the download data to the eIM, the matching id among them.
	const isDataLeft = isLeftToEim || features.has("eimDownloadDataHandling");
	return okResponse(answer, {
		matchingId: ctxParams1 === undefined && isDataLeft ? target.matchingId : undefined,
		ctxParams1,
		isMinimal: features.has("minimizeEsipaBytes"),
	});
}

/** Built of the octets as received: the card verifies the signature over them. */
function okResponse(
	answer: InitiateAuthenticationOk,
	more: {
		readonly matchingId: string | undefined;
		readonly ctxParams1: Uint8Array | undefined;
		/** serverSigned1 holds the transaction too. */
		readonly isMinimal: boolean;
	},
): Uint8Array {
	const ok = tlv(
		0xa0,
		...(more.isMinimal ? [] : [tlv(0x80, answer.transactionId)]),
		answer.serverSigned1,
		tlv(0x5f37, answer.serverSignature1),
		tlv(0x04, answer.euiccCiPKIdToBeUsed),
		answer.serverCertificate,
		...(more.matchingId === undefined ? [] : [tlv(0x0c, utf8(more.matchingId))]),
		...(more.ctxParams1 === undefined ? [] : [tlv(0xa2, more.ctxParams1)]),
	);
	return tlv(0xbf39, ok);
}

function failure(code: number): Uint8Array {
	return encode(InitiateAuthenticationResponseEsipa, { initiateAuthenticationErrorEsipa: code });
}
