import { decode, type Kept } from "@iot-esim/shared/asn1/schema";
import type { Eid } from "@iot-esim/shared/ids/eid";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { EuiccPackageRequest } from "@iot-esim/shared/messages/sgp32/euicc-package";
import {
	EuiccPackageErrorCodes,
	type EuiccPackageErrorDataSigned,
	type EuiccPackageResult,
	type EuiccPackageResultDataSigned,
} from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { SecurityError } from "@iot-esim/shared/security/errors";
import { verifyEuiccPackageResult } from "@iot-esim/shared/security/result-verifier";
import type { Device, DeviceChange } from "../domain/device.ts";
import { learnVersion } from "../domain/dialect.ts";
import { commandsOf, type OperationReason } from "../domain/operation.ts";
import type { ReceivedResult, ResultVerification } from "../domain/received-result.ts";
import type { FoundPackage, ResultRecord } from "../storage/store.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import type { TakenNotifications } from "./notifications.ts";
import { listProfiles, ownOperation, readEuiccData } from "./own-operation.ts";
import { overtaken, packageOutcome } from "./package-outcome.ts";
import { isFull, recordAgain, unsignedEvent } from "./record-unsigned.ts";
import { reasonOf } from "./result-text.ts";
import { acceptUnsignedError } from "./unsigned-error.ts";

/** What became of a result; `seqNumbers` may be acknowledged, since all of it is durable. */
export type AcceptedResult =
	| { readonly kind: "accepted"; readonly seqNumbers: readonly number[] }
	/** Durable, but not verifiable yet: the card keeps it too. */
	| { readonly kind: "kept"; readonly seqNumbers: readonly number[] }
	/** Signed by somebody else: not delivered, as far as the sender is concerned. */
	| { readonly kind: "rejected" };

type Signed = EuiccPackageResultDataSigned | EuiccPackageErrorDataSigned;

interface Judgement {
	readonly verification: ResultVerification;
	/** What the signature was made with, when it differs from what is known. */
	readonly tokenChange: DeviceChange | undefined;
	readonly reason?: OperationReason;
}

/**
 * Takes a result of an eUICC package: state follows only from a signature by the device's own eUICC under a trusted CI
 * (or from anything at all for a device in a lab mode that says so). A result that cannot be verified yet is kept.
 */
export async function acceptEuiccPackageResult(
	context: EsipaContext,
	device: Device,
	result: Kept<EuiccPackageResult>,
	notifications: TakenNotifications = { rows: [], seqNumbers: [] },
	foundBefore?: FoundPackage,
): Promise<AcceptedResult> {
	const { value } = result;
	if ("euiccPackageErrorUnsigned" in value) {
		if (value.euiccPackageErrorUnsigned.eimId !== context.settings.eimId) return { kind: "rejected" };
		await acceptUnsignedError(context, device, result.der, value.euiccPackageErrorUnsigned, notifications);
		return { kind: "accepted", seqNumbers: notifications.seqNumbers };
	}
	const signed = signedPartOf(value);
	const log = context.logger("eim.esipa").with({ eid: device.eid, counter: signed.counterValue });
	if (signed.eimId !== context.settings.eimId) {
		log.warn("result for another eIM", { eimId: signed.eimId });
		return { kind: "rejected" };
	}
	const found = foundBefore ?? (await findPackageOf(context, device.eid, value));
	const judgement = judge(context, device, value, found);
	if (judgement.verification === "kept" && (await isFull(context, device, "kept"))) {
		log.warn("too many results of this device wait for its certificates");
		return { kind: "rejected" };
	}
	const record = {
		...(await recordOf(context, device, result.der, signed, judgement, found)),
		notifications: notifications.rows,
	};
	const recorded = await recordAgain(
		context,

		"euiccPackageErrorCode" in signed && isTrusted(judgement)
			? await withPackageError(context, device, record, signed, found)
			: record,
	);
	const seqNumber = "seqNumber" in signed ? signed.seqNumber : undefined;
	log.info("result recorded", {
		operationId: found?.operation.id,
		seqNumber,
		verification: judgement.verification,
		repeated: recorded.repeated,
		refused: recorded.refused?.code,
	});
	if (judgement.verification === "rejected") return { kind: "rejected" };
	if (!isTrusted(judgement)) return { kind: "kept", seqNumbers: notifications.seqNumbers };
	const own = seqNumber === undefined ? [] : [seqNumber];
	return { kind: "accepted", seqNumbers: [...own, ...notifications.seqNumbers] };
}

