import { EuiccPackageErrorCodes } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { type Device, LAST_COUNTER, RESERVED_COUNTERS } from "../domain/device.ts";
import type { Operation } from "../domain/operation.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import { asksForResults } from "./euicc-data-request.ts";
import { enqueueOwn, readEuiccData } from "./own-operation.ts";
import { codeText, reasonOf } from "./result-text.ts";

/** The reason under which an operation waits for results that are still on the card. */
const REPLAY = codeText("euiccPackageError", EuiccPackageErrorCodes.replayError);

/** How often an operation is packed anew before the eIM gives up. */
export const PACKAGES_AT_MOST = 4;

/** The leap grows with every try: 32, 1024, 32768. */
const COUNTER_STEP = 32;
/** No leap goes into the values that are kept for commands on eIMs: they are the way out when the counter is spent. */
const LAST_TO_LEAP_TO = LAST_COUNTER - RESERVED_COUNTERS - 1;

/**
 * After the card was asked for its stored results: an operation that waits because of a replay, and whose result did not
 * come, is packed anew with a counter further on (the eIM's database was restored, and the card is ahead). Without the
 * card's list nobody knows whether it has executed the package, so no other answer will do.
 * @param answered the question whose answer has just been taken
 */
export async function resolveReplays(context: EsipaContext, device: Device, answered: Operation): Promise<void> {
	const { store, clock } = context;
	const waiting = await store.listOperations({ eid: device.eid, states: ["awaiting-verification"], limit: 10 });
	for (const operation of waiting.items) {
		if (operation.reason?.code !== REPLAY) continue;
		if (!isForResults(answered) && (await mustAskForResults(context, device, operation))) continue;
		const at = clock.now();
		const reason = reasonOf("euiccPackageError", EuiccPackageErrorCodes.replayError);
		const packages = await store.listPackages(operation.id);
		const { counter: before } = (await store.loadDevice(device.eid)) ?? device;
		const counter = Math.min(before + COUNTER_STEP ** packages.length, LAST_TO_LEAP_TO);
		if (packages.length >= PACKAGES_AT_MOST || counter <= before) {
			const text = `${reason.text} The counter of the card could not be found; have another eIM remove and add this one anew, and tell the new token and counter here.`;
			await store.moveOperation(operation.id, { kind: "failed", at, reason: { ...reason, text } });
			continue;
		}
		await store.changeDevice(device.eid, { counter });
		const text = `${reason.text} The command is packed anew with a greater counter.`;
		await store.moveOperation(operation.id, { kind: "packageDropped", at, reason: { ...reason, text } });
		context.logger("eim.esipa").warn("counter raised after replay", { eid: device.eid, counter });
	}
}

function isForResults(operation: Operation): boolean {
	return operation.type === "readEuiccData" && asksForResults(operation.parameters);
}

/** False when the IPA has failed over the question since: nothing more can be learnt from it. */
async function mustAskForResults(context: EsipaContext, device: Device, waiting: Operation): Promise<boolean> {
	const { eid } = device;
	const asked = await context.store.listOperations({ eid, types: ["readEuiccData"], origin: "eim", limit: 10 });
	const questions = asked.items.filter(isForResults);
	if (questions.some(({ state, finishedAt = 0 }) => state === "failed" && finishedAt >= waiting.updatedAt))
		return false;
	if (questions.every(({ finishedAt }) => finishedAt !== undefined)) {
		await enqueueOwn(context, readEuiccData(context, device));
	}
	return true;
}
