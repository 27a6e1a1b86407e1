import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import type { EimPackage } from "../domain/eim-package.ts";
import type { Operation } from "../domain/operation.ts";
import type { RspSession } from "../domain/rsp-session.ts";
import type { EsipaContext } from "./esipa-deps.ts";

type Download = Extract<Operation, { type: "download" }>;

/**
 * InitiateAuthentication names no EID, only the transaction of the trigger. So a trigger leaves a row behind under that
 * transaction, which ties whoever presents it to the device and to the one SM-DP+ that was ordered.
 */
export async function rememberDownload(context: EsipaContext, trigger: EimPackage, operation: Download): Promise<void> {
	const now = context.clock.now();
	await context.store.openSession({
		transactionId: trigger.eimTransactionId,
		eid: trigger.eid,
		eimTransactionId: trigger.eimTransactionId,
		operationId: operation.id,
		smdpAddress: operation.parameters.smdpAddress,
		state: "initiated",
		details: {},
		createdAt: now,
		updatedAt: now,
		expiresAt: Math.max(operation.expiresAt, now + context.settings.sessionLifetime),
	});
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

/** The session with an SM-DP+; never the row that a trigger left behind. */
export async function loadRelay(context: EsipaContext, transactionId: Uint8Array): Promise<RspSession | undefined> {
	const session = await context.store.loadSession(TransactionId.fromBytes(transactionId));
	return session?.transactionId === session?.eimTransactionId ? undefined : session;
}
