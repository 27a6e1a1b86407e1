import type { Device } from "../domain/device.ts";
import type { Operation, OperationEvent } from "../domain/operation.ts";
import type { RecordedResult, ResultRecord } from "../storage/store.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import { enqueueOwn } from "./own-operation.ts";

/** Results of one device that wait for its certificates, and as many that somebody else signed. */
const STORED_AT_MOST = 32;

/** Anyone may send results in the name of a device: what is stored of those that nobody proved has a bound. */
export async function isFull(
	context: EsipaContext,
	{ eid }: Pick<Device, "eid">,
	verification: "kept" | "rejected",
): Promise<boolean> {
	return (await context.store.listResults(eid, verification)).length >= STORED_AT_MOST;
}

/** What a word that nobody signed means for an operation: nothing unless its package is open, and nothing twice. */
export function unsignedEvent(operation: Operation | undefined, event: OperationEvent): OperationEvent | undefined {
	if (operation?.state !== "sent") return undefined;
	const isNoted = event.kind === "packageRefused" && operation.reason?.text === event.reason.text;
	return isNoted ? undefined : event;
}

/** Of what nobody signed only that is stored from which something follows; of forgeries only so many. */
async function isDropped(context: EsipaContext, record: ResultRecord): Promise<boolean> {
	const { result, operationEvent, deviceChange = {}, notifications = [] } = record;
	if (operationEvent !== undefined || Object.keys(deviceChange).length > 0 || notifications.length > 0) return false;
	if (result.verification === "rejected") return isFull(context, result, "rejected");
	return result.verification === "unsigned";
}

/**
 * Records a result together with what follows from it. The store takes the same octets once; but what no eUICC signed
 * (and so no counter tells apart) may rightly come again in answer to a later package, and notifications may come along
 * with a result that was here before.
 */
export async function recordAgain(context: EsipaContext, record: ResultRecord): Promise<RecordedResult> {
	if (await isDropped(context, record)) return { repeated: true };
	const recorded = await context.store.recordResult(record);
	if (!recorded.repeated) return recorded;
	const { result, operationEvent, deviceChange, notifications, enqueue } = record;
	if (notifications !== undefined && notifications.length > 0) await context.store.saveNotifications(notifications);
	if (result.verification !== "unsigned") return recorded;
	if (deviceChange !== undefined) await context.store.changeDevice(result.eid, deviceChange);
	if (result.operationId !== undefined && operationEvent !== undefined && recorded.isNamedNow === undefined) {
		await context.store.moveOperation(result.operationId, operationEvent);
	}
	for (const operation of enqueue ?? []) await enqueueOwn(context, operation);
	return recorded;
}
