import type { RecordedResult, ResultRecord } from "../storage/store.ts";
import type { EsipaContext } from "./esipa-deps.ts";

/**
 * Records a result together with what follows from it. The store takes the same octets once; but what no eUICC signed
 * (and so no counter tells apart) may rightly come again in answer to a later package, and notifications may come along
 * with a result that was here before.
 */
export async function recordAgain(context: EsipaContext, record: ResultRecord): Promise<RecordedResult> {
	const recorded = await context.store.recordResult(record);
	if (!recorded.repeated) return recorded;
	const { result, operationEvent, deviceChange, notifications, enqueue } = record;
	if (notifications !== undefined && notifications.length > 0) await context.store.saveNotifications(notifications);
	if (result.verification !== "unsigned") return recorded;
	if (deviceChange !== undefined) await context.store.changeDevice(result.eid, deviceChange);
	if (result.operationId !== undefined && operationEvent !== undefined) {
		await context.store.moveOperation(result.operationId, operationEvent);
	}
	for (const operation of enqueue ?? []) {
		const audit = {
			at: result.receivedAt,
			actor: "eim",
			action: "operation.enqueued",
			subject: operation.id,
			facts: {},
		};
		await context.store.enqueueOperation(operation, audit);
	}
	return recorded;
}
