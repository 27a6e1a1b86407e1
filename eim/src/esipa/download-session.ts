import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import type { Device } from "../domain/device.ts";
import type { DownloadParameters } from "../domain/download.ts";
import type { EimPackage } from "../domain/eim-package.ts";
import type { Operation, OperationEvent } from "../domain/operation.ts";
import type { RspSession } from "../domain/rsp-session.ts";
import type { EsipaContext, EsipaPeer } from "./esipa-deps.ts";
import { enqueueOwn, ownOperation } from "./own-operation.ts";
import { requireOwn } from "./proven-eid.ts";

export type Download = Extract<Operation, { type: "download" }>;

/**
 * InitiateAuthentication names no EID, only the transaction of the trigger. So a trigger leaves a row behind under that
 * transaction, which ties whoever presents it to the device and to the one server that was ordered.
 */
export async function rememberDownload(
	context: EsipaContext,
	trigger: EimPackage,
	operation: Download,
	isRepeated: boolean,
): Promise<void> {
	const now = context.clock.now();
	const transactionId = trigger.eimTransactionId;
	const isNew = await context.store.openSession({
		transactionId,
		eid: trigger.eid,
		eimTransactionId: transactionId,
		operationId: operation.id,
		smdpAddress: addressOf(operation.parameters),
		state: "initiated",
		details: {},
		createdAt: now,
		updatedAt: now,
		expiresAt: Math.max(operation.expiresAt, now + context.settings.sessionLifetime),
	});
	if (isNew || !isRepeated || !("contact" in operation.parameters)) return;
	// A device that asks again begins again, with the SM-DS.
	await context.store.moveSession(transactionId, "initiated", { at: now, details: { eventAddress: "", eventId: "" } });
}

/** Empty while only the card knows it. */
function addressOf(parameters: DownloadParameters): string {
	if ("smdpAddress" in parameters) return parameters.smdpAddress;
	return parameters.contact === "smds" ? (parameters.smdsAddress ?? "") : "";
}

/** The download that a trigger's transaction stands for, as long as it is not over. */
export async function findDownload(
	context: EsipaContext,
	eimTransactionId: Uint8Array,
): Promise<{ readonly trigger: RspSession; readonly operation: Download } | undefined> {
	const trigger = await context.store.loadSession(TransactionId.fromBytes(eimTransactionId));
	if (trigger?.operationId === undefined || trigger.transactionId !== trigger.eimTransactionId) return undefined;
	const operation = await context.store.loadOperation(trigger.operationId);
	return operation?.type === "download" && operation.state === "sent" ? { trigger, operation } : undefined;
}

/** The session with an RSP server; never the row that a trigger left behind. */
export async function loadRelay(context: EsipaContext, transactionId: Uint8Array): Promise<RspSession | undefined> {
	const session = await context.store.loadSession(TransactionId.fromBytes(transactionId));
	return session?.transactionId === session?.eimTransactionId ? undefined : session;
}

/**
 * The session that a message of a device belongs to, and that device.
 * @throws EsipaError ESIPA_OTHER_DEVICE
 */
export async function ownRelay(
	context: EsipaContext,
	transactionId: Uint8Array,
	peer: EsipaPeer | undefined,
): Promise<{ readonly session: RspSession; readonly device: Device } | undefined> {
	const session = await loadRelay(context, transactionId);
	if (session === undefined) return undefined;
	requireOwn(peer, session.eid);
	const device = await context.store.loadDevice(session.eid);
	return device && { session, device };
}

/** The download that a session belongs to. */
export async function downloadOf(
	context: EsipaContext,
	{ operationId }: Pick<RspSession, "operationId">,
): Promise<Download | undefined> {
	const operation = operationId === undefined ? undefined : await context.store.loadOperation(operationId);
	return operation?.type === "download" ? operation : undefined;
}

/** The device may have the whole package from now on: its trigger is not replaced by another one any more. */
export async function noteDelivery(context: EsipaContext, { eimTransactionId }: RspSession): Promise<void> {
	if (eimTransactionId === undefined) return;
	const delivered = { at: context.clock.now(), details: { isDelivered: "yes" } };
	await context.store.moveSession(eimTransactionId, "initiated", delivered);
}

/** The eUICC has signed that it threw the package away. */
export async function noteRejection(context: EsipaContext, { eimTransactionId }: RspSession): Promise<void> {
	if (eimTransactionId === undefined) return;
	const rejected = { at: context.clock.now(), details: { isDelivered: "" } };
	await context.store.moveSession(eimTransactionId, "initiated", rejected);
}

/** Whether a package has gone to the device that it may still hold, on any trigger of the download. */
export async function isDelivered(context: EsipaContext, { id }: Pick<Operation, "id">): Promise<boolean> {
	for (const { eimTransactionId } of await context.store.listPackages(id)) {
		if ((await context.store.loadSession(eimTransactionId))?.details.isDelivered) return true;
	}
	return false;
}

/** How often a device is asked for what a download needs before the download is given up. */
const QUESTIONS_AT_MOST = 2;

/** Whether a download may still wait for an answer of the device, and begin anew then. */
export function mayAskAgain(operation: Download): boolean {
	return timesOf(operation, "questions") < QUESTIONS_AT_MOST;
}

/**
 * How often a download has begun anew for this reason, as its outcome keeps it. Its triggers tell nothing of that: a device
 * may put a download off as often as it likes.
 */
export function timesOf({ outcome }: Pick<Operation, "outcome">, reason: "questions" | "interruptions"): number {
	const times = outcome?.[reason];
	return typeof times === "number" ? times : 0;
}

/** A download that waits for an answer of the device. */
export function waitsForAnswer(operation: Download, at: number, text: string): OperationEvent {
	const outcome = { questions: timesOf(operation, "questions") + 1 };
	return { kind: "packageDropped", at, reason: { text }, outcome };
}

/**
 * A download that needs what only the device can say: the question goes first, and then the trigger once more. A device
 * that does not say it in a few tries ends the download.
 * @param tags of IpaEuiccData
 */
export async function askDeviceFirst(
	context: EsipaContext,
	device: Device,
	operation: Download,
	tags: readonly string[],
): Promise<void> {
	const at = context.clock.now();
	const wanted = `IpaEuiccData ${tags.join(" ")}`;
	const { eid } = device;
	if (!mayAskAgain(operation)) {
		const text = `The device does not say what the download needs (${wanted}), however often it is asked.`;
		await context.store.moveOperation(operation.id, { kind: "failed", at, reason: { text } });
		return;
	}
	const text = `The download goes on when the device has said what it needs (${wanted}).`;
	await context.store.moveOperation(operation.id, waitsForAnswer(operation, at, text));
	const question = ownOperation(context, device, { type: "readEuiccData", parameters: { tags } });
	await enqueueOwn(context, question);
	context
		.logger("eim.esipa")
		.info("device asked before the download goes on", { eid, operationId: operation.id, tags });
}
