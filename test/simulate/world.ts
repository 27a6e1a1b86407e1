import type { Operation } from "@iot-esim/eim/domain/operation";
import type { IpaSettings } from "@iot-esim/ipa/agent";
import { ipaConfig, settingsOf as ipaSettingsOf } from "@iot-esim/ipa/config";
import { readConfig } from "@iot-esim/shared/runtime/config";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { Hss } from "@iot-esim/sim/network/hss";
import { Network } from "@iot-esim/sim/network/network";
import { memorySequenceStore } from "@iot-esim/sim/network/sequence-store";
import { fixedSubscribers } from "@iot-esim/sim/network/subscriber-source";
import { Coverage } from "./coverage.ts";
import { DevicePart } from "./device-part.ts";
import type { Draws } from "./draws.ts";
import { EimPart, type EimPartOptions } from "./eim-part.ts";
import { EIM_ID, type Factory, SMDP_ADDRESS, START } from "./factory.ts";
import type { Machine } from "./fault-plan.ts";
import { Faults } from "./faults.ts";
import { MachineClock } from "./life.ts";
import { Link } from "./link.ts";
import { type PlannedDevice, type PlannedOrder, type RunPlan, shown } from "./plan.ts";
import { RunRecord } from "./record.ts";
import { SmdpPart } from "./smdp-part.ts";
import { Timeline } from "./timeline.ts";
import { Witness } from "./witness.ts";

/** Parts in the place of those that are as they should be. */
export interface Breakage {
	readonly store?: EimPartOptions["breakStore"];
	readonly ipa?: (settings: IpaSettings) => IpaSettings;
}

export interface WorldOptions {
	readonly plan: RunPlan;
	readonly draws: Draws;
	readonly factory: Factory;
	readonly logger: (record: RunRecord) => LoggerFactory;
	readonly breakage: Breakage;
}

/** How long an operator waits for the answer to an order before giving it again. */
const ORDER_TIMEOUT = 30_000;

/** Everything that a run consists of, wired, on one timeline. */
export class World {
	readonly timeline = new Timeline(START);
	readonly record = new RunRecord(this.timeline);
	readonly witness = new Witness();
	readonly faults: Faults;
	readonly eim: EimPart;
	readonly smdp: SmdpPart;
	readonly devices: readonly DevicePart[];
	readonly coverage: Coverage;
	readonly plan: RunPlan;
	/** Orders that the operator was told to be taken. */
	readonly accepted = new Set<string>();
	readonly #clocks: Readonly<Record<Machine, readonly MachineClock[]>>;
	readonly #options: WorldOptions;
	readonly #logger: LoggerFactory;

	constructor(options: WorldOptions) {
		const { plan, draws, factory } = options;
		this.#options = options;
		this.plan = plan;
		this.#logger = options.logger(this.record);
		this.faults = new Faults(plan.faults, draws.stream("faults"), this.record);
		const clock = () => new MachineClock(this.timeline);
		const [eimClock, smdpClock, ipaClocks] = [clock(), clock(), plan.devices.map(clock)];
		this.#clocks = { eim: [eimClock], smdp: [smdpClock], smds: [], ipa: ipaClocks };
		this.smdp = this.#makeSmdp(smdpClock);
		this.eim = this.#makeEim(eimClock);
		const network = this.#makeNetwork();
		this.devices = plan.devices.map((device, index) =>
			this.#makeDevice(device, index, ipaClocks[index] ?? clock(), network),
		);
		const plmns = factory.devices.flatMap(({ bootstrap, ordered }) => [bootstrap, ...ordered].map(({ plmn }) => plmn));
		this.coverage = new Coverage({
			network,
			devices: this.devices.map(({ hardware }) => hardware),
			plmns: [...new Set(plmns)],
			dead: plan.deadPlmns,
			timeline: this.timeline,
			record: this.record,
			draws: draws.stream("coverage"),
			meanPause: plan.faults.coverageLosses,
			isOver: () => this.faults.isOver,
		});
	}

	/** Databases and parts; nothing has gone wrong yet. */
	async start(): Promise<void> {
		await this.#settle(this.eim.prepare(this.devices.map(({ model }) => model.eid)));
		this.smdp.start();
		this.eim.start();
		this.coverage.start();
		for (const device of this.devices) device.start();
	}