function isTrusted({ verification }: Judgement): boolean {
	return verification === "verified" || verification === "accepted-unverified";
}

function judge(
	context: EsipaContext,
	device: Device,
	result: EuiccPackageResult,
	found: FoundPackage | undefined,
): Judgement {
	const isLab = device.acceptUnverified && device.labMode !== undefined;
	const accepted: Judgement = { verification: "accepted-unverified", tokenChange: undefined };
	const key = context.keys.of(device);
	if (key.kind === "unknown") {
		if (isLab) return accepted;
		const text = "The result is kept until the certificates of the eUICC, asked for now, have arrived.";
		return { verification: "kept", tokenChange: undefined, reason: { text } };
	}
	if (key.kind === "untrusted") {
		if (isLab) return accepted;
		const text = `The result is kept; the certificates of the eUICC cannot be trusted: ${key.error.message}`;
		return { verification: "kept", tokenChange: undefined, reason: { text, code: key.error.code } };
	}
	try {
		// What is known of the device may be newer than the package, and may come from a stranger.
		const associationTokens = [device.associationToken, found?.package.associationToken].filter(
			(token) => token !== undefined,
		);
		const verified = verifyEuiccPackageResult({
			result,
			associationTokens,
			// Read only when no token fits.
			get eimSignature() {
				return found && decode(EuiccPackageRequest, found.package.bytes).eimSignature;
			},
			publicKey: key.publicKey,
		});
		return { verification: "verified", tokenChange: changeAfter(device, verified.associationToken) };
	} catch (error) {
		if (!(error instanceof SecurityError)) throw error;
		if (isLab) return accepted;
		return { verification: "rejected", tokenChange: undefined, reason: { text: error.message, code: error.code } };
	}
}

/** What a verified signature tells: the token that it was made with, or that the card is one of version 1.0. */
function changeAfter(device: Device, token: number | undefined): DeviceChange | undefined {
	if (token === undefined) {
		const dialect = learnVersion(device.dialect, "euiccVersion", "1.0", "euiccSignEPR");
		return dialect && { seenVersion: { of: "euiccVersion", version: "1.0", from: "euiccSignEPR" } };
	}
	return token === (device.associationToken ?? 0) ? undefined : { associationToken: token };
}

/**
 * The package that a signed result says it belongs to, by its counter and, unless it names none (SGP.32 v1.0), by its
 * transaction too; what it says is not verified here.
 */
export async function findPackageOf(
	context: EsipaContext,
	eid: Eid,
	result: EuiccPackageResult,
): Promise<FoundPackage | undefined> {
	if ("euiccPackageErrorUnsigned" in result) return undefined;
	const { eimTransactionId: octets, counterValue: counter } = signedPartOf(result);
	const eimTransactionId = octets && TransactionId.fromBytes(octets);
	const found = await context.store.findPackage(eid, { eimTransactionId, counter });
	const isOfIt =
		found?.package.counter === counter && (octets === undefined || found.package.eimTransactionId === eimTransactionId);
	return isOfIt ? found : undefined;
}

/** The transaction that a result names. */
export function transactionOfResult(result: EuiccPackageResult): Uint8Array | undefined {
	if ("euiccPackageErrorUnsigned" in result) return result.euiccPackageErrorUnsigned.eimTransactionId;
	return signedPartOf(result).eimTransactionId;
}

