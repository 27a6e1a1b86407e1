import { Asn1Error, encode } from "@iot-esim/shared/asn1/schema";
import { readTlvs, readWholeTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { Eid } from "@iot-esim/shared/ids/eid";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { decodeLenient, type Lenient } from "@iot-esim/shared/messages/sgp32/deviations";
import {
	type EimPackageResult,
	type EimPackageResultResponseError,
	ProvideEimPackageResult,
	ProvideEimPackageResultErrorCode,
	ProvideEimPackageResultResponse,
} from "@iot-esim/shared/messages/sgp32/esipa-package";
import type { LogFacts } from "@iot-esim/shared/runtime/logger";
import { toHex } from "@iot-esim/shared/util/bytes";
import type { Device } from "../domain/device.ts";
import type { Sgp32Version } from "../domain/dialect.ts";
import type { OperationEvent, OperationReason } from "../domain/operation.ts";
import type { FoundPackage } from "../storage/store.ts";
import { answerIn, eidOfTransaction, noteVersion, versionOfResult } from "./dialect.ts";
import { acceptDownloadResult } from "./download-result.ts";
import { isDelivered } from "./download-session.ts";
import type { EsipaContext, EsipaPeer } from "./esipa-deps.ts";
import { acceptEuiccPackageResult, findPackageOf, transactionOfResult } from "./euicc-package-result.ts";
import { acceptIpaEuiccData } from "./ipa-euicc-data.ts";
import { eidOfCertificate } from "./notifications.ts";
import { isOfLatest, offeredAgain } from "./offer-again.ts";
import { requireOwn } from "./proven-eid.ts";
import { recordAgain, unsignedEvent } from "./record-unsigned.ts";
import { reasonOf } from "./result-text.ts";
import { noteLink } from "./seen-link.ts";
import { takeNotifications } from "./take-notifications.ts";

/** ESipa.ProvideEimPackageResult (SGP.32 section 5.14.6): what the device did, and what it may forget then. */
export async function provideEimPackageResult(
	context: EsipaContext,
	body: Uint8Array,
	peer?: EsipaPeer,
): Promise<Uint8Array> {
	const warn = (phrase: string, facts: LogFacts) => context.warnBounded(peer?.remoteAddress, phrase, facts);
	let read: Lenient<ProvideEimPackageResult>;
	try {
		read = decodeLenient(ProvideEimPackageResult, body);
	} catch (error) {
		if (!(error instanceof Asn1Error)) throw error;
		warn("result that cannot be read", { error });
		return failure(ProvideEimPackageResultErrorCode.undefinedError);
	}
	const message = read.value;
	const seen = peer?.isOwnForm ? undefined : versionOfResult(body, read);
	const eid = await eidOf(context, message, peer);
	if (eid === undefined) {
		warn("result without a usable EID", {});
		const { missingEid, invalidEid } = ProvideEimPackageResultErrorCode;
		return failure(message.eidValue === undefined ? missingEid : invalidEid, read.versions && seen);
	}
	requireOwn(peer, eid);
	const found = await packageFor(context, eid, message.eimPackageResult);
	const stored = found?.device ?? (await context.store.loadDevice(eid));
	if (stored === undefined) {
		context.onUnregistered?.("ProvideEimPackageResult");
		warn("result of an unregistered device: register it (`eim device add EID`) and it comes again", { eid });
		return failure(ProvideEimPackageResultErrorCode.eidNotFound, seen);
	}
	await noteLink(context, stored, peer?.link);
	const device = await noteVersion(context, stored, seen, "ProvideEimPackageResult");
	const { version } = device.dialect;
	const seqNumbers = await accept(context, device, message.eimPackageResult, body, found);
	if (seqNumbers === "rejected") return failure(ProvideEimPackageResultErrorCode.undefinedError, version);
	const answer: ProvideEimPackageResultResponse =
		seqNumbers.length === 0 ? { emptyResponse: {} } : { eimAcknowledgements: [...seqNumbers] };
	return answerIn(device.dialect, ProvideEimPackageResultResponse, encode(ProvideEimPackageResultResponse, answer));
}

/** For a result of a package, package and device together: one way to the database instead of two. */
async function packageFor(
	context: EsipaContext,
	eid: Eid,
	result: EimPackageResult,
): Promise<FoundPackage | undefined> {
	if ("euiccPackageResult" in result) return findPackageOf(context, eid, result.euiccPackageResult.value);
	if (!("ePRAndNotifications" in result)) return undefined;
	return findPackageOf(context, eid, result.ePRAndNotifications.euiccPackageResult.value);
}

/** Sequence numbers that may be acknowledged: all that they stand for is durable when this resolves. */
async function accept(
	context: EsipaContext,
	device: Device,
	result: EimPackageResult,
	body: Uint8Array,
	found: FoundPackage | undefined,
): Promise<readonly number[] | "rejected"> {
	if ("euiccPackageResult" in result || "ePRAndNotifications" in result) {
		const { euiccPackageResult, notificationList } =
			"ePRAndNotifications" in result ? result.ePRAndNotifications : { ...result, notificationList: [] };
		const notifications = await takeNotifications(context, device, notificationList);
		const accepted = await acceptEuiccPackageResult(context, device, euiccPackageResult, notifications, found);
		return accepted.kind === "rejected" ? "rejected" : accepted.seqNumbers;
	}
	if ("ipaEuiccDataResponse" in result) {
		return acceptIpaEuiccData(context, device, memberOf(body, 0xbf52), result.ipaEuiccDataResponse);
	}
	if ("profileDownloadTriggerResult" in result) {
		await acceptDownloadResult(context, device, memberOf(body, 0xbf54));
		return [];
	}
	await acceptResponseError(context, device, body, result.eimPackageResultResponseError);
	return [];
}

/**
 * The IPA could not make anything of a package. Nobody signed that: a download or a question is given to the device again
 * before it ends, since nothing of them is on the card; a package that the card may have executed stays open until its
 * result or its expiry.
 */
async function acceptResponseError(
	context: EsipaContext,
	device: Device,
	body: Uint8Array,
	error: EimPackageResultResponseError,
): Promise<void> {
	const at = context.clock.now();
	const { eimTransactionId } = error;
	const by = eimTransactionId && { eimTransactionId: TransactionId.fromBytes(eimTransactionId) };
	const found = await openPackage(context, device, by);
	const reason = reasonOf("eimPackageResultError", error.eimPackageResultErrorCode);
	const entry = { eid: device.eid, bytes: memberOf(body, 0xa0), verification: "unsigned", receivedAt: at } as const;
	const event = found && (await eventOfError(context, found, reason));
	await recordAgain(context, {
		result: found === undefined ? entry : { ...entry, operationId: found.operation.id },
		operationEvent: event && unsignedEvent(found?.operation, event),
	});
	context.logger("eim.esipa").warn("package not understood by the IPA", { eid: device.eid, code: reason.code });
}

async function eventOfError(
	context: EsipaContext,
	found: FoundPackage,
	reason: OperationReason,
): Promise<OperationEvent | undefined> {
	const at = context.clock.now();
	if (found.package.kind === "euiccPackage") return { kind: "packageRefused", at, reason };
	if (!(await isOfLatest(context, found))) return undefined;
	if (await isDelivered(context, found.operation)) return { kind: "failed", at, reason };
	return offeredAgain(context, found.operation, reason);
}

async function openPackage(
	context: EsipaContext,
	{ eid }: Device,
	by: { eimTransactionId: TransactionId } | undefined,
) {
	if (by !== undefined) return context.store.findPackage(eid, by);
	for (const kind of ["euiccPackage", "profileDownloadTrigger", "ipaEuiccDataRequest"] as const) {
		const found = await context.store.findPackage(eid, { kind });
		if (found !== undefined) return found;
	}
	return undefined;
}

/**
 * The EID of the message, or of the eUICC certificate in it: IPAs are known to leave it out with IpaEuiccData. Version
 * 1.0 never has it; then the transaction tells, or what its sender has shown.
 */
async function eidOf(
	context: EsipaContext,
	{ eidValue, eimPackageResult }: ProvideEimPackageResult,
	peer: EsipaPeer | undefined,
): Promise<Eid | undefined> {
	if (eidValue !== undefined) {
		const digits = toHex(eidValue);
		return Eid.is(digits) ? digits : undefined;
	}
	if ("ipaEuiccDataResponse" in eimPackageResult) {
		const response = eimPackageResult.ipaEuiccDataResponse;
		const certificate = "ipaEuiccData" in response ? response.ipaEuiccData.euiccCertificate : undefined;
		if (certificate !== undefined) return eidOfCertificate(certificate);
	}
	return eidOfTransaction(context, transactionOf(eimPackageResult), peer);
}

/** The transaction of the package that this answers, where the answer names it. */
function transactionOf(result: EimPackageResult): Uint8Array | undefined {
	if ("ipaEuiccDataResponse" in result) {
		const response = result.ipaEuiccDataResponse;
		return "ipaEuiccData" in response
			? response.ipaEuiccData.eimTransactionId
			: response.ipaEuiccDataResponseError.eimTransactionId;
	}
	if ("profileDownloadTriggerResult" in result) return result.profileDownloadTriggerResult.eimTransactionId;
	if ("eimPackageResultResponseError" in result) return result.eimPackageResultResponseError.eimTransactionId;
	const { value } =
		"ePRAndNotifications" in result ? result.ePRAndNotifications.euiccPackageResult : result.euiccPackageResult;
	return transactionOfResult(value);
}

/** A member of BF50 as received. */
function memberOf(body: Uint8Array, tag: number): Uint8Array {
	const whole = readWholeTlv(body);
	const member = readTlvs(body, whole.valueStart, whole.end).find((candidate) => candidate.tag === tag);
	return member === undefined ? body : tlvBytes(body, member).slice();
}

function failure(code: number, version: Sgp32Version = "1.2"): Uint8Array {
	const answer = encode(ProvideEimPackageResultResponse, { provideEimPackageResultError: code });
	return answerIn({ version }, ProvideEimPackageResultResponse, answer);
}
