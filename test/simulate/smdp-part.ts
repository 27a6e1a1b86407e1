import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { Hours } from "@iot-esim/shared/util/duration";
import type { SmdpCredentials } from "@iot-esim/sim/smdp/credentials";
import type { ReceivedNotification } from "@iot-esim/sim/smdp/notification-log";
import { createSmdp, type Smdp } from "@iot-esim/sim/smdp/smdp";
import { Draws } from "./draws.ts";
import type { ProfileOfDevice } from "./factory.ts";
import type { Faults } from "./faults.ts";
import { Life, type MachineClock } from "./life.ts";
import type { Endpoint } from "./link.ts";
import type { SimulationPki } from "./pki.ts";
import { SimulatedDisk } from "./state-disk.ts";

const FOLDER = "smdp";
const ADDRESS = "smdp.example.com";

/** The files of an SM-DP+ to which all orders have been given. */
export type SmdpState = ReadonlyMap<string, Uint8Array>;

function credentialsOf(pki: SimulationPki): SmdpCredentials {
	const { ci, trust, dpAuth: auth, dpPb: pb, dpTls: tls } = pki;
	const [oid = ""] = parseCertificate(auth.certificate).registeredIds;
	return { curve: "P-256", ci: parseCertificate(ci.certificate), trust, auth, pb, tls, oid };
}

/** Takes the profiles in and releases an order for each under its matching id. */
export async function makeSmdpState(pki: SimulationPki, profiles: readonly ProfileOfDevice[]): Promise<SmdpState> {
	const disk = new SimulatedDisk();
	const clock = { now: () => Date.UTC(2026, 0, 1), schedule: () => () => undefined };
	const random = new Draws(0xd9);
	const credentials = [credentialsOf(pki)];
	const deps = { stateFolder: FOLDER, disk, credentials, addresses: [ADDRESS], clock, random, logger: silentLogger };
	const smdp = createSmdp(deps);
	for (const { made, iccid, matchingId } of profiles) {
		smdp.importProfile(made);
		await order(smdp, "downloadOrder", { iccid });
		await order(smdp, "confirmOrder", { iccid, matchingId, releaseFlag: true });
	}
	smdp.stop();
	return disk.files;
}

/** A call of ES2+. */
async function order(smdp: Smdp, name: string, members: Readonly<Record<string, unknown>>): Promise<void> {
	const header = { functionRequesterIdentifier: "1.2.3", functionCallIdentifier: `${name} ${String(members.iccid)}` };
	const answer = await smdp.handle({
		method: "POST",
		path: `/gsma/rsp2/es2plus/${name}`,
		headers: { "content-type": "application/json", "x-admin-protocol": "gsma/rsp/v2.5.0" },
		body: new TextEncoder().encode(JSON.stringify({ header, ...members })),
		remoteAddress: "192.0.2.3",
		signal: new AbortController().signal,
	});
	const text = answer.body instanceof Uint8Array ? new TextDecoder().decode(answer.body) : String(answer.body);
	if (!text.includes("Executed-Success")) throw new Error(`ES2+.${name} was answered ${text}`);
}

export interface SmdpPartOptions {
	readonly pki: SimulationPki;
	readonly state: SmdpState;
	readonly clock: MachineClock;
	readonly random: Draws;
	readonly logger: LoggerFactory;
	readonly faults: Faults;
	readonly onDeath: () => void;
}

/** The SM-DP+ of the world: its disk outlives it. */
export class SmdpPart implements Endpoint {
	readonly #options: SmdpPartOptions;
	readonly #disk: SimulatedDisk;
	#smdp: Smdp | undefined;
	running: Endpoint["running"];

	constructor(options: SmdpPartOptions) {
		this.#options = options;
		this.#disk = new SimulatedDisk(options.state);
	}

	/** It dies at once when its disk does not let it start. */
	start(): void {
		const { pki, clock, random, logger, faults, onDeath } = this.#options;
		const life = new Life("smdp", clock, () => undefined);
		life.onDeath(() => {
			this.running = undefined;
			onDeath();
		});
		this.#disk.onWrite = (_what, octets) => {
			if (!life.isAlive) return 0;
			if (faults.isDeath("smdp", "smdp")) {
				life.die();
				return Math.floor(faults.tornShare() * (octets + 1));
			}
			return faults.isDiskFull("smdp", clock.now()) ? Math.floor(faults.tornShare() * octets) : undefined;
		};
		try {
			const smdp = createSmdp({
				stateFolder: FOLDER,
				disk: this.#disk,
				credentials: [credentialsOf(pki)],
				addresses: [ADDRESS],
				clock: life.clock,
				random,
				logger,
				sessionLifetime: Hours(1),
			});
			this.#smdp = smdp;
			this.running = { life, handle: smdp.handle };
		} catch (error) {
			if (faults.isOver) throw error;
			life.die();
		}
	}

	/** As written down; of the last run when it is down. */
	notifications(): readonly ReceivedNotification[] {
		return this.#smdp?.notifications() ?? [];
	}
}
