import type { Iccid } from "@iot-esim/shared/ids/iccid";
import { type LogEntry, type LoggerFactory, loggerTo } from "@iot-esim/shared/runtime/logger";
import { START } from "./addresses.ts";
import { Draws } from "./draws.ts";
import { EimDatabase } from "./eim-database.ts";
import { factory } from "./factory.ts";
import { violations } from "./invariants.ts";
import { type PlannedOrder, shown } from "./orders.ts";
import { drawPlan, FIRST_ORDER, type RunPlan } from "./plan.ts";
import { type Entry, printed, type RunRecord } from "./record.ts";
import { type Breakage, World } from "./world.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** How long everybody has after the last fault. */
const SETTLED_WITHIN = 24 * HOUR;
/** How long a healthy device takes for one more order. */
const PROBED_WITHIN = 2 * HOUR;

export interface RunReport {
	readonly seed: number;
	/** Empty when all is well. */
	readonly violations: readonly string[];
	readonly plan: RunPlan;
	readonly entries: readonly Entry[];
	/** Simulated milliseconds, and events of the timeline. */
	readonly length: number;
	readonly events: number;
}

export interface RunOptions {
	readonly breakage?: Breakage;
	/** Looks closer at something: the plan of the seed with other odds. */
	readonly focus?: (plan: RunPlan) => RunPlan;
	/** Puts what the parts log into the log of the run. */
	readonly isVerbose?: boolean;
}

/** One run: all that happens in it follows from the seed. */
export async function runSeed(seed: number, options: RunOptions = {}): Promise<RunReport> {
	const made = await factory();
	const draws = new Draws(seed);
	const drawn = drawPlan(draws.stream("plan"), made.devices);
	const plan = options.focus?.(drawn) ?? drawn;
	const world = new World({
		plan,
		draws,
		factory: made,
		logger: (record) => loggerInto(record, options.isVerbose ?? false),
		breakage: options.breakage ?? {},
	});
	try {
		await world.start();
		schedule(world);
		await world.timeline.runUntil(START + plan.faults.until);
		world.endFaults();
		const found = [...(await settle(world)), ...violations(world), ...world.record.surprises];
		if (found.length === 0) found.push(...(await probe(world)));
		const { entries } = world.record;
		return {
			seed,
			violations: found,
			plan,
			entries,
			length: world.timeline.now() - START,
			events: world.timeline.events,
		};
	} finally {
		world.close();
	}
}

function schedule(world: World): void {
	const { plan, timeline, eim } = world;
	if (plan.isAcquainted) {
		for (const [device, { hasFallback }] of plan.devices.entries()) {
			if (hasFallback) world.order(fallbackOrder(device, world.devices[device]?.model.bootstrap.iccid));
			world.order(listProfiles(`acquaintance-${device}`, device));
		}
	}
	if (plan.isAcquainted) timeline.schedule(FIRST_ORDER, () => world.beginFaults());
	else world.beginFaults();
	for (const order of plan.orders) {
		timeline.schedule(order.at, () => world.order(order));
		if (order.cancelledAt !== undefined) timeline.schedule(order.cancelledAt, () => eim.cancel(order.id));
	}
}

/** Lets time pass until nothing is under way any more. */
async function settle(world: World): Promise<string[]> {
	const { timeline } = world;
	const end = timeline.now() + SETTLED_WITHIN;
	do {
		await timeline.runUntil(timeline.now() + 10 * MINUTE);
		if (whatIsUnderWay(world).length === 0) return [];
	} while (timeline.now() < end);
	return whatIsUnderWay(world).map((what) => `does not come to rest: ${what}`);
}

function whatIsUnderWay(world: World): string[] {
	const database = new EimDatabase(world.eim.database);
	const open = database.operations().filter(({ finished_at }) => finished_at === null);
	return [
		...world.plan.orders.filter(({ id }) => !world.accepted.has(id)).map(({ id }) => `${id} was not taken`),
		...open.map(({ id, type, state, reason }) => `${type} ${id} is ${state}: ${reason}`),
		...database.openJobs().map(({ kind, attempts, last_error }) => `${kind}, ${attempts} attempts: ${last_error}`),
		...world.devices.filter(({ isIdle }) => !isIdle).map((device) => `${device.name}: ${device.describe()}`),
	];
}

/** A device is never left without a way back to its eIM: it carries out one more order, and the beliefs still hold. */
async function probe(world: World): Promise<string[]> {
	const { timeline, plan } = world;
	for (const [device] of plan.devices.entries()) world.order(listProfiles(`probe-${device}`, device));
	const database = new EimDatabase(world.eim.database);
	const isDone = ({ id, state }: { id: string; state: string }) => id.startsWith("probe-") && state === "succeeded";
	const end = timeline.now() + PROBED_WITHIN;
	while (timeline.now() < end && database.operations().filter(isDone).length < plan.devices.length) {
		await timeline.runUntil(timeline.now() + 5 * MINUTE);
	}
	const answered = new Set(
		database
			.operations()
			.filter(isDone)
			.map(({ id }) => id),
	);
	const lost = plan.devices.flatMap((_, device) => (answered.has(`probe-${device}`) ? [] : [world.devices[device]]));
	const found = lost.map((device) => `no way back to the eIM: ${device?.name}, ${device?.describe()}`);
	if (found.length > 0) return found;
	// That it was reached may have moved a device to go back from its fallback profile, which the eIM hears at the next poll.
	return [...(await settle(world)), ...violations(world), ...world.record.surprises];
}

function fallbackOrder(device: number, iccid: Iccid | undefined): PlannedOrder {
	if (iccid === undefined) throw new Error(`there is no device ${device}`);
	const order = { type: "setFallbackAttribute", parameters: { iccid } } as const;
	return { id: `fallback-${device}`, device, at: 0, order, lifetime: 1_000 * HOUR };
}

function listProfiles(id: string, device: number): PlannedOrder {
	return { id, device, at: 0, order: { type: "listProfiles", parameters: {} }, lifetime: 1_000 * HOUR };
}

/** The schedule of a run as text: what was planned, and what went wrong when. */
export function printedSchedule({ seed, plan, entries, violations: found }: RunReport): string {
	const { deaths, messages, ...faults } = plan.faults;
	return [
		`seed ${seed}`,
		...found.map((sentence) => `  violation: ${sentence}`),
		"plan",
		...plan.devices.map((device, index) => `  device-${index} ${JSON.stringify(device)}`),
		`  dead networks: ${plan.deadPlmns.join() || "none"}; acquainted: ${plan.isAcquainted}`,
		`  messages ${JSON.stringify(messages)}`,
		`  deaths ${JSON.stringify(deaths)}`,
		`  faults ${JSON.stringify(faults)}`,
		...plan.orders.map((order) => `  +${Math.round(order.at / MINUTE)} min ${order.id} ${shown(order)}`),
		"what happened",
		...entries.map(printed),
	].join("\n");
}

/** Errors that a full disk excuses. */
const EXCUSED = /SQLITE_FULL|ENOSPC|database or disk is full/;

/** What a part logs as an error is a surprise, unless its disk is to blame. */
function loggerInto(record: RunRecord, isVerbose: boolean): LoggerFactory {
	const write = ({ level, component, phrase, facts }: LogEntry) => {
		const line = `[${level}] ${phrase} ${JSON.stringify(facts)}`;
		if (level === "error" && !EXCUSED.test(line)) record.surprise(component, line.slice(0, 1_500));
		else if (isVerbose) record.note(component.slice(0, 16), line);
	};
	return loggerTo(write, isVerbose ? "trace" : "error");
}
