import type { Operation } from "@iot-esim/eim/domain/operation";
import type { IpaSettings } from "@iot-esim/ipa/agent";
import { ipaConfig, settingsOf as ipaSettingsOf } from "@iot-esim/ipa/config";
import { readConfig } from "@iot-esim/shared/runtime/config";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { Hss } from "@iot-esim/sim/network/hss";
import { Network } from "@iot-esim/sim/network/network";
import { memorySequenceStore } from "@iot-esim/sim/network/sequence-store";
import { fixedSubscribers } from "@iot-esim/sim/network/subscriber-source";
import type { Smdp } from "@iot-esim/sim/smdp/smdp";
import type { Smds } from "@iot-esim/sim/smds/smds";
import { EIM_ID, SMDP_ADDRESS, SMDS_ADDRESS, START } from "./addresses.ts";
import { Coverage } from "./coverage.ts";
import { DevicePart } from "./device-part.ts";
import type { Draws } from "./draws.ts";
import { EimPart, type EimPartOptions } from "./eim-part.ts";
import type { DeviceModel, Factory } from "./factory.ts";
import type { Machine } from "./fault-plan.ts";
import { Faults } from "./faults.ts";
import { type Life, MachineClock } from "./life.ts";
import { type Answered, type Endpoint, Link } from "./link.ts";
import { type PlannedOrder, shown } from "./orders.ts";
import type { PlannedDevice, RunPlan } from "./plan.ts";
import { RunRecord } from "./record.ts";
import { type DiskState, RspServerPart } from "./rsp-server-part.ts";
import { makeSmdp, makeSmds, type ServerDeps } from "./rsp-servers.ts";
import type { SimulatedDisk } from "./state-disk.ts";
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

/** A part that is dead or alive. */
interface Startable extends Endpoint {
	start(): void;
}