function signedPartOf(result: Exclude<EuiccPackageResult, { euiccPackageErrorUnsigned: unknown }>): Signed {
	return "euiccPackageResultSigned" in result
		? result.euiccPackageResultSigned.euiccPackageResultDataSigned.value
		: result.euiccPackageErrorSigned.euiccPackageErrorDataSigned.value;
}

async function recordOf(
	context: EsipaContext,
	device: Device,
	bytes: Uint8Array,
	signed: Signed,
	judgement: Judgement,
	found: FoundPackage | undefined,
): Promise<ResultRecord> {
	const at = context.clock.now();
	const { verification, tokenChange, reason } = judgement;
	const result: ReceivedResult = {
		eid: device.eid,
		...(found === undefined ? {} : { operationId: found.operation.id }),
		...("seqNumber" in signed ? { seqNumber: signed.seqNumber } : {}),
		bytes,
		verification,
		receivedAt: at,
	};
	if (verification === "rejected") {
		// A forged result says nothing of the operation; one that was kept and proves false sets it free again.
		const isWaiting = found?.operation.state === "awaiting-verification";
		return { result, operationEvent: isWaiting && reason ? { kind: "resultRejected", at, reason } : undefined };
	}
	if (verification === "kept") {
		const operationEvent = { kind: "resultKept", at, reason: reason ?? { text: "The result is kept." } } as const;
		return { result, operationEvent, enqueue: [readEuiccData(context, device)] };
	}
	if (!("euiccResult" in signed)) return { result, deviceChange: tokenChange };
	if (found === undefined) return { result, deviceChange: tokenChange, enqueue: [listProfiles(context, device)] };
	const sent = {
		commands: commandsOf(found.operation),
		bytes: found.package.bytes,
		device,
		ownEimId: context.settings.eimId,
	};
	const outcome = packageOutcome(sent, signed.euiccResult, at);
	// Nothing is handed out while a package is open: only of one that is not can the result come out of turn.
	const isOvertaken = found.operation.state !== "sent" && (await context.store.isOvertaken(found.package));
	const { event, profileChanges, deviceChange, questions } = isOvertaken ? overtaken(outcome, sent.commands) : outcome;
	return {
		result,
		operationEvent: event,
		profileChanges,
		deviceChange: isOvertaken ? deviceChange : { ...tokenChange, ...deviceChange },
		enqueue: questions.map((question) => ownOperation(context, device, question)),
	};
}

/** A signed error: the package was not executed. Only a replay may hide a result that is still on the card. */
async function withPackageError(
	context: EsipaContext,
	device: Device,
	record: ResultRecord,
	{ euiccPackageErrorCode }: EuiccPackageErrorDataSigned,
	found: FoundPackage | undefined,
): Promise<ResultRecord> {
	if (found === undefined) return record;
	const packages = await context.store.listPackages(found.operation.id);
	// The package has been made anew since: this says nothing of the one that has taken its place.
	if (packages.at(-1)?.eimTransactionId !== found.package.eimTransactionId) return record;
	const at = context.clock.now();
	const reason = reasonOf("euiccPackageError", euiccPackageErrorCode);
	const isFinished = found.operation.finishedAt !== undefined;
	if (euiccPackageErrorCode === EuiccPackageErrorCodes.ecallActive) {
		// The counter on the card stays as it was: the same package will do when the call is over.
		return { ...record, operationEvent: unsignedEvent(found.operation, { kind: "packageRefused", at, reason }) };
	}
	if (euiccPackageErrorCode !== EuiccPackageErrorCodes.replayError) {
		return { ...record, operationEvent: { kind: "failed", at, reason } };
	}
	// The answer to a second copy of a package whose result has long been here.
	if (isFinished) return record;
	const text = `${reason.text} The eIM asks for results that are still on the card before it packs the command anew.`;
	return {
		...record,
		operationEvent: { kind: "resultKept", at, reason: { ...reason, text } },
		enqueue: [readEuiccData(context, device)],
	};
}
