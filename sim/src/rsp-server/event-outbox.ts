import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { type Duration, Hours, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import type { EventClient, EventOutcome, EventRegistration } from "./event-client.ts";
import { RecordStore } from "./store/record-store.ts";
import type { StateDisk } from "./store/state-disk.ts";

/** One event at one SM-DS: what shall be true there, and how far it is; times in milliseconds since 1970. */
export interface OutgoingEvent extends EventRegistration {
	readonly smdsAddress: string;
	readonly wanted: "registered" | "deleted";
	/** "refused" is final: the SM-DS has said no. A deletion that is done leaves no record. */
	readonly state: "waiting" | "done" | "refused";
	readonly attempts: number;
	readonly runAfter: number;
	/** Since when this is wanted. */
	readonly since: number;
	readonly lastError?: string;
}

type Place = Pick<OutgoingEvent, "smdsAddress" | "eid" | "eventId">;

const RETRY_DELAYS: readonly Duration[] = [Seconds(1), Seconds(5), Seconds(30), Minutes(2), Minutes(10), Hours(1)];

const PAUSE_AFTER_FAILED_WRITE = Minutes(1);

/** An event that is no longer wanted is given up after this time: the SM-DS ends it by itself some day. */
const GIVE_UP_DELETION_AFTER = Hours(24 * 7);

/**
 * What shall be registered at and deleted from other SM-DS, one file each in the folder. It is on the disk when `register`
 * or `delete` return, and is brought about in the background until the SM-DS has answered, over restarts.
 */
export class EventOutbox {
	readonly #records: RecordStore<OutgoingEvent>;
	readonly #client: EventClient;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #underWay = new Set<string>();
	#cancelRetry: () => void = () => undefined;
	#isStopped = false;

	/** @throws RspServerError RSP_SERVER_STATE_DAMAGED */
	constructor(deps: {
		readonly stateFolder: string;
		readonly disk?: StateDisk;
		readonly client: EventClient;
		readonly clock: Clock;
		readonly log: Logger;
	}) {
		this.#records = new RecordStore(join(deps.stateFolder, "outgoing-events"), deps.disk);
		this.#client = deps.client;
		this.#clock = deps.clock;
		this.#log = deps.log;
	}

	/** Goes on with what a former run left. */
	start(): void {
		this.#work();
	}

	stop(): void {
		this.#isStopped = true;
		this.#cancelRetry();
	}

	find(place: Place): OutgoingEvent | undefined {
		return this.#records.get(keyOf(place));
	}

	list(): OutgoingEvent[] {
		return this.#records.values();
	}

	register(smdsAddress: string, event: EventRegistration): void {
		this.#want({ ...event, smdsAddress, wanted: "registered" });
	}

	/** Also for one whose registration is under way or was refused. */
	delete(smdsAddress: string, event: EventRegistration): void {
		this.#want({ ...event, smdsAddress, wanted: "deleted" });
	}

	#want(event: EventRegistration & Pick<OutgoingEvent, "smdsAddress" | "wanted">): void {
		const now = this.#clock.now();
		this.#records.put(keyOf(event), { ...event, state: "waiting", attempts: 0, runAfter: now, since: now });
		this.#work();
	}

	/** Starts everything that is due, and comes back for the rest. */
	#work(): void {
		this.#cancelRetry();
		if (this.#isStopped) return;
		const now = this.#clock.now();
		const waiting = this.#records.values().filter(({ state }) => state === "waiting");
		const later = waiting.filter(({ runAfter }) => runAfter > now);
		for (const event of waiting) if (event.runAfter <= now) void this.#attempt(event);
		const next = Math.min(...later.map(({ runAfter }) => runAfter));
		if (Number.isFinite(next)) this.#cancelRetry = this.#clock.schedule((next - now) as Duration, () => this.#work());
	}

	async #attempt(event: OutgoingEvent): Promise<void> {
		const key = keyOf(event);
		if (this.#underWay.has(key)) return;
		this.#underWay.add(key);
		const outcome = await (event.wanted === "registered"
			? this.#client.register(event.smdsAddress, registrationOf(event))
			: this.#client.delete(event.smdsAddress, event));
		this.#underWay.delete(key);
		if (this.#isStopped) return;
		// Another thing may be wanted by now; the answer is then about the past.
		if (this.#records.get(key) !== event || this.#isNoted(event, outcome)) return this.#work();
		this.#cancelRetry();
		this.#cancelRetry = this.#clock.schedule(PAUSE_AFTER_FAILED_WRITE, () => this.#work());
	}

	/** False when the disk does not take it; the SM-DS is then asked again, which changes nothing there. */
	#isNoted(event: OutgoingEvent, outcome: EventOutcome): boolean {
		try {
			this.#note(event, outcome);
			return true;
		} catch (error) {
			this.#log.error("event cannot be written down", { eventId: event.eventId, error });
			return false;
		}
	}

	#note(event: OutgoingEvent, outcome: EventOutcome): void {
		const { eid, eventId, smdsAddress, wanted, attempts } = event;
		const key = keyOf(event);
		if (outcome.result === "done") {
			this.#log.info(`event ${wanted}`, { eid, eventId, smdsAddress });
			const { lastError: _settled, ...rest } = event;
			if (wanted === "deleted") this.#records.delete(key);
			else this.#records.put(key, { ...rest, state: "done", attempts: attempts + 1 });
			return;
		}
		const now = this.#clock.now();
		const isRefused = outcome.result === "refused";
		const codes = isRefused ? `${outcome.subjectCode}/${outcome.reasonCode} ` : "";
		const lastError = `${codes}${outcome.message}`.trim();
		this.#log.warn(`event not ${wanted}`, { eid, eventId, smdsAddress, reason: lastError });
		if (wanted === "deleted" && (isRefused || now - event.since > GIVE_UP_DELETION_AFTER)) {
			this.#records.delete(key);
			return;
		}
		const delay = RETRY_DELAYS[Math.min(attempts, RETRY_DELAYS.length - 1)] ?? Seconds(1);
		const state = isRefused ? "refused" : "waiting";
		this.#records.put(key, { ...event, state, attempts: attempts + 1, runAfter: now + delay, lastError });
	}
}

function registrationOf({ eid, eventId, rspServerAddress, forwardingIndicator }: OutgoingEvent): EventRegistration {
	const forwarding = forwardingIndicator === undefined ? {} : { forwardingIndicator };
	return { eid, eventId, rspServerAddress, ...forwarding };
}

/** Event identifiers and addresses are any text; a file name is not. */
function keyOf({ smdsAddress, eid, eventId }: Place): string {
	const place = JSON.stringify([smdsAddress.toLowerCase(), eid, eventId]);
	return createHash("sha256").update(place).digest("hex").slice(0, 40);
}
