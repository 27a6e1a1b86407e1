import type { Eid } from "@iot-esim/shared/ids/eid";
import type { WakeUpAddress, WakeUpVia } from "../domain/wake-up.ts";

/** Why a device shall poll. */
export interface Trigger {
	/** Of the wake-up, another one for each time. */
	readonly id: string;
	readonly eid: Eid;
	/** How many operations wait. */
	readonly waiting: number;
	readonly at: number;
	/** After this moment nothing waits any more. */
	readonly until: number;
}

/** One way to devices that sleep. Each way reaches a sleeping device by itself: whoever carries it waits for the device. */
export interface Waker<A extends WakeUpAddress> {
	/**
	 * Hands the trigger over; `reference` is the name under which the way knows it.
	 * @throws EsimError when it was not taken
	 */
	wake(address: A, trigger: Trigger): Promise<{ readonly reference?: string }>;
	/** @throws EsimError for an address that this way would never serve */
	check(address: A): void;
}

/** The ways that this eIM is configured for, by name. */
export type Wakers = { readonly [V in WakeUpVia]?: Waker<Extract<WakeUpAddress, { via: V }>> };
