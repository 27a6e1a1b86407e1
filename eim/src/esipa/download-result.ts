import { decode, type Kept } from "@iot-esim/shared/asn1/schema";
import { ErrorReasonCode } from "@iot-esim/shared/messages/sgp22/profile-installation-result";
import { decodeLenient } from "@iot-esim/shared/messages/sgp32/deviations";
import type { ProfileInstallationResult } from "@iot-esim/shared/messages/sgp32/notifications";
import { ProfileDownloadTriggerResult } from "@iot-esim/shared/messages/sgp32/profile-download-trigger";
import { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp32/profile-info";
import { equalBytes, fromHex, toHex } from "@iot-esim/shared/util/bytes";
import type { Device, DeviceChange } from "../domain/device.ts";
import type { Notification } from "../domain/notification.ts";
import type { Operation, OperationEvent, OperationOutcome, OperationReason } from "../domain/operation.ts";
import type { ProfileChange } from "../domain/profile.ts";
import type { ReceivedResult } from "../domain/received-result.ts";
import type { RspSession } from "../domain/rsp-session.ts";
import { rememberEvent } from "../domain/smds-polling.ts";
import type { FoundPackage } from "../storage/store.ts";
import { answeredPackage } from "./answered-package.ts";
import { isDelivered, loadRelay, noteRejection, timesOf } from "./download-session.ts";
import { EsipaError } from "./errors.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import { classOf } from "./listed-profiles.ts";
import { checkNotification, iccidOf } from "./notifications.ts";
import { isOfLatest, offeredAgain, POSTPONED_FOR, pauseOf } from "./offer-again.ts";
import { listProfiles, readEuiccData } from "./own-operation.ts";
import { isFull, recordAgain, unsignedEvent } from "./record-unsigned.ts";
import { rememberedFailure } from "./relay.ts";
import { codeText, reasonOf } from "./result-text.ts";

/**
 * Takes a ProfileDownloadTriggerResult (BF54): the installation result of a direct download, or an error of the IPA.
 * The IPA itself has told the SM-DP+, so nothing is forwarded.
 */
export async function acceptDownloadResult(context: EsipaContext, device: Device, bytes: Uint8Array): Promise<void> {
	const { eimTransactionId, profileDownloadTriggerResultData: outcome } = decodeLenient(
		ProfileDownloadTriggerResult,
		bytes,
	).value;
	const found = await answeredPackage(context, device.eid, "profileDownloadTrigger", eimTransactionId);
	const { operation } = found ?? {};
	if ("profileInstallationResult" in outcome) {
		// Recorded without what is around it, so that it is the same result when it also comes as a notification.
		const result = outcome.profileInstallationResult;
		return acceptInstallation(context, device, result, { bytes: result.der, operation });
	}
	const { profileDownloadErrorReason, errorResponse } = outcome.profileDownloadError;
	const cause = found && (await rememberedFailure(context, found.package.eimTransactionId));
	const reason = cause ?? reasonOf("profileDownloadError", profileDownloadErrorReason);
	const said = errorResponse && textIn(errorResponse);
	const facts =
		errorResponse === undefined || said !== undefined ? {} : { errorResponse: toHex(errorResponse.subarray(0, 64)) };
	const text = said === undefined ? reason.text : `${sentence(reason.text)} The device says: ${said}`;
	const code = cause === undefined ? serverCodeIn(said) : undefined;
	const told = { ...reason, text, ...(code === undefined ? {} : { code }) };
	const event = found && (await isOfLatest(context, found)) && (await eventOfError(context, found, told, said, cause));
	await recordAgain(context, {
		result: received(context, device, bytes, "unsigned", operation),
		operationEvent: event ? unsignedEvent(operation, withFacts(event, facts)) : undefined,
	});
}

/**
 * What the device's word means that it has no profile. Nobody signed it, so the device is asked again, and later when it
 * has put off the download itself or the SM-DP+ could not be asked; never when it may have the whole package.
 */
async function eventOfError(
	context: EsipaContext,
	{ operation, package: { eimTransactionId } }: FoundPackage,
	reason: OperationReason,
	said: string | undefined,
	cause: OperationReason | undefined,
): Promise<OperationEvent> {
	const at = context.clock.now();
	if (await isDelivered(context, operation)) return { kind: "failed", at, reason };
	if (said?.startsWith(POSTPONED)) return { kind: "packageDropped", at, reason, heldUntil: at + POSTPONED_FOR };
	if (cause !== undefined) return offeredAgain(context, operation, reason, pauseOf(context));
	const trigger = await context.store.loadSession(eimTransactionId);
	// The device has taken part in this very download: should it still go on, its installation result counts.
	if (trigger?.details.isProven) return { kind: "failed", at, reason };
	return offeredAgain(context, operation, reason);
}

function withFacts(event: OperationEvent, outcome: OperationOutcome): OperationEvent {
	return event.kind === "failed" ? { ...event, outcome: { ...event.outcome, ...outcome } } : event;
}

/** How the words of an IPA begin that downloads later. */
const POSTPONED = "IPA_DOWNLOAD_POSTPONED";

/**
 * What an SM-DP+ answered that the device has asked itself, as our IPA ends its words: subject and reason, or the number of
 * the ASN.1 binding.
 */
function serverCodeIn(said: string | undefined): string | undefined {
	const codes = said?.match(/\((\d+(?:\.\d+)*\/\d+(?:\.\d+)*)\)$/)?.[1];
	const [, called, name, number] = said?.match(/^ES9\+\.(\w+) was refused: (\w+) \((\d+)\)$/) ?? [];
	if (called === undefined || name === undefined) return codes;
	return `${called.charAt(0).toLowerCase()}${called.slice(1)}: ${name}(${number})`;
}

const sentence = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`);

const LONGEST_TEXT = 300;

/** What the octets say when they are text, as IPAs send it; the standard leaves open what they are. */
function textIn(octets: Uint8Array): string | undefined {
	try {
		const text = new TextDecoder("utf-8", { fatal: true }).decode(octets.subarray(0, LONGEST_TEXT));
		return /^\P{C}+$/u.test(text) ? text : undefined;
	} catch {
		return undefined;
	}
}

/**
 * Takes a ProfileInstallationResult, forwarded (`notification`) or not. Profile and operation change only when the
 * device's own eUICC signed it.
 * @param of.bytes what is recorded
 */
export async function acceptInstallation(
	context: EsipaContext,
	device: Device,
	result: Kept<ProfileInstallationResult>,
	of: {
		readonly bytes: Uint8Array;
		readonly operation?: Operation | undefined;
		readonly notification?: Notification | undefined;
	},
): Promise<void> {
	const at = context.clock.now();
	const data = result.value.profileInstallationResultData.value;
	const session = await loadRelay(context, data.transactionId);
	const ownSession = session?.eid === device.eid ? session : undefined;
	const operation =
		of.operation ?? (await operationOf(context, ownSession)) ?? (await operationOfKept(context, device, of.bytes));
	const isLab = device.acceptUnverified && device.labMode !== undefined;
	const check = checkNotification(context, device, { profileInstallationResult: result.value });
	const notifications = of.notification && check !== "rejected" ? [of.notification] : [];
	const verification = check === "unverifiable" ? (isLab ? "accepted-unverified" : "kept") : check;
	const entry = received(context, device, of.bytes, verification, operation);
	const log = context.logger("eim.esipa").with({ eid: device.eid, operationId: operation?.id });
	log.info("installation result", { verification, seqNumber: data.notificationMetadata.seqNumber });
	if (verification === "rejected") {
		// One that was kept and proves false sets the download free again; any other forgery says nothing of it.
		const text = "The installation result that was kept is not one by this eUICC.";
		const isWaiting = operation?.state === "awaiting-verification";
		await recordAgain(context, {
			result: entry,
			operationEvent: isWaiting ? { kind: "resultRejected", at, reason: { text } } : undefined,
		});
	} else if (verification === "kept") await keep(context, device, { entry, operation, notifications, at });
	else await apply(context, device, { entry, operation, notifications, at, result: result.value, session: ownSession });
}

/** What follows from an installation result, beside the result itself. */
interface Entry {
	readonly entry: ReceivedResult;
	readonly operation: Operation | undefined;
	readonly notifications: readonly Notification[];
	readonly at: number;
}

async function keep(context: EsipaContext, device: Device, { entry, operation, notifications, at }: Entry) {
	if (await isFull(context, device, "kept")) {
		const why = "too many results of this device wait for its certificates";
		throw new EsipaError("ESIPA_NOTIFICATION_REFUSED", `the installation result was not taken: ${why}`);
	}
	const text = "The installation result is kept until the certificates of the eUICC, asked for now, have arrived.";
	await recordAgain(context, {
		result: entry,
		operationEvent: operation && { kind: "resultKept", at, reason: { text } },
		notifications,
		enqueue: [readEuiccData(context, device)],
	});
}

async function apply(
	context: EsipaContext,
	device: Device,
	of: Entry & { readonly result: ProfileInstallationResult; readonly session: RspSession | undefined },
): Promise<void> {
	const { entry, operation, notifications, at, result, session } = of;
	const { event, changes } = installed(device, result, session, at, operation);
	// What the SM-DP+ said of the profile is only known when the eIM has asked it.
	const isNameless = event.kind === "succeeded" && session === undefined;
	// A direct download's came perhaps as a notification before, which named none: the word for the trigger does, and counts.
	await recordAgain(context, {
		result: entry,
		operationEvent: operation && event,
		profileChanges: changes,
		deviceChange: event.kind === "succeeded" ? downloadedEvent(device, session) : undefined,
		notifications,
		enqueue: isNameless ? [listProfiles(context, device)] : undefined,
	});
	if (session === undefined) return;
	if (event.kind === "packageDropped") await noteRejection(context, session);
	const to = event.kind === "succeeded" ? "installed" : "installationFailed";
	await context.store.moveSession(session.transactionId, to, { at });
}

/** An SM-DS may still name the event of what is on the card by now. */
function downloadedEvent(device: Device, session: RspSession | undefined): DeviceChange | undefined {
	const eventId = session?.details.matchingId;
	if (session === undefined || eventId === undefined) return undefined;
	const event = { rspServerAddress: session.smdpAddress, eventId };
	return { downloadedEvents: rememberEvent(device.downloadedEvents, event) };
}

async function operationOf(context: EsipaContext, session: RspSession | undefined): Promise<Operation | undefined> {
	return session?.operationId === undefined ? undefined : context.store.loadOperation(session.operationId);
}

/**
 * A result that was kept may come again as a notification, which names no operation, before the kept one is looked at
 * again: it is the same result, of the same operation.
 */
async function operationOfKept(
	context: EsipaContext,
	{ eid }: Device,
	bytes: Uint8Array,
): Promise<Operation | undefined> {
	const kept = (await context.store.listResults(eid, "kept")).find((result) => equalBytes(result.bytes, bytes));
	return kept?.operationId === undefined ? undefined : context.store.loadOperation(kept.operationId);
}

function received(
	context: EsipaContext,
	device: Device,
	bytes: Uint8Array,
	verification: ReceivedResult["verification"],
	operation: Operation | undefined,
): ReceivedResult {
	const base = { eid: device.eid, bytes, verification, receivedAt: context.clock.now() };
	return operation === undefined ? base : { ...base, operationId: operation.id };
}

/** A card whose power fails every time must not be asked for ever. */
const INTERRUPTIONS_AT_MOST = 10;

/**
 * What a verified installation result means. The profile is disabled until the eUICC says otherwise. After a loss of
 * power the SM-DP+ holds the order ready again (SGP.22 section 5.6.4), so the device is asked once more.
 */
function installed(
	device: Device,
	result: ProfileInstallationResult,
	session: RspSession | undefined,
	at: number,
	operation: Operation | undefined,
): { readonly event: OperationEvent; readonly changes: readonly ProfileChange[] } {
	const { notificationMetadata, finalResult } = result.profileInstallationResultData.value;
	if ("errorResult" in finalResult) {
		const { bppCommandId, errorReason } = finalResult.errorResult;
		const reason = reasonOf("profileInstallation", errorReason);
		const code = `${codeText("bppCommand", bppCommandId)}, ${reason.code ?? ""}`;
		const interruptions = operation === undefined ? INTERRUPTIONS_AT_MOST : timesOf(operation, "interruptions") + 1;
		const isInterrupted = errorReason === ErrorReasonCode.installFailedDueToInterruption;
		if (isInterrupted && interruptions < INTERRUPTIONS_AT_MOST) {
			const text = "The installation was interrupted, as by a loss of power; the device is asked to download again.";
			return { event: { kind: "packageDropped", at, reason: { text, code }, outcome: { interruptions } }, changes: [] };
		}
		return { event: { kind: "failed", at, reason: { ...reason, code } }, changes: [] };
	}
	const iccid = notificationMetadata.iccid && iccidOf(notificationMetadata.iccid);
	if (iccid === undefined) return { event: { kind: "succeeded", at }, changes: [] };
	const profile = {
		eid: device.eid,
		iccid,
		state: "disabled",
		isdpAid: toHex(finalResult.successResult.aid),
		updatedAt: at,
		...metadataOf(session),
	} as const;
	return { event: { kind: "succeeded", at, outcome: { iccid } }, changes: [{ kind: "installed", profile }] };
}

/** What the SM-DP+ said of the profile when the device was authenticated. */
function metadataOf(session: RspSession | undefined) {
	const stored = session?.details.profileMetadata;
	if (stored === undefined) return { profileClass: classOf(undefined) };
	const { serviceProviderName, profileName, profileClass } = decode(StoreMetadataRequest, fromHex(stored));
	return { serviceProviderName, profileName, profileClass: classOf(profileClass) };
}
