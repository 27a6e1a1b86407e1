import { EuiccPackageErrorCodes } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { type Device, LAST_COUNTER, RESERVED_COUNTERS } from "../domain/device.ts";
import type { EsipaContext } from "./esipa-deps.ts";
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
 * After the card has been asked for its stored results: an operation that waits because of a replay, and whose result
 * did not come, is packed anew with a counter further on (the eIM's database was restored, and the card is ahead).
 */
export async function resolveReplays(context: EsipaContext, device: Device): Promise<void> {
	const { store, clock } = context;
	const waiting = await store.listOperations({ eid: device.eid, states: ["awaiting-verification"], limit: 10 });
	for (const operation of waiting.items) {
		if (operation.reason?.code !== REPLAY) continue;
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
