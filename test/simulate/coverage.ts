import type { Network } from "@iot-esim/sim/network/network";
import type { Draws } from "./draws.ts";
import type { RunRecord } from "./record.ts";
import type { Timeline } from "./timeline.ts";

export interface CoverageOptions {
	readonly network: Network;
	readonly devices: readonly { onCoverageChange(): void }[];
	readonly plmns: readonly string[];
	/** Never covered, from the first moment to the last. */
	readonly dead: readonly string[];
	readonly timeline: Timeline;
	readonly record: RunRecord;
	readonly draws: Draws;
	/** Milliseconds between two losses, on average; 0 means none. */
	readonly meanPause: number;
	readonly isOver: () => boolean;
}

/** The weather: networks are lost and come back, most often just after a device has gone to them. */
export class Coverage {
	readonly #options: CoverageOptions;
	readonly #lost = new Set<string>();

	constructor(options: CoverageOptions) {
		this.#options = options;
	}

	isCovered(plmn: string): boolean {
		return !this.#lost.has(plmn) && !this.#options.dead.includes(plmn);
	}

	start(): void {
		for (const plmn of this.#options.dead) this.#set(plmn, false);
	}

	beginLosses(): void {
		const { meanPause, timeline, draws, isOver, plmns } = this.#options;
		if (meanPause === 0) return;
		const next = () => {
			timeline.schedule(draws.countdown(meanPause), () => {
				if (isOver()) return;
				this.#lose(draws.pick([...plmns] as [string, ...string[]]));
				next();
			});
		};
		next();
	}

	/** A device has just been taken by a network. */
	onAttached(plmn: string): void {
		const { meanPause, timeline, draws, isOver } = this.#options;
		if (meanPause === 0 || isOver() || !draws.chance(0.2)) return;
		timeline.schedule(draws.below(40_000), () => this.#lose(plmn));
	}

	/** All networks that are not dead are there. */
	restore(): void {
		for (const plmn of [...this.#lost]) this.#regain(plmn);
	}

	#lose(plmn: string): void {
		const { timeline, draws, isOver, dead } = this.#options;
		if (isOver() || this.#lost.has(plmn) || dead.includes(plmn)) return;
		this.#lost.add(plmn);
		this.#set(plmn, false);
		timeline.schedule(draws.between(10, 2_400) * 1_000, () => this.#regain(plmn));
	}

	#regain(plmn: string): void {
		if (this.#lost.delete(plmn)) this.#set(plmn, true);
	}

	#set(plmn: string, covered: boolean): void {
		const { network, devices, record } = this.#options;
		if (covered) record.note("network", `${plmn} is back`);
		else record.fault("network", `${plmn} is lost`);
		network.addCoverageRule({ plmn, place: "*", covered });
		for (const device of devices) device.onCoverageChange();
	}
}
