import type { Eid } from "@iot-esim/shared/ids/eid";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { toHex } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { Device } from "../domain/device.ts";
import { type Operation, withoutHeld } from "../domain/operation.ts";
import { nextWakeUpStep, type WakeUpAddress, type WakeUpLimits } from "../domain/wake-up.ts";
import type { Store } from "../storage/store.ts";
import { WakeError } from "./errors.ts";
import type { Trigger, Waker, Wakers } from "./waker.ts";

export interface WakeDeps {
	readonly store: Pick<Store, "loadDevice" | "listOperations" | "listWakeUps" | "openWakeUp" | "changeWakeUp">;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
	readonly wakers: Wakers;
	readonly limits: WakeUpLimits;
}

/** When a device is looked at again, and why. */
export interface WakeLater {
	readonly until: number;
	readonly reason: string;
}

/** More wake-ups than this say nothing more. */
const WAKE_UPS_LOOKED_AT = 100;
const OPERATIONS_LOOKED_AT = 200;

/**
 * Wakes a device for which something waits, at most once however often this is called, and says when to look again.
 * Undefined when nothing waits for it any more.
 */
export async function wakeDevice(deps: WakeDeps, eid: Eid): Promise<WakeLater | undefined> {
	const { store, clock, limits } = deps;
	const device = await store.loadDevice(eid);
	if (device?.wakeUp === undefined || device.releasedAt !== undefined) return undefined;
	const now = clock.now();
	const { waiting, worksUntil, heldUntil } = await openFor(deps, device, now);
	const waitingSince = Math.min(...waiting.map(({ createdAt }) => createdAt));
	const { items: wakeUps } = await store.listWakeUps(eid, { limit: WAKE_UPS_LOOKED_AT });
	const step = nextWakeUpStep({ now, device, waiting: waiting.length, waitingSince, worksUntil, wakeUps, limits });
	if (step.type === "none") {
		return heldUntil === undefined ? undefined : { until: heldUntil, reason: "what waits is held" };
	}
	if (step.type === "wait") return { ...step, until: Math.min(step.until, heldUntil ?? step.until) };
	const until = Math.max(...waiting.map(({ expiresAt }) => expiresAt));
	const trigger = {
		id: `wu_${toHex(deps.random.bytes(12)).toLowerCase()}`,
		eid,
		waiting: waiting.length,
		at: now,
		until,
	};
	await send(deps, device.wakeUp, trigger);
	return wakeDevice(deps, eid);
}

/**
 * What the device has to ask for: what is queued, what was brought to it without its asking since, and what it has fetched
 * so long ago that it must have lost it. What it has fetched since is under way; what is held it would not be given.
 */
async function openFor({ store, limits }: WakeDeps, { eid, lastPollAt = 0 }: Device, now: number) {
	const { items } = await store.listOperations({ eid, states: ["queued", "sent"], limit: OPERATIONS_LOOKED_AT });
	const worksUntil = lastPollAt + limits.repeatAfter;
	const { free: open, nextAt } = withoutHeld(
		items.filter(({ expiresAt }) => expiresAt > now),
		now,
	);
	const isUnderWay = ({ state, sentAt = 0 }: Operation) => state === "sent" && sentAt <= lastPollAt && now < worksUntil;
	return {
		waiting: open.filter((operation) => !isUnderWay(operation)),
		worksUntil: open.some(isUnderWay) ? worksUntil : undefined,
		heldUntil: nextAt,
	};
}

async function send(deps: WakeDeps, address: WakeUpAddress, trigger: Trigger): Promise<void> {
	const { store, clock, logger } = deps;
	const log = logger("eim.wake").with({ eid: trigger.eid, wakeUpId: trigger.id, via: address.via });
	const { id, eid, waiting, at } = trigger;
	// The row comes first: a process that dies while it sends counts as having sent.
	const row = { id, eid, via: address.via, state: "sending", waiting, createdAt: at, updatedAt: at } as const;
	if (!(await store.openWakeUp(row))) return;
	try {
		const { reference } = await wakerFor(deps.wakers, address).wake(address, trigger);
		await store.changeWakeUp(id, { state: "sent", at: clock.now(), reference });
		log.info("device woken", { waiting, reference });
	} catch (error) {
		const text = error instanceof EsimError ? `${error.code}: ${error.message}` : String(error);
		await store.changeWakeUp(id, { state: "failed", at: clock.now(), error: text.slice(0, 500) });
		log.warn("device not woken", { waiting, error });
	}
}

/** @throws WakeError WAKE_WAY_MISSING */
function wakerFor(wakers: Wakers, { via }: WakeUpAddress): Waker<WakeUpAddress> {
	const waker = wakers[via] as Waker<WakeUpAddress> | undefined;
	if (waker === undefined) throw new WakeError("WAKE_WAY_MISSING", `this eIM has no way to wake a device by ${via}`);
	return waker;
}

/**
 * Whether this eIM could use an address.
 * @throws WakeError WAKE_WAY_MISSING, WAKE_URL_REFUSED
 */
export function checkWakeUpAddress(wakers: Wakers, address: WakeUpAddress): void {
	wakerFor(wakers, address).check(address);
}
