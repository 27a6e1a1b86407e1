import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import type { Machine } from "./fault-plan.ts";
import type { Faults } from "./faults.ts";
import { Life, type MachineClock } from "./life.ts";
import type { Endpoint } from "./link.ts";
import { SimulatedDisk } from "./state-disk.ts";

/** Files by their paths. */
export type DiskState = ReadonlyMap<string, Uint8Array>;

export interface RspServerPartOptions<Server extends { readonly handle: HttpHandler }> {
	readonly machine: Machine;
	readonly state: DiskState;
	readonly clock: MachineClock;
	readonly faults: Faults;
	readonly onDeath: () => void;
	readonly make: (life: Life, disk: SimulatedDisk) => Server;
}

/** An SM-DP+ or SM-DS of the world: its disk outlives it, and every write to it is a place where it may die. */
export class RspServerPart<Server extends { readonly handle: HttpHandler }> implements Endpoint {
	readonly #options: RspServerPartOptions<Server>;
	readonly #disk: SimulatedDisk;
	/** Of the last run when it is down. */
	server: Server | undefined;
	running: Endpoint["running"];

	constructor(options: RspServerPartOptions<Server>) {
		this.#options = options;
		this.#disk = new SimulatedDisk(options.state);
	}

	/** It dies at once when its disk does not let it start. */
	start(): void {
		const { machine, clock, faults, make, onDeath } = this.#options;
		const life = new Life(machine, clock, () => undefined);
		life.onDeath(() => {
			this.running = undefined;
			onDeath();
		});
		this.#disk.onWrite = (what, octets) => {
			if (!life.isAlive) return 0;
			if (faults.isDeath(machine, machine)) {
				life.die();
				return Math.floor(faults.tornShare() * (octets + 1));
			}
			// What takes no space can be done on a full disk too.
			const isFull = !/^(remove|truncate) /.test(what) && faults.isDiskFull(machine, clock.now());
			return isFull ? Math.floor(faults.tornShare() * octets) : undefined;
		};
		try {
			const server = make(life, this.#disk);
			this.server = server;
			this.running = { life, handle: server.handle };
		} catch (error) {
			if (faults.isOver) throw error;
			life.die();
		}
	}
}
