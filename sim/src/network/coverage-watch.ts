import type { Clock } from "@iot-esim/shared/runtime/clock";
import { Milliseconds } from "@iot-esim/shared/util/duration";
import type { Device } from "./device.ts";
import type { Network } from "./network.ts";

/** Timers hold at most 2^31 - 1 ms. */
const LONGEST_TIMER = 2_147_483_647;

/** Lets every device reconsider its operator whenever coverage changes by the clock. */
export class CoverageWatch {
	readonly #clock: Clock;
	readonly #network: Network;
	readonly #devices: readonly Device[];
	#cancel: () => void = () => undefined;

	constructor(clock: Clock, network: Network, devices: readonly Device[]) {
		this.#clock = clock;
		this.#network = network;
		this.#devices = devices;
	}

	/** Also to be called after the rules were changed. */
	start(): void {
		this.#cancel();
		const now = this.#clock.now();
		const next = this.#network.nextCoverageChange(now);
		if (next === undefined) return;
		this.#cancel = this.#clock.schedule(Milliseconds(Math.min(next - now, LONGEST_TIMER)), () => this.reconsider());
	}

	/** Coverage may be another one now. */
	reconsider(): void {
		for (const device of this.#devices) device.modem.registration.reconsider();
		this.start();
	}

	stop(): void {
		this.#cancel();
	}
}