	/** From now on things go wrong, until `endFaults`. */
	beginFaults(): void {
		this.record.note("world", "faults begin");
		this.faults.begin();
		this.coverage.beginLosses();
		for (const { machine, at, offset } of this.plan.faults.jumps) {
			const wait = Math.max(0, START + at - this.timeline.now());
			this.timeline.schedule(wait, () => this.#setClocks(machine, offset));
		}
	}

	/** Everything is repaired and switched on, and all clocks are right. */
	endFaults(): void {
		this.faults.end();
		this.record.note("world", "faults end");
		for (const clocks of Object.values(this.#clocks)) for (const clock of clocks) clock.offset = 0;
		this.coverage.restore();
		if (this.smdp.running === undefined) this.smdp.start();
		if (this.eim.running === undefined) this.eim.start();
		for (const device of this.devices) device.repair();
	}

	/** What the operator does: the order is given until somebody says that it was taken. */
	order(planned: PlannedOrder): void {
		if (this.accepted.has(planned.id)) return;
		const again = () => this.timeline.schedule(10_000, () => this.order(planned));
		const cancelTimer = this.timeline.schedule(ORDER_TIMEOUT, again);
		const settled = this.eim.order(this.#operationOf(planned));
		if (settled === undefined) return;
		settled.then(
			(isTaken) => {
				cancelTimer();
				if (!isTaken) throw new Error(`order ${planned.id} was not taken`);
				if (!this.accepted.has(planned.id)) this.record.note("operator", `${planned.id} taken: ${shown(planned)}`);
				this.accepted.add(planned.id);
			},
			() => {
				cancelTimer();
				again();
			},
		);
	}

	close(): void {
		this.eim.running?.life.die();
		this.eim.database.close();
	}

	#setClocks(machine: Machine, offset: number): void {
		if (this.faults.isOver) return;
		this.record.fault(machine, `has its clock ${Math.round(offset / 1000)} s off`);
		for (const clock of this.#clocks[machine]) clock.offset = offset;
	}

	#operationOf({ id, device, order, lifetime }: PlannedOrder): Operation {
		const at = this.#clocks.eim[0]?.now() ?? this.timeline.now();
		const eid = this.#options.factory.devices[device]?.eid;
		if (eid === undefined) throw new Error(`there is no device ${device}`);
		const times = { createdAt: at, updatedAt: at, expiresAt: at + lifetime };
		return { ...order, ...times, id, eid, tenantId: "default", origin: "operator", state: "queued" };
	}

	#makeSmdp(clock: MachineClock): SmdpPart {
		const { factory, draws } = this.#options;
		return new SmdpPart({
			pki: factory.pki,
			state: factory.smdp,
			clock,
			random: draws.stream("smdp"),
			logger: this.#logger,
			faults: this.faults,
			onDeath: () => this.#restart("smdp", () => this.smdp),
		});
	}

	#makeEim(clock: MachineClock): EimPart {
		const { factory, draws, breakage } = this.#options;
		const internet = new Link({
			name: "eim-smdp",
			timeline: this.timeline,
			endpoint: (host) => (host === SMDP_ADDRESS ? this.smdp : undefined),
			fate: (name) => this.faults.messageFate(name),
			isUp: () => true,
			timeout: Seconds(30),
			onAnswer: (path, _request, status) =>
				this.record.note("smdp", `${path.slice(path.lastIndexOf("/") + 1)}: status ${status}`),
		});
		return new EimPart({
			pki: factory.pki,
			signer: factory.signer,
			clock,
			random: draws.stream("eim"),
			logger: this.#logger,
			faults: this.faults,
			internet,
			onDeath: () => this.#restart("eim", () => this.eim),
			breakStore: breakage.store,
		});
	}

	#restart(name: string, part: () => EimPart | SmdpPart): void {
		this.record.fault(name, "dies");
		this.timeline.schedule(this.faults.downtime(), () => {
			if (part().running !== undefined) return;
			this.record.note(name, "starts again");
			part().start();
		});
	}

	#makeNetwork(): Network {
		const { factory, draws } = this.#options;
		const profiles = factory.devices.flatMap(({ bootstrap, ordered }) => [bootstrap, ...ordered]);
		const log = this.#logger("network");
		const hss = new Hss({
			sources: [fixedSubscribers(profiles.map(({ subscriber }) => subscriber))],
			sequences: memorySequenceStore(),
			random: draws.stream("hss"),
			log,
		});
		return new Network({ hss, operators: [], coverage: { isCoveredByDefault: true, rules: [] }, log });
	}

	#makeDevice(planned: PlannedDevice, index: number, clock: MachineClock, network: Network): DevicePart {
		const { factory, draws, breakage } = this.#options;
		const model = factory.devices[index];
		if (model === undefined) throw new Error(`there is no device ${index}`);
		const name = `device-${index}`;
		const settings = settingsOf(planned);
		return new DevicePart({
			name,
			model,
			hasCable: planned.hasCable,
			network,
			timeline: this.timeline,
			clock,
			draws: draws.stream(name),
			logger: this.#logger,
			faults: this.faults,
			record: this.record,
			settings: breakage.ipa?.(settings) ?? settings,
			onAttached: (plmn) => this.coverage.onAttached(plmn),
			link: (isUp) =>
				new Link({
					name,
					timeline: this.timeline,
					endpoint: (host) => (host === EIM_ID ? this.eim : undefined),
					fate: (link) => this.faults.messageFate(link),
					isUp,
					timeout: Seconds(30),
					onAnswer: (_path, request, status, answer) =>
						this.record.note("eim", this.witness.note(request, status, answer)),
				}),
		});
	}

	/** Runs what is due now until the promise has settled. */
	async #settle<T>(promise: Promise<T>): Promise<T> {
		let isSettled = false;
		const mark = () => {
			isSettled = true;
		};
		promise.then(mark, mark);
		while (!isSettled) await this.timeline.runUntil(this.timeline.now());
		return promise;
	}
}

/** As configured by default, but for what the seed has chosen. */
function settingsOf({ pollInterval, rollbackAfter }: PlannedDevice): IpaSettings {
	const settings = ipaSettingsOf(readConfig(ipaConfig, {}), "modem");
	const procedures = { ...settings.procedures, rollbackAfter: Milliseconds(rollbackAfter) };
	return { ...settings, procedures, pollInterval: Milliseconds(pollInterval) };
}
