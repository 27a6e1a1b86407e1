import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import { Days, type Duration, Hours, Seconds } from "@iot-esim/shared/util/duration";
import type { EventStore, JobStore, OperationStore, PackageStore, RelayStore, WakeUpStore } from "../storage/store.ts";

export interface HousekeepingOptions {
	readonly store: OperationStore & PackageStore & RelayStore & EventStore & JobStore & WakeUpStore;
	readonly clock: Clock;
	readonly logger: LoggerFactory;
	/** How often it is done; 30 s when absent. */
	readonly interval?: Duration;
	/** How long events are kept; 30 days when absent. */
	readonly eventsKept?: Duration;
	/** How long operations that are over are kept, with packages, results and deliveries; for ever when absent. */
	readonly operationsKept?: Duration;
	/** How long a request may be repeated under its Idempotency-Key; 2 days when absent. */
	readonly idempotencyKept?: Duration;
}

export interface Housekeeping {
	start(): void;
	runOnce(): Promise<void>;
	stop(): Promise<void>;
}

const BATCH = 200;
/** What stays is looked at each time: no need to do so every time that something may expire. */
const OPERATIONS_REMOVED_EVERY = Hours(1);

/** Expires operations that no device answered in time, and removes what has had its day. */
export function createHousekeeping(options: HousekeepingOptions): Housekeeping {
	const { store, clock } = options;
	const log = options.logger("eim.jobs");
	const interval = options.interval ?? Seconds(30);
	let operationsRemovedAt = Number.NEGATIVE_INFINITY;
	let cancelTimer: (() => void) | undefined;
	let running: Promise<void> | undefined;
	let isStopped = true;

	const clean = async (): Promise<void> => {
		const now = clock.now();
		for (let expired = BATCH; expired === BATCH; ) {
			const operations = await store.expireOperations(now, BATCH);
			expired = operations.length;
			for (const { id, eid, type } of operations) log.info("operation expired", { operationId: id, eid, type });
		}
		await store.removeDeadSessions(now);
		await store.forgetIdempotencyKeys(now - (options.idempotencyKept ?? Days(2)));
		await store.removeEvents(now - (options.eventsKept ?? Days(30)));
		await removeOperations(now);
	};

	const removeOperations = async (now: number): Promise<void> => {
		if (options.operationsKept === undefined || now - operationsRemovedAt < OPERATIONS_REMOVED_EVERY) return;
		operationsRemovedAt = now;
		await removeOlderThan(now - options.operationsKept, store);
	};

	const runOnce = (): Promise<void> => {
		running ??= clean().finally(() => {
			running = undefined;
		});
		return running;
	};

	const tick = (): void => {
		cancelTimer = undefined;
		runOnce()
			.catch((error) => log.error("housekeeping failed", { error }))
			.finally(() => {
				if (!isStopped) cancelTimer = clock.schedule(interval, tick);
			});
	};

	return {
		start() {
			if (!isStopped) return;
			isStopped = false;
			tick();
		},
		runOnce,
		async stop() {
			isStopped = true;
			cancelTimer?.();
			await running?.catch(() => undefined);
		},
	};
}

async function removeOlderThan(before: number, store: HousekeepingOptions["store"]): Promise<void> {
	for (const remove of ["removeOperations", "removeResults", "removeJobs", "removeWakeUps"] as const) {
		await inSteps((after) => store[remove](before, after));
	}
}

async function inSteps(step: (after: number | undefined) => Promise<number | undefined>): Promise<void> {
	let after: number | undefined;
	do after = await step(after);
	while (after !== undefined);
}
