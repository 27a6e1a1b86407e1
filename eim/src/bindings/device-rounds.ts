import { Eid } from "@iot-esim/shared/ids/eid";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { type Duration, Seconds } from "@iot-esim/shared/util/duration";

/** For which devices something waits. */
export interface WaitingDevices {
	/** EIDs for which something may have begun or ceased to wait since the call before; the first names all that do wait. */
	changed(): Promise<readonly string[]>;
	isWaiting(eid: string): Promise<boolean>;
	/** Calls back when `changed` may have something; the returned function ends it. */
	onChange(listener: () => void): () => void;
}

export interface DeviceRoundsOptions {
	readonly waiting: Pick<WaitingDevices, "changed" | "onChange">;
	/** Tells one device what it is to know; false when it has to be looked at again, as after a failure. */
	readonly settle: (eid: Eid) => Promise<boolean>;
	/** Whether anybody can be told anything now; always when absent. */
	readonly isReady?: () => boolean;
	/** Longest time for one device; it is looked at again then. */
	readonly within: Duration;
	/** Devices that are looked at at once. */
	readonly atOnce: number;
	/** Devices that have just come and are looked at at once, besides the others; none come when absent. */
	readonly comeAtOnce?: number;
	readonly clock: Clock;
	readonly log: Logger;
}

/** How soon other replicas' changes are seen, and devices looked at again. */
const LOOK_AGAIN = Seconds(5);
/** After so many failures in a row the trouble is hardly in the devices: the rest waits for the next look. */
const MAX_FAILURES = 5;

/** Devices that wait for their turn behind one another alone. */
interface Line {
	/** To be looked at. */
	readonly doubtful: Set<Eid>;
	/** To be looked at after `LOOK_AGAIN`. */
	readonly later: Set<Eid>;
	underWay: number;
	readonly atOnce: number;
}

function lineOf(atOnce: number): Line {
	return { doubtful: new Set(), later: new Set(), underWay: 0, atOnce };
}

/**
 * Looks at devices for which something may have begun or ceased to wait, until each of them has been told. A device stands
 * here once however much changes for it, and no failure lets it be forgotten. One that has just come waits for none of those
 * that may be dead.
 */
export class DeviceRounds {
	readonly #options: DeviceRoundsOptions;
	readonly #come: Line;
	readonly #others: Line;
	readonly #underWay = new Map<Eid, Promise<void>>();
	#failures = 0;
	#reading: Promise<void> | undefined;
	#hasNews = false;
	#stopLooking: (() => void) | undefined;

	constructor(options: DeviceRoundsOptions) {
		this.#options = options;
		this.#come = lineOf(options.comeAtOnce ?? 0);
		this.#others = lineOf(options.atOnce);
	}

	/** Looks now, after each change and every 5 s, until it is stopped. */
	start(): void {
		if (this.#stopLooking !== undefined) return;
		const { waiting, clock } = this.#options;
		const stopListening = waiting.onChange(() => this.#read());
		let cancel = () => {};
		const again = () => {
			cancel = clock.schedule(LOOK_AGAIN, again);
			for (const { doubtful, later } of [this.#come, this.#others]) {
				for (const eid of later) doubtful.add(eid);
				later.clear();
			}
			this.#failures = 0;
			this.#read();
			this.look();
		};
		this.#stopLooking = () => {
			stopListening();
			cancel();
		};
		again();
	}

	/** Resolves when nothing is under way any more; `start` goes on where this has ended. */
	async stop(): Promise<void> {
		this.#stopLooking?.();
		this.#stopLooking = undefined;
		await Promise.all([this.#reading, ...this.#underWay.values()]);
	}

	/** A device that has to be looked at. */
	doubt(eid: string): void {
		if (!Eid.is(eid)) this.#options.log.warn("no device has this EID", { eid });
		else if (!this.#come.doubtful.has(eid)) this.#others.doubtful.add(eid);
	}

	/** A device that is there now, and perhaps not for long. */
	come(eid: Eid): void {
		this.#others.doubtful.delete(eid);
		this.#come.doubtful.add(eid);
		this.look();
	}

	/** Looks at the devices that are to be looked at, as many at once as may be. */
	look(): void {
		this.#lookAt(this.#come);
		this.#lookAt(this.#others);
	}

	#lookAt(line: Line): void {
		const { isReady } = this.#options;
		for (const eid of line.doubtful) {
			const isBlocked = this.#failures >= MAX_FAILURES || line.underWay >= line.atOnce;
			if (this.#stopLooking === undefined || isBlocked || isReady?.() === false) return;
			if (this.#underWay.has(eid)) continue;
			line.doubtful.delete(eid);
			line.underWay++;
			const done = this.#settle(eid, line).finally(() => {
				line.underWay--;
				this.#underWay.delete(eid);
				this.look();
			});
			this.#underWay.set(eid, done);
		}
	}

	/** What has changed; once at a time. */
	#read(): void {
		this.#hasNews = true;
		this.#reading ??= this.#readAll().finally(() => {
			this.#reading = undefined;
		});
	}

	async #readAll(): Promise<void> {
		const { waiting, log } = this.#options;
		while (this.#hasNews && this.#stopLooking !== undefined) {
			this.#hasNews = false;
			try {
				for (const eid of await waiting.changed()) this.doubt(eid);
			} catch (error) {
				log.warn("changes not seen yet", { error });
			}
			this.look();
		}
	}

	async #settle(eid: Eid, { later }: Line): Promise<void> {
		const { settle, log } = this.#options;
		try {
			if (!(await this.#inTime(settle(eid)))) later.add(eid);
			this.#failures = 0;
		} catch (error) {
			this.#failures++;
			later.add(eid);
			log.warn("device not told yet", { eid, error });
		}
	}

	#inTime<T>(work: Promise<T>): Promise<T> {
		const { clock, within } = this.#options;
		return new Promise((resolve, reject) => {
			const cancel = clock.schedule(within, () => reject(new Error(`not done within ${within} ms`)));
			work.then(resolve, reject).finally(cancel);
		});
	}
}
