import type { Device } from "../../domain/device.ts";
import type { EimPackage } from "../../domain/eim-package.ts";
import type { Operation } from "../../domain/operation.ts";
import type { Profile } from "../../domain/profile.ts";
import type { SqlEngine } from "./engine.ts";

/** How many devices are remembered: a few kilobytes each. */
const REMEMBERED = 10_000;

/** What is known of one device as it stands in the database; what is absent has to be read. */
export interface DeviceNotes {
	device?: Device | undefined;
	/** All that are not over, in the order of `listOpenOperations`. */
	openOperations?: readonly Operation[] | undefined;
	/** The one stored last. */
	lastPackage?: EimPackage | undefined;
	profiles?: readonly Profile[] | undefined;
}

/**
 * Remembers what the steps have just read or written, since the messages of one device follow each other closely. Only
 * for as long as the engine vouches that nobody else has changed the database and nothing was taken back: an epoch.
 * Where it cannot vouch (PostgreSQL), every look finds empty notes.
 */
export class DeviceMemory {
	readonly #engine: Pick<SqlEngine, "epoch">;
	#epoch: string | undefined;
	readonly #notes = new Map<string, DeviceNotes>();

	constructor(engine: Pick<SqlEngine, "epoch">) {
		this.#engine = engine;
	}

	/** For a step that runs. */
	of(eid: string): DeviceNotes {
		const epoch = this.#engine.epoch();
		if (epoch === undefined) return {};
		if (epoch !== this.#epoch) {
			this.#notes.clear();
			this.#epoch = epoch;
		}
		let notes = this.#notes.get(eid);
		if (!notes) {
			notes = {};
			this.#notes.set(eid, notes);
			if (this.#notes.size > REMEMBERED) this.#forgetOldest();
		}
		return notes;
	}

	forget(eid: string): void {
		const notes = this.of(eid);
		notes.device = undefined;
		notes.openOperations = undefined;
		notes.lastPackage = undefined;
		notes.profiles = undefined;
	}

	#forgetOldest(): void {
		for (const oldest of this.#notes.keys()) {
			this.#notes.delete(oldest);
			return;
		}
	}
}
