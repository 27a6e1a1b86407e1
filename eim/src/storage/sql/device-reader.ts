import type { Device } from "../../domain/device.ts";
import type { DeviceLink } from "../../domain/device-link.ts";
import type { DeviceMemory } from "./device-memory.ts";
import { first, type SqlEngine, type Step } from "./engine.ts";
import { toDevice, toWakings } from "./rows.ts";
import { statement } from "./statement.ts";

/** How many devices are remembered: a few kilobytes each. */
const REMEMBERED = 10_000;

interface Remembered {
	readonly version: number;
	readonly device: Device;
}

/**
 * Reads devices. Most of a device (certificates, names, tags) hardly ever changes but is long to read, and every
 * message of a device needs it: it is remembered together with the version of its row, and read again only when the
 * row, looked at each time, has another one. So nothing stale is ever given, whoever changed it.
 */
export class DeviceReader {
	readonly #remembered = new Map<string, Remembered>();
	readonly #memory: DeviceMemory;
	readonly #statements: ReturnType<typeof makeStatements>;

	constructor(engine: SqlEngine, memory: DeviceMemory) {
		this.#memory = memory;
		this.#statements = makeStatements(engine);
	}

	*read(eid: string): Step<Device | undefined> {
		return yield* this.#device(eid, this.#statements.looked({ eid }));
	}

	/** Holds the device's row until the commit: the steps that change something of one device never interleave. */
	*readLocked(eid: string): Step<Device | undefined> {
		return yield* this.#device(eid, this.#statements.locked({ eid }));
	}

	*#device(eid: string, look: Look): Step<Device | undefined> {
		const notes = this.#memory.of(eid);
		notes.device ??= yield* this.#fromDatabase(eid, look);
		return notes.device;
	}

	*#fromDatabase(eid: string, look: Look): Step<Device | undefined> {
		const now = yield* first(look);
		if (!now) return undefined;
		const known = this.#remembered.get(eid);
		if (known?.version === now.version) {
			const {
				lastPollAt: _at,
				lastRplmn: _rplmn,
				lastStateChangeCause: _cause,
				lastStateChangeAt: _changedAt,
				wakings: _wakings,
				lastLink: _link,
				lastLinkAt: _linkAt,
				...lasting
			} = known.device;
			return {
				...lasting,
				counter: now.counter,
				...(now.last_poll_at === null ? {} : { lastPollAt: now.last_poll_at }),
				...(now.last_rplmn === null ? {} : { lastRplmn: now.last_rplmn }),
				...(now.last_state_change_cause === null ? {} : { lastStateChangeCause: now.last_state_change_cause }),
				...(now.last_state_change_at === null ? {} : { lastStateChangeAt: now.last_state_change_at }),
				...(now.wakings === null ? {} : { wakings: toWakings(now.wakings) }),
				...(now.last_link === null ? {} : { lastLink: now.last_link as DeviceLink }),
				...(now.last_link_at === null ? {} : { lastLinkAt: now.last_link_at }),
			};
		}
		const row = yield* first(this.#statements.whole({ eid }));
		if (!row) return undefined;
		const device = toDevice(row);
		this.#remember(eid, { version: row.version, device });
		return device;
	}

	#remember(eid: string, remembered: Remembered): void {
		// Taken out first, so that the map keeps the order of reading and the oldest goes.
		this.#remembered.delete(eid);
		this.#remembered.set(eid, remembered);
		if (this.#remembered.size <= REMEMBERED) return;
		for (const oldest of this.#remembered.keys()) {
			this.#remembered.delete(oldest);
			return;
		}
	}
}

type Look = ReturnType<ReturnType<typeof makeStatements>["looked"]>;

/** What polls change without another version, and the version itself. */
const OF_EVERY_POLL = [
	"version",
	"counter",
	"last_poll_at",
	"last_rplmn",
	"last_state_change_cause",
	"last_state_change_at",
	"wakings",
	"last_link",
	"last_link_at",
] as const;

function makeStatements({ sql, dialect }: SqlEngine) {
	const look = statement(sql, (db, p: { eid: string }) =>
		db.selectFrom("devices").select(OF_EVERY_POLL).where("eid", "=", p.eid),
	);
	const lock = statement(sql, (db, p: { eid: string }) =>
		db.selectFrom("devices").select(OF_EVERY_POLL).where("eid", "=", p.eid).forUpdate(),
	);
	return {
		looked: look,
		locked: dialect === "postgres" ? lock : look,
		whole: statement(sql, (db, p: { eid: string }) => db.selectFrom("devices").selectAll().where("eid", "=", p.eid)),
	};
}