/** Everything that a run consists of, wired, on one timeline. */
export class World {
	readonly timeline = new Timeline(START);
	readonly record = new RunRecord(this.timeline);
	readonly witness = new Witness();
	readonly faults: Faults;
	readonly eim: EimPart;
	readonly smdp: RspServerPart<Smdp>;
	readonly smds: RspServerPart<Smds>;
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
		const [eimClock, smdpClock, smdsClock, ipaClocks] = [clock(), clock(), clock(), plan.devices.map(clock)];
		this.#clocks = { eim: [eimClock], smdp: [smdpClock], smds: [smdsClock], ipa: ipaClocks };
		this.smdp = this.#makeServer("smdp", factory.smdp, smdpClock, makeSmdp);
		this.smds = this.#makeServer("smds", new Map(), smdsClock, makeSmds);
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
		this.smds.start();
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
		for (const part of [this.smdp, this.smds, this.eim]) if (part.running === undefined) part.start();
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
		for (const device of this.devices) device.close();
	}

	#setClocks(machine: Machine, offset: number): void {
		if (this.faults.isOver) return;
		this.record.fault(machine, `has its clock ${Math.round(offset / 1000)} s off`);
		for (const clock of this.#clocks[machine]) clock.offset = offset;
	}

	#operationOf({ id, device, order, lifetime }: PlannedOrder): Operation {
		const at = this.#clocks.eim[0]?.now() ?? this.timeline.now();
		const eid = this.devices[device]?.model.eid;
		if (eid === undefined) throw new Error(`there is no device ${device}`);
		const times = { createdAt: at, updatedAt: at, expiresAt: at + lifetime };
		return { ...order, ...times, id, eid, tenantId: "default", origin: "operator", state: "queued" };
	}

	#makeServer<Server extends { readonly handle: HttpHandler }>(
		machine: "smdp" | "smds",
		state: DiskState,
		clock: MachineClock,
		make: (deps: ServerDeps, life: Life, disk: SimulatedDisk) => Server,
	): RspServerPart<Server> {
		const { factory, draws } = this.#options;
		const random = draws.stream(machine);
		const deps = { pki: factory.pki, random, logger: this.#logger, internet: this.#internet(machine) };
		const part: RspServerPart<Server> = new RspServerPart({
			machine,
			state,
			clock,
			faults: this.faults,
			onDeath: () => this.#restart(machine, part),
			make: (life, disk) => make(deps, life, disk),
		});
		return part;
	}

	/** The way of a server to the others. */
	#internet(from: string): Link {
		return new Link({
			name: `${from} out`,
			timeline: this.timeline,
			endpoint: (host) => this.#endpoint(host),
			fate: (name) => this.faults.messageFate(name),
			isUp: () => true,
			timeout: Seconds(30),
			onAnswer: (answered) => this.#noteAnswer(answered),
		});
	}

	#endpoint(host: string): Endpoint | undefined {
		switch (host) {
			case EIM_ID:
				return this.eim;
			case SMDP_ADDRESS:
				return this.smdp;
			case SMDS_ADDRESS:
				return this.smds;
			default:
				return undefined;
		}
	}

	#noteAnswer({ host, path, status }: Answered): void {
		if (host !== EIM_ID || status >= 400)
			this.record.note(host.slice(0, 4), `${path.slice(path.lastIndexOf("/") + 1)}: status ${status}`);
	}

	#makeEim(clock: MachineClock): EimPart {
		const { factory, draws, breakage } = this.#options;
		return new EimPart({
			pki: factory.pki,
			signer: factory.signer,
			clock,
			random: draws.stream("eim"),
			logger: this.#logger,
			faults: this.faults,
			internet: this.#internet("eim"),
			onDeath: () => this.#restart("eim", this.eim),
			onAnswer: (message, answer) => this.record.note("eim", this.witness.note(message, answer)),
			encoding: this.plan.encoding,
			breakStore: breakage.store,
		});
	}

	#restart(name: string, part: Startable): void {
		this.record.fault(name, "dies");
		this.timeline.schedule(this.faults.downtime(), () => {
			if (part.running !== undefined) return;
			this.record.note(name, "starts again");
			part.start();
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
		const model = factory.devices[planned.model];
		if (model === undefined) throw new Error(`there is no model ${planned.model}`);
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
			binding: planned.binding,
			mayLoseJournal: mayLoseJournal(planned, model, this.plan),
			isBare: planned.isBare,
			isCovered: (plmn) => this.coverage.isCovered(plmn),
			settings: breakage.ipa?.(settings) ?? settings,
			onAttached: (plmn) => this.coverage.onAttached(plmn),
			link: (isUp) =>
				new Link({
					name,
					timeline: this.timeline,
					endpoint: (host) => this.#endpoint(host),
					fate: (link) => this.faults.messageFate(link),
					isUp,
					timeout: Seconds(30),
					onAnswer: (answered) => this.#noteAnswer(answered),
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

/** Only where nothing that the device does by itself, and no way back, is known from its journal alone. */
function mayLoseJournal(planned: PlannedDevice, model: DeviceModel, plan: RunPlan): boolean {
	return !planned.hasFallback && !planned.enablesImmediately && !model.isDirect && plan.deadPlmns.length === 0;
}

/** As configured by default, but for what the seed has chosen. */
function settingsOf(planned: PlannedDevice): IpaSettings {
	const { pollInterval, rollbackAfter, hasFallback, isBare, isMinimizing, enablesImmediately } = planned;
	const flags = ["--download-direct", "--fallback-after", "20 min"];
	if (hasFallback) flags.push("--fallback-enabled");
	if (isMinimizing) flags.push("--esipa-minimize-bytes");
	if (enablesImmediately) flags.push("--download-immediate-enable");
	const settings = ipaSettingsOf(readConfig(ipaConfig, { flags }), isBare ? "agent" : "modem");
	const procedures = { ...settings.procedures, rollbackAfter: Milliseconds(rollbackAfter) };
	return { ...settings, procedures, pollInterval: Milliseconds(pollInterval) };
}
