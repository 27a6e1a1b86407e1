import { Minutes } from "@iot-esim/shared/util/duration";
import type { Device } from "../domain/device.ts";
import type { Poll } from "../storage/store.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import { enqueueOwn, listProfiles, readEuiccData } from "./own-operation.ts";

/** Nobody has to prove a poll: a refresh is asked for once in this time, what is reported meanwhile waits for its end. */
const PAUSE = Minutes(1);

/**
 * The eUICC changed in a way that this eIM did not order (notifyStateChange, SGP.32 section 5.14.5): the eIM asks for the
 * eUICC's data and its profiles. An IPA reports until it is answered, so a refresh that is still queued stands for all
 * reports.
 */
export async function refreshAfterStateChange(context: EsipaContext, { eid, at }: Poll): Promise<void> {
	const device = await context.store.loadDevice(eid);
	if (device === undefined || device.releasedAt !== undefined) return;
	const { items } = await context.store.listOperations({ eid, types: ["listProfiles"], origin: "eim", limit: 1 });
	const [last] = items;
	if (last?.state === "queued") return;
	if (last !== undefined && at < last.createdAt + PAUSE) {
		const runAfter = last.createdAt + PAUSE;
		await context.store.saveJobs([{ kind: "stateRefresh", reference: eid, runAfter }], at);
		return;
	}
	await refreshDevice(context, device);
}

/** Asks what the eIM believes of the device. */
export async function refreshDevice(context: EsipaContext, device: Device): Promise<void> {
	await enqueueOwn(context, readEuiccData(context, device));
	await enqueueOwn(context, listProfiles(context, device));
	context.logger("eim.esipa").info("eUICC changed by itself; asked what is on it", { eid: device.eid });
}
