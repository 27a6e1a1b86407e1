import { createEsipaFace } from "@iot-esim/eim/bindings/esipa-face";
import { newDevice } from "@iot-esim/eim/domain/device";
import type { Operation } from "@iot-esim/eim/domain/operation";
import { createEs9PlusClient, type Es9PlusEncoding } from "@iot-esim/eim/es9plus/client";
import { createEs11Client } from "@iot-esim/eim/es9plus/smds";
import type { EsipaDeps } from "@iot-esim/eim/esipa/esipa-deps";
import { createEsipaHandler, type EsipaHandler, esipaContext } from "@iot-esim/eim/esipa/handler";
import { createHousekeeping } from "@iot-esim/eim/jobs/housekeeping";
import { JobRunner } from "@iot-esim/eim/jobs/job-runner";
import { jobWork } from "@iot-esim/eim/jobs/job-work";
import type { EimSigner } from "@iot-esim/eim/keys/eim-signer";
import { sqlStore } from "@iot-esim/eim/storage/sql/sql-store";
import { openDatabase, SqliteEngine } from "@iot-esim/eim/storage/sql/sqlite-engine";
import type { Store } from "@iot-esim/eim/storage/store";
import type { Eid } from "@iot-esim/shared/ids/eid";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import { toHex } from "@iot-esim/shared/util/bytes";
import { Days, Hours, Milliseconds, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import type Database from "libsql";
import { EIM_ID } from "./addresses.ts";
import type { Draws } from "./draws.ts";
import type { Faults } from "./faults.ts";
import { Life, type MachineClock } from "./life.ts";
import type { Endpoint, Link } from "./link.ts";
import type { SimulationPki } from "./pki.ts";

export interface EimPartOptions {
	readonly pki: SimulationPki;
	readonly signer: EimSigner;
	readonly clock: MachineClock;
	readonly random: Draws;
	readonly logger: LoggerFactory;
	readonly faults: Faults;
	/** The way to the SM-DP+. */
	readonly internet: Link;
	readonly onDeath: () => void;
	/** Sees every ESipa message with the answer to it, null when it has none, before the answer leaves. */
	readonly onAnswer: (message: Uint8Array, answer: Uint8Array | null) => void;
	/** How it writes to SM-DP+ and SM-DS. */
	readonly encoding: Es9PlusEncoding;
	/** What a deliberately broken eIM has instead of its store. */
	readonly breakStore?: ((store: Store, life: Life) => Store) | undefined;
}

/** Pages of a database whose disk is not full. */
const NO_LIMIT = 1_000_000;

/** The eIM of the world. Its database outlives it: what was committed stays, what was under way is lost. */
export class EimPart implements Endpoint {
	readonly database: Database.Database = openDatabase(":memory:");
	readonly #options: EimPartOptions;
	#store: Store | undefined;
	#isDiskFull = false;
	running: Endpoint["running"];

	constructor(options: EimPartOptions) {
		this.#options = options;
	}

	/** An empty database with the devices in it, before anything goes wrong. */
	async prepare(eids: readonly Eid[]): Promise<void> {
		const { clock } = this.#options;
		const store = sqlStore(new SqliteEngine(this.database, (task) => clock.schedule(Milliseconds(0), task)));
		await store.migrate();
		const at = clock.now();
		for (const eid of eids) await store.registerDevice(newDevice({ eid, at }), audit(at, eid));
		await store.close();
	}

	start(): void {
		const { clock, faults, onDeath, logger, breakStore } = this.#options;
		const life = new Life("eim", clock, (dying) => {
			if (faults.isDeath("eim", "eim")) dying.die();
		});
		life.onDeath(() => {
			this.running = undefined;
			this.#store = undefined;
			onDeath();
		});
		const engine = new SqliteEngine(this.database, (task) => {
			life.clock.schedule(Milliseconds(faults.delayOf("store")), () => {
				this.#limitDisk(faults.isDiskFull("eim", clock.now()));
				task();
			});
		});
		const whole = life.owning("store", sqlStore(engine));
		const store = breakStore?.(whole, life) ?? whole;
		const deps = this.#deps(life, store);
		const handler = this.#watched(createEsipaHandler(deps));
		const jobs = new JobRunner({
			store,
			clock: life.clock,
			logger,
			work: jobWork(esipaContext(deps)),
			interval: Minutes(5),
			lease: Seconds(40),
		});
		store.onJobs(() => jobs.wake());
		// It may have died over its very first step.
		if (!life.isAlive) return;
		this.#store = store;
		this.running = { life, handle: createEsipaFace({ handler, log: logger("eim.esipa") }) };
		jobs.start();
		createHousekeeping({ store, clock: life.clock, logger, interval: Minutes(5) }).start();
	}

	/**
	 * What an operator's order does; the promise never settles when the eIM dies over it.
	 * @returns undefined when the eIM is down
	 */
	order(operation: Operation): Promise<boolean> | undefined {
		const { clock } = this.#options;
		const { id, eid } = operation;
		const claim = { key: id, scope: "operator", digest: id, answer: id, at: clock.now() };
		const enqueued = this.#store?.enqueueOperation(operation, audit(clock.now(), eid), claim);
		return enqueued?.then(({ kind }) => kind === "enqueued" || kind === "repeated");
	}

	/** Takes back an order that has not left yet. */
	cancel(id: string): void {
		const at = this.#options.clock.now();
		this.#store?.moveOperation(id, { kind: "cancelled", at }).catch(() => undefined);
	}

	#watched(handler: EsipaHandler): EsipaHandler {
		return {
			handle: async (message, peer) => {
				const answer = await handler.handle(message, peer);
				this.#options.onAnswer(message, answer);
				return answer;
			},
		};
	}

	#deps(life: Life, store: Store): EsipaDeps {
		const { pki, signer, random, logger, internet, encoding } = this.#options;
		const request = (message: Parameters<typeof internet.request>[1]) => internet.request(life.clock, message);
		const es9PlusOptions = {
			http: life.owning("es9plus", { request }),
			requester: EIM_ID,
			newCallId: () => toHex(random.bytes(8)),
			defaultEncoding: encoding,
		};
		return {
			store,
			signer,
			ownEim: () => ({ eimId: EIM_ID }),
			es9plus: createEs9PlusClient(es9PlusOptions),
			es11: createEs11Client(es9PlusOptions),
			trust: pki.trust,
			crls: () => [],
			clock: life.clock,
			random,
			logger,
			settings: {
				eimId: EIM_ID,
				enrolment: [],
				seenUnknownBound: 10,
				ownOperationLifetime: Days(2),
				sessionLifetime: Hours(24),
				download: { profileClasses: ["operational"], largestMetadata: 8192, isConsentGranted: true },
			},
		};
	}

	/** A full disk takes no page more than the database has. */
	#limitDisk(isFull: boolean): void {
		if (isFull === this.#isDiskFull) return;
		this.#isDiskFull = isFull;
		const [pages = NO_LIMIT] = this.database.prepare("pragma page_count").raw().get([]) as number[];
		this.database.exec(`pragma max_page_count = ${isFull ? pages : NO_LIMIT}`);
	}
}

function audit(at: number, subject: string) {
	return { at, actor: "operator", action: "simulated", subject, facts: {} };
}
