import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { toHex } from "@iot-esim/shared/util/bytes";
import { pause } from "../../examples/demo/faces.ts";
import { type PartName, Parts } from "../../examples/demo/parts.ts";
import { type DemoPlan, type DemoProfile, makePlan } from "../../examples/demo/plan.ts";
import { Steps, silentReporter } from "../../examples/demo/steps.ts";
import { associate, type Cast, makeCast, setUp } from "../../examples/demo/story.ts";
import { type Direction, TcpRelay } from "../support/tcp-relay.ts";

export const PHASES = [
	"BPP load",
	"between counter and send",
	"between STORE DATA and ProvideEimPackageResult",
	"between ProvideEimPackageResult and acknowledgement",
] as const;
export type Phase = (typeof PHASES)[number];

/** An order to pull the plug of a part as soon as the phase is reached. */
export interface Kill {
	readonly phase: Phase;
	readonly part: PartName;
	/** For the BPP load: how many STORE DATA of the package pass first. */
	readonly afterBlocks: number;
	/** The operation to which the phase belongs. */
	operationId: string;
	hit: boolean;
}

/** The demo's parts with relays between them, where a kill can be timed to the message. */
export class KillScene {
	readonly cast: Cast;
	readonly #relays: TcpRelay[] = [];
	readonly #state = { blocks: 0, isLoading: false, isPackage: false };
	#kill: Kill | undefined;

	private constructor(cast: Cast) {
		this.cast = cast;
	}

	get parts(): Parts {
		return this.cast.parts;
	}

	static async open(): Promise<KillScene> {
		const folder = mkdtempSync(path.join(tmpdir(), "iot-esim-kill-"));
		const plan = await makePlan({ folder, curve: "P-256" });
		const detours: Partial<Record<"smdp" | "esipa" | "ipa", number>> = {};
		const parts = new Parts({ ...plan, rollbackAfter: "60s", detours } satisfies DemoPlan);
		const scene = new KillScene(makeCast(parts, new Steps(silentReporter)));
		const esipa = await TcpRelay.raw(0, plan.ports.esipa, (direction) => scene.#onEsipa(direction));
		const card = await TcpRelay.vpcd(0, plan.ports.ipa, (direction, apdu) => scene.#onApdu(direction, apdu));
		scene.#relays.push(esipa, card);
		detours.esipa = esipa.port;
		detours.ipa = card.port;
		try {
			await setUp(scene.cast);
			await associate(scene.cast);
		} catch (error) {
			await scene.close();
			throw error;
		}
		return scene;
	}

	/** Arms a kill; it strikes once. */
	arm(kill: Kill | undefined): void {
		this.#kill = kill;
	}

	async close(): Promise<void> {
		await this.parts.stopAll();
		for (const relay of this.#relays) await relay.close();
		rmSync(this.parts.plan.folder, { recursive: true, force: true });
	}

	/** A profile of its own for each round, put into the SM-DP+. */
	async newProfile(round: number): Promise<DemoProfile> {
		const digits = String(round).padStart(4, "0");
		const upp = buildProfilePackage({
			iccid: `89001020000001${digits}0`,
			imsi: `00102000001${digits}`,
			serviceProvider: "Testland Two",
			profileName: `Round ${round}`,
			algorithm: "milenage",
			ki: "0396EB317B6D1C36F19C1C84CD6FFD16",
			opc: "53C15671C60A4B731C55B4A441C0BDE2",
			notifications: [{ address: "smdp.example.com", events: ["install", "enable", "disable", "delete"] }],
		});
		const file = this.parts.in("upp", `round-${round}.der`);
		writeFileSync(file, upp);
		await this.cast.bench.importProfile(file);
		return {
			label: `round ${round}`,
			file,
			iccid: `89001020000001${digits}0`,
			imsi: `00102000001${digits}`,
			plmn: "00102",
		};
	}

	async #strike(kill: Kill): Promise<void> {
		this.#kill = undefined;
		kill.hit = true;
		console.log(`kill -9 ${kill.part}: ${kill.phase}`);
		await this.parts.get(kill.part).kill();
		await this.parts.start(kill.part);
	}

	/** TLS hides the messages, but the eIM's own state tells which answer is on its way. */
	async #onEsipa(direction: Direction): Promise<void> {
		const kill = this.#kill;
		if (direction !== "toClient" || !kill || kill.operationId === "") return;
		const awaited = kill.phase === PHASES[1] ? "sent" : kill.phase === PHASES[3] ? "succeeded" : undefined;
		if (awaited === undefined) return;
		const { state } = await this.cast.api.operation(kill.operationId);
		if (state === awaited && this.#kill === kill) await this.#strike(kill);
	}

	async #onApdu(direction: Direction, apdu: Uint8Array): Promise<void> {
		const state = this.#state;
		if (direction === "toServer" && apdu.length > 5 && apdu[1] === 0xe2) {
			const start = toHex(apdu.subarray(5, 8));
			if (apdu[3] === 0 && start.startsWith("BF36")) Object.assign(state, { isLoading: true, blocks: 0 });
			if (apdu[3] === 0) state.isPackage = start.startsWith("BF51");
			if (state.isLoading) state.blocks++;
		}
		const kill = this.#kill;
		if (direction !== "toClient" || !kill) return;
		const isLoad = kill.phase === PHASES[0] && state.isLoading && state.blocks >= kill.afterBlocks;
		const isResult = kill.phase === PHASES[2] && state.isPackage && apdu.length >= 2 && apdu.at(-2) === 0x61;
		if (!isLoad && !isResult) return;
		Object.assign(state, { isLoading: false, isPackage: false });
		await this.#strike(kill);
		await pause(0);
	}
}
