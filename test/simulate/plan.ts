import { DEAD_PLMN } from "./addresses.ts";
import type { Draws } from "./draws.ts";
import type { DeviceModel } from "./factory.ts";
import { drawFaultPlan, type FaultPlan } from "./fault-plan.ts";
import { drawOrders, type PlannedOrder } from "./orders.ts";

const MINUTE = 60_000;

export interface PlannedDevice {
	/** Number of its model in the factory. */
	readonly model: number;
	/** Has another way out than its modem. */
	readonly hasCable: boolean;
	/** Its IPA has the card to itself, serves its proactive commands and resets it; there is no modem. */
	readonly isBare: boolean;
	readonly binding: "asn1" | "json";
	/** Sends compact messages once the eIM knows enough. */
	readonly isMinimizing: boolean;
	/** Asks the card to enable profiles right after their download. */
	readonly enablesImmediately: boolean;
	/** The bootstrap profile has the fallback attribute, and the IPA makes use of it. */
	readonly hasFallback: boolean;
	readonly pollInterval: number;
	readonly rollbackAfter: number;
}

/** All that a seed decides before the run. */
export interface RunPlan {
	readonly devices: readonly PlannedDevice[];
	/** Networks that are nowhere: only orders with rollback lead there, or devices with a fallback profile. */
	readonly deadPlmns: readonly string[];
	/** Whether the eIM learns certificates and profiles before anything goes wrong. */
	readonly isAcquainted: boolean;
	/** How the eIM writes to SM-DP+ and SM-DS. */
	readonly encoding: "asn1" | "json";
	readonly orders: readonly PlannedOrder[];
	readonly faults: FaultPlan;
}

/** When the operator begins: the first minutes are for getting to know each other. */
export const FIRST_ORDER = 20 * MINUTE;

export function drawPlan(draws: Draws, models: readonly DeviceModel[]): RunPlan {
	const faults = drawFaultPlan(draws.stream("faults"));
	const shape = draws.stream("devices");
	const isAcquainted = shape.chance(0.5);
	const deadPlmns = shape.chance(0.4) ? [DEAD_PLMN] : [];
	const numbers = shape.chance(0.15) ? models.map((_, number) => number) : [shape.chance(0.35) ? 1 : 0];
	const devices = numbers.map((model) => drawDevice(shape, model, isAcquainted, deadPlmns.length > 0));
	const orders = devices.flatMap((device, index) => {
		const model = models[device.model];
		if (model === undefined) throw new Error(`there is no model ${device.model}`);
		const { hasCable, hasFallback } = device;
		const situation = { model, index, hasCable, hasFallback, deadPlmns, from: FIRST_ORDER, until: faults.until };
		return drawOrders(draws.stream(`orders ${index}`), situation);
	});
	const encoding = shape.pick(["asn1", "json"] as const);
	return { devices, deadPlmns, isAcquainted, encoding, orders, faults };
}

function drawDevice(draws: Draws, model: number, isAcquainted: boolean, isAnyDead: boolean): PlannedDevice {
	const hasCable = draws.chance(0.2);
	const hasFallback = draws.chance(0.3) && isAcquainted;
	return {
		model,
		hasCable,
		isBare: draws.chance(0.25),
		binding: draws.pick(["asn1", "json"] as const),
		isMinimizing: draws.chance(0.4),
		// A profile that nobody can roll back from must not lead nowhere.
		enablesImmediately: draws.chance(0.3) && (!isAnyDead || hasCable || hasFallback),
		hasFallback,
		pollInterval: draws.between(2, 15) * MINUTE,
		rollbackAfter: draws.between(2, 8) * MINUTE,
	};
}
