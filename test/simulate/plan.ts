import type { OperationOrder } from "@iot-esim/eim/domain/operation";
import type { Draws } from "./draws.ts";
import { type DeviceModel, type ProfileOfDevice, SMDP_ADDRESS } from "./factory.ts";
import { drawFaultPlan, type FaultPlan } from "./fault-plan.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** One order of the operator. Times are milliseconds from the start of the run. */
export interface PlannedOrder {
	readonly id: string;
	readonly device: number;
	readonly at: number;
	readonly order: OperationOrder;
	readonly lifetime: number;
	/** The operator thinks better of it. */
	readonly cancelledAt?: number;
}

export interface PlannedDevice {
	readonly hasCable: boolean;
	readonly pollInterval: number;
	readonly rollbackAfter: number;
}

/** All that a seed decides before the run. */
export interface RunPlan {
	readonly devices: readonly PlannedDevice[];
	/** Networks that are nowhere: only orders with rollback lead there. */
	readonly deadPlmns: readonly string[];
	/** Whether the eIM learns certificates and profiles before anything goes wrong. */
	readonly isAcquainted: boolean;
	readonly orders: readonly PlannedOrder[];
	readonly faults: FaultPlan;
}

/** When the operator begins: the first minutes are for getting to know each other. */
export const FIRST_ORDER = 20 * MINUTE;

export function drawPlan(draws: Draws, models: readonly DeviceModel[]): RunPlan {
	const faults = drawFaultPlan(draws.stream("faults"));
	const shape = draws.stream("devices");
	const count = shape.chance(0.15) ? 2 : 1;
	const devices = models.slice(0, count).map(() => drawDevice(shape));
	const [last] = models.flatMap(({ ordered }) => ordered.slice(-1));
	const deadPlmns = last !== undefined && shape.chance(0.4) ? [last.plmn] : [];
	const orders = devices.flatMap((device, index) => {
		const model = models[index];
		return model
			? drawOrders(draws.stream(`orders ${index}`), { ...device, deadPlmns }, model, index, faults.until)
			: [];
	});
	return { devices, deadPlmns, isAcquainted: shape.chance(0.5), orders, faults };
}

function drawDevice(draws: Draws): PlannedDevice {
	return {
		hasCable: draws.chance(0.25),
		pollInterval: draws.between(2, 15) * MINUTE,
		rollbackAfter: draws.between(2, 8) * MINUTE,
	};
}

type Situation = Pick<PlannedDevice, "hasCable"> & Pick<RunPlan, "deadPlmns">;

/** A download first, most often, and then whatever one may do with profiles. */
function drawOrders(draws: Draws, device: Situation, model: DeviceModel, index: number, until: number): PlannedOrder[] {
	const orders: OperationOrder[] = [];
	const count = draws.between(3, 7);
	while (orders.length < count) {
		const isFirst = orders.length === 0 && draws.chance(0.8);
		orders.push(isFirst ? download(draws.pick(atLeastOne(model.ordered))) : drawOrder(draws, device, model));
	}
	let at = FIRST_ORDER;
	return orders.map((order, number) => {
		at += draws.chance(0.3) ? draws.below(MINUTE) : draws.below(until / count);
		const lifetime = draws.chance(0.15) ? draws.between(5, 90) * MINUTE : 400 * HOUR;
		const cancelled = draws.chance(0.06) ? { cancelledAt: at + draws.below(10 * MINUTE) } : {};
		return { id: `order-${index}-${number}`, device: index, at, order, lifetime, ...cancelled };
	});
}

function drawOrder(draws: Draws, device: Situation, model: DeviceModel): OperationOrder {
	const all = atLeastOne([model.bootstrap, ...model.ordered]);
	switch (draws.below(device.hasCable ? 12 : 11)) {
		case 0:
		case 1:
			return download(draws.pick(atLeastOne(model.ordered)));
		case 2:
		case 3:
		case 4:
		case 5: {
			const { iccid, plmn } = draws.pick(all);
			// Without rollback, an operator sends devices only where they are reached.
			const rollback = device.deadPlmns.includes(plmn) || draws.chance(0.6);
			return { type: "enable", parameters: { iccid, rollback } };
		}
		case 6:
		case 7:
			return { type: "delete", parameters: { iccid: draws.pick(all).iccid } };
		case 8:
		case 9:
			return { type: "listProfiles", parameters: {} };
		case 10:
			return { type: "readEuiccData", parameters: {} };
		default:
			return { type: "disable", parameters: { iccid: draws.pick(all).iccid } };
	}
}

function download({ matchingId }: ProfileOfDevice): OperationOrder {
	return { type: "download", parameters: { smdpAddress: SMDP_ADDRESS, matchingId } };
}

function atLeastOne<T>(items: readonly T[]): readonly [T, ...T[]] {
	const [first, ...rest] = items;
	if (first === undefined) throw new Error("there is nothing to choose from");
	return [first, ...rest];
}

/** `enable {"iccid":"8900...","rollback":true}`. */
export function shown({ order }: PlannedOrder): string {
	return `${order.type} ${JSON.stringify(order.parameters)}`;
}
