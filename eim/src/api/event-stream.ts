import type { ServerResponse } from "node:http";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Duration } from "@iot-esim/shared/util/duration";
import type { Event } from "../domain/event.ts";
import type { EventFilter, EventStore } from "../storage/store.ts";
import { eventView } from "./views.ts";

const EVENTS_AT_ONCE = 200;

/** Sends events to one reader until it goes away or `signal` ends the stream. */
export async function streamEvents(
	response: ServerResponse,
	deps: { store: EventStore; clock: Clock; heartbeat: Duration; signal: AbortSignal },
	filter: Omit<EventFilter, "limit">,
): Promise<void> {
	const { store, clock, heartbeat, signal } = deps;
	let after = filter.after;
	const alarm = new Alarm(clock);
	const stopListening = store.onEvents(() => alarm.ring());
	const end = () => alarm.ring();
	signal.addEventListener("abort", end);
	response.once("close", end);
	try {
		response.write(": stream of events\n\n");
		while (!signal.aborted && !response.destroyed) {
			const events = await store.listEvents({ ...filter, after, limit: EVENTS_AT_ONCE });
			for (const event of events) {
				after = event.id;
				if (!response.write(frame(event))) await drained(response);
			}
			if (events.length === EVENTS_AT_ONCE) continue;
			const rang = await alarm.wait(heartbeat);
			if (!rang) response.write(": still here\n\n");
		}
	} finally {
		stopListening();
		signal.removeEventListener("abort", end);
		response.off("close", end);
		response.end();
	}
}

function frame(event: Event): string {
	return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(eventView(event))}\n\n`;
}

function drained(response: ServerResponse): Promise<void> {
	return new Promise((resolve) => {
		const done = () => {
			response.off("drain", done);
			response.off("close", done);
			resolve();
		};
		response.once("drain", done);
		response.once("close", done);
	});
}

/** A ring that is not lost when it comes while nobody waits. */
class Alarm {
	readonly #clock: Clock;
	#isRinging = false;
	#wake: (() => void) | undefined;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	ring(): void {
		this.#isRinging = true;
		this.#wake?.();
	}

	/** True when it rang, false when `limit` passed without. */
	async wait(limit: Duration): Promise<boolean> {
		if (!this.#isRinging) {
			await new Promise<void>((resolve) => {
				const cancel = this.#clock.schedule(limit, resolve);
				this.#wake = () => {
					cancel();
					resolve();
				};
			});
			this.#wake = undefined;
		}
		const rang = this.#isRinging;
		this.#isRinging = false;
		return rang;
	}
}
