import { toHex } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { Device } from "../domain/device.ts";
import type { Operation, OperationOrder } from "../domain/operation.ts";
import type { EsipaDeps } from "./esipa-deps.ts";

/** A fresh identifier of a row. */
export function newId(deps: Pick<EsipaDeps, "random">): string {
	return toHex(deps.random.bytes(16)).toLowerCase();
}

/** An operation that the eIM orders for itself. */
export function ownOperation(
	deps: Pick<EsipaDeps, "random" | "clock" | "settings">,
	device: Pick<Device, "eid" | "tenantId">,
	order: OperationOrder,
): Operation {
	const now = deps.clock.now();
	return {
		...order,
		id: newId(deps),
		eid: device.eid,
		tenantId: device.tenantId,
		origin: "eim",
		state: "queued",
		createdAt: now,
		updatedAt: now,
		expiresAt: now + deps.settings.ownOperationLifetime,
	};
}

/** Asks for the certificates, and for results that are still on the card. */
export function readEuiccData(deps: Pick<EsipaDeps, "random" | "clock" | "settings">, device: Device): Operation {
	return ownOperation(deps, device, { type: "readEuiccData", parameters: {} });
}

/** Asks the card what is on it. */
export function listProfiles(deps: Pick<EsipaDeps, "random" | "clock" | "settings">, device: Device): Operation {
	return ownOperation(deps, device, { type: "listProfiles", parameters: {} });
}

/** Queues what the eIM orders for itself. A full queue must not end what the device is doing: it only goes without. */
export async function enqueueOwn(context: EsipaDeps, operation: Operation): Promise<void> {
	const at = context.clock.now();
	const audit = { at, actor: "eim", action: "operation.enqueued", subject: operation.id, facts: {} };
	try {
		await context.store.enqueueOperation(operation, audit);
	} catch (error) {
		if (!(error instanceof EsimError) || error.code !== "STORE_QUEUE_FULL") throw error;
		const { eid, type } = operation;
		context.logger("eim.esipa").warn("not ordered: too much waits for the device", { eid, type });
	}
}
