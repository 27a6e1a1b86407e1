import type { Device } from "../domain/device.ts";
import type { Operation } from "../domain/operation.ts";
import { nextSmdsPoll, type SmdsPolling } from "../domain/smds-polling.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import { enqueueOwn, ownOperation } from "./own-operation.ts";

/** Downloads of a device that are looked at. */
const DOWNLOADS_LOOKED_AT = 50;

/** When the SM-DS is asked next, and what the last question came to when it failed. */
export interface NextSmdsPoll {
	readonly at: number;
	readonly error?: string;
}

/**
 * Asks the SM-DS of a device again. Events are only given to the eUICC that has signed the SM-DS's challenge (SGP.22
 * section 5.8.2), so a question is a download by SM-DS that the device takes part in at its next poll. One that still waits
 * stands for this one.
 */
export async function pollSmds(
	context: EsipaContext,
	device: Device & { readonly smdsPolling: SmdsPolling },
): Promise<NextSmdsPoll> {
	const { eid, smdsPolling, releasedAt } = device;
	const now = context.clock.now();
	const { items } = await context.store.listOperations({ eid, types: ["download"], limit: DOWNLOADS_LOOKED_AT });
	const asked = items.filter(isBySmds);
	const isWaiting = asked.some(({ finishedAt }) => finishedAt === undefined);
	const own = asked.filter(({ origin, finishedAt }) => origin === "eim" && finishedAt !== undefined);
	const failures = failuresInARow(own);
	if (!isWaiting && releasedAt === undefined) {
		const smdsAddress = smdsPolling.address ?? context.settings.smdsAddress;
		const parameters = { contact: "smds", ...(smdsAddress === undefined ? {} : { smdsAddress }) } as const;
		await enqueueOwn(context, ownOperation(context, device, { type: "download", parameters }));
	}
	const at = nextSmdsPoll(smdsPolling, now, failures, (context.random.bytes(1)[0] ?? 0) / 255);
	return failures === 0 ? { at } : { at, error: own[0]?.reason?.text ?? `The last question is ${own[0]?.state}.` };
}

/** Whether an operation asks an SM-DS. */
export function isBySmds({ type, parameters }: Operation): boolean {
	return type === "download" && "contact" in parameters && parameters.contact === "smds";
}

function failuresInARow(latestFirst: readonly Operation[]): number {
	const at = latestFirst.findIndex(({ state }) => state !== "failed" && state !== "expired");
	return at < 0 ? latestFirst.length : at;
}
