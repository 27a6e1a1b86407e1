import type { EuiccCommand } from "@iot-esim/eim/domain/euicc-command";
import type { OperationOrder } from "@iot-esim/eim/domain/operation";
import { SMDP_ADDRESS, SMDS_ADDRESS } from "./addresses.ts";
import type { Draws } from "./draws.ts";
import type { DeviceModel, ProfileOfDevice } from "./factory.ts";

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

/** What an operator has to know of a device. */
export interface Situation {
	readonly model: DeviceModel;
	/** Number of the device in the run. */
	readonly index: number;
	readonly hasCable: boolean;
	readonly hasFallback: boolean;
	readonly deadPlmns: readonly string[];
	/** When orders are given, in milliseconds from the start of the run. */
	readonly from: number;
	readonly until: number;
}

/** An operator who mostly does what makes sense: downloads a profile, and then does something with it. */
export function drawOrders(draws: Draws, situation: Situation): PlannedOrder[] {
	const { index, from, until } = situation;
	const operator = new Operator(draws, situation);
	const count = draws.between(4, 9);
	const orders = Array.from({ length: count }, (_, number) => operator.next(number));
	let at = from;
	return orders.map((order, number) => {
		at += draws.chance(0.35) ? draws.below(MINUTE) : draws.below((1.5 * (until - from)) / count);
		const lifetime = draws.chance(0.15) ? draws.between(5, 90) * MINUTE : 400 * HOUR;
		const cancelled = draws.chance(0.06) ? { cancelledAt: at + draws.below(10 * MINUTE) } : {};
		return { id: `order-${index}-${number}`, device: index, at, order, lifetime, ...cancelled };
	});
}

class Operator {
	readonly #draws: Draws;
	readonly #situation: Situation;
	/** Profiles that should be on the card by now. */
	readonly #hoped: ProfileOfDevice[];
	#lastDownload: ProfileOfDevice | undefined;

	constructor(draws: Draws, situation: Situation) {
		this.#draws = draws;
		this.#situation = situation;
		this.#hoped = [situation.model.bootstrap];
	}

	next(number: number): OperationOrder {
		const draws = this.#draws;
		const before = this.#lastDownload;
		this.#lastDownload = undefined;
		if (number === 0 && draws.chance(0.85)) return this.#download();
		if (before !== undefined && draws.chance(0.7)) return this.#enable(before);
		const kind = draws.below(20);
		if (kind < 4) return this.#download();
		if (kind < 9) return this.#enable(this.#some());
		if (kind < 11) return { type: "delete", parameters: { iccid: this.#some().iccid } };
		if (kind < 12) return { type: "readEuiccData", parameters: {} };
		if (kind < 15) return this.#package();
		return this.#command();
	}

	#download(): OperationOrder {
		const draws = this.#draws;
		const profile = draws.pick(atLeastOne(this.#situation.model.ordered));
		this.#hoped.push(profile);
		this.#lastDownload = profile;
		const { found, matchingId } = profile;
		if (found === "defaultSmdp") return { type: "download", parameters: { contact: "defaultSmdp" } };
		if (found === "smds") {
			const named = draws.chance(0.5) ? { smdsAddress: SMDS_ADDRESS } : {};
			return { type: "download", parameters: { contact: "smds", ...named } };
		}
		return { type: "download", parameters: { smdpAddress: SMDP_ADDRESS, matchingId } };
	}

	#enable({ iccid, plmn }: ProfileOfDevice): EuiccCommand {
		const { hasCable, hasFallback, deadPlmns } = this.#situation;
		// Without rollback, an operator sends devices only where they can be reached, or where they come back from.
		const isSafe = hasCable || hasFallback || !deadPlmns.includes(plmn);
		return { type: "enable", parameters: { iccid, rollback: !isSafe || this.#draws.chance(0.6) } };
	}

	/** Two or three commands under the rules of packages. */
	#package(): OperationOrder {
		const draws = this.#draws;
		const lists: readonly EuiccCommand[] = draws.chance(0.5) ? [{ type: "listProfiles", parameters: {} }] : [];
		const settings = draws.chance(0.6) ? [this.#setting()] : [];
		const switches = draws.chance(0.6) ? [this.#enable(this.#some())] : [];
		const deletions: readonly EuiccCommand[] = draws.chance(0.4)
			? [{ type: "delete", parameters: { iccid: this.#some().iccid } }]
			: [];
		const commands = [...lists, ...settings, ...switches, ...deletions];
		return { type: "euiccPackage", parameters: { commands: commands.length > 0 ? commands : [this.#command()] } };
	}

	#command(): EuiccCommand {
		const draws = this.#draws;
		if (this.#situation.hasCable && draws.chance(0.3)) {
			return { type: "disable", parameters: { iccid: this.#some().iccid } };
		}
		switch (draws.below(4)) {
			case 0:
				return { type: "listEims", parameters: {} };
			case 1:
				return this.#setting();
			default:
				return { type: "listProfiles", parameters: {} };
		}
	}

	/** A command that switches nothing. */
	#setting(): EuiccCommand {
		const draws = this.#draws;
		// A device that lives by its fallback profile keeps it.
		const kind = draws.below(this.#situation.hasFallback ? 3 : 5);
		switch (kind) {
			case 0:
				return { type: "getRat", parameters: {} };
			case 1:
				return { type: "configureImmediateEnable", parameters: { isAllowed: draws.chance(0.5) } };
			case 2:
				return { type: "setDefaultDpAddress", parameters: { smdpAddress: SMDP_ADDRESS } };
			case 3:
				return { type: "setFallbackAttribute", parameters: { iccid: this.#some().iccid } };
			default:
				return { type: "unsetFallbackAttribute", parameters: {} };
		}
	}

	/** Most often one that should be there. */
	#some(): ProfileOfDevice {
		const { model } = this.#situation;
		const draws = this.#draws;
		return draws.chance(0.85) ? draws.pick(atLeastOne(this.#hoped)) : draws.pick(atLeastOne(model.ordered));
	}
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
