/** A procedure under way on the rooms bench, with everything in reach that a mishap takes hold of. */

import { createEsipaFace } from "@iot-esim/eim/bindings/esipa-face";
import type { Ipa } from "@iot-esim/ipa/agent";
import type { LocalAction } from "@iot-esim/ipa/procedures/local-actions";
import { readWholeTlv } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { toHex } from "@iot-esim/shared/util/bytes";
import { Minutes } from "@iot-esim/shared/util/duration";
import type { TestPki } from "@iot-esim/sim/pki/test-pki";
import { expect } from "vitest";
import type { Curve } from "../conformance/claim.ts";
import { BOOTSTRAP_ICCID, OTHER_ICCID, RoomsBench, type RoomsOptions } from "../procedures/ipa-rooms-bench.ts";
import { EIM_ID } from "../support/esipa-bench.ts";
import type { Binding } from "../support/esipa-face-client.ts";

/** Which mishaps a procedure can meet, by what goes over the lines in it. */
export type FlowKind =
	| "package"
	| "injection"
	| "data"
	| "indirect download"
	| "direct download"
	| "cancelled download";

/** One procedure of the standard, from its order to what all parties agree on. */
export interface Flow {
	/** As in `test/conformance/procedures.ts`. */
	readonly procedure: string;
	readonly kind: FlowKind;
	readonly options?: RoomsOptions;
	/** What is there before, without mishap. */
	readonly prepare?: (scene: Scene) => Promise<void>;
	/** Orders at the eIM; ids of the operations. */
	readonly order?: (scene: Scene) => Promise<readonly string[]>;
	/** What the device does by itself, one after the other; asked for again by its owner until the card has done it. */
	readonly local?: readonly LocalStep[];
	/** How the ordered operations end; "succeeded" when absent. */
	readonly state?: string;
	/** The enabled profile in the end; the one from the factory when absent. */
	readonly enabled?: string;
	/** All profiles in the end; the one from the factory and the other when absent. */
	readonly iccids?: readonly string[];
	/** What else all agree on. */
	readonly agreed?: (scene: Scene) => Promise<void>;
	/** The state after a mishap that leads to another than `state`, as it should. */
	readonly stateAfter?: Readonly<Record<string, string>>;
	/** Where a mishap leaves another profile enabled than `enabled` says, as it should; "either" where its moment decides. */
	readonly enabledAfter?: Readonly<Record<string, string>>;
	/** Mishaps that its kind meets and this procedure does not, and why. */
	readonly never?: Readonly<Record<string, string>>;
	/** The rest of the procedure, after the mishap is over. */
	readonly finish?: (scene: Scene) => Promise<void>;
	/** The command that decides, and the card's answer to it where that has another tag: two octets in hex. */
	readonly deciding: { readonly command: string; readonly answer?: string };
}

export interface LocalStep {
	readonly action: LocalAction;
	/** Asked of the card where an answer that got lost leaves it open; else the card's word for it counts. */
	readonly isDone?: (scene: Scene) => Promise<boolean>;
}

export interface Where {
	readonly binding: Binding;
	readonly curve: Curve;
}

export type Exchange = (
	message: Uint8Array,
	forward: (message: Uint8Array) => Promise<Uint8Array | null>,
) => Promise<Uint8Array | null>;

const MOST_ROUNDS = 10;

/** Whether a message or command begins with this tag, in hex. */
export const isTag = (octets: Uint8Array, tag: string): boolean =>
	Buffer.from(octets.subarray(0, 2)).toString("hex").toUpperCase() === tag;

export class Scene {
	readonly bench: RoomsBench;
	readonly flow: Flow;
	readonly where: Where;
	/** Name of what is going to happen. */
	readonly mishap: string;
	ipa: Ipa;
	operations: readonly string[] = [];
	/** What else was opened for this scene. */
	readonly closing: (() => Promise<void>)[] = [];
	/** Told of each command before the card gets it; what it throws is all that the agent sees. */
	beforeCommand: (command: Uint8Array) => void = () => undefined;
	/** Told of each answer of the card; a promise that never resolves is the end of the agent. */
	afterCommand: (response: Uint8Array) => Promise<void> | undefined = () => undefined;
	/** Changes eUICC packages (a whole BF51) on their way from the eIM, in a poll's answer or brought. */
	onPackage: ((octets: Uint8Array) => Uint8Array) | undefined;
	/** What went to the card and came from it, in hex. */
	readonly #trace: string[] = [];
	/** How many steps of the device's own are done. */
	#stepsDone = 0;
	#hasBegun = false;

	private constructor({ flow, where, mishap }: Pick<Scene, "flow" | "where" | "mishap">, bench: RoomsBench, ipa: Ipa) {
		this.flow = flow;
		this.where = where;
		this.mishap = mishap;
		this.bench = bench;
		this.ipa = ipa;
	}

	/** A device and its servers, prepared for the procedure. */
	static async open(of: Pick<Scene, "flow" | "where" | "mishap">, pki?: TestPki): Promise<Scene> {
		const { flow, where } = of;
		const { binding } = where;
		const bench = await RoomsBench.start({
			moreProfiles: [OTHER_ICCID],
			...flow.options,
			...where,
			...(flow.kind === "direct download" ? { direct: binding === "json" ? "asn1" : "json" } : {}),
			...(flow.kind === "injection" ? { inject: binding } : {}),
			...(pki === undefined ? {} : { pki }),
		});
		const hooks: { scene?: Scene } = {};
		bench.reader = async () => ({
			powerOn: () => bench.card.powerOn(),
			powerOff: async () => bench.card.powerOff(),
			reset: () => bench.card.reset(),
			transmit: async (command) => {
				hooks.scene?.beforeCommand(command);
				const response = await bench.card.transmit(command);
				hooks.scene?.note(`> ${toHex(command)}`, `< ${toHex(response)}`);
				await hooks.scene?.afterCommand(response);
				return response;
			},
		});
		const scene = new Scene(of, bench, await bench.restart());
		hooks.scene = scene;
		scene.between((message, forward) => forward(message));
		bench.injection.change = (message) => scene.#withPackage(message);
		await bench.eim.store.changeDevice(bench.eid, { associationToken: 1 });
		await flow.prepare?.(scene);
		bench.events.length = 0;
		return scene;
	}

	/** Puts somebody between the eIM's bindings and its functions: both forms of ESipa stay on the line. */
	between(change: Exchange): void {
		const { eim } = this.bench;
		const handle = async (body: Uint8Array) => {
			const answer = await change(body, (message) => eim.send(message));
			return answer === null ? null : this.#withPackage(answer);
		};
		this.bench.faces.set(EIM_ID, createEsipaFace({ handler: { handle }, log: eim.deps.logger("test.face") }));
	}

	#withPackage(message: Uint8Array): Uint8Array {
		if (!isTag(message, "BF4F") && !isTag(message, "BF4E")) return message;
		const inside = message.subarray(readWholeTlv(message).valueStart);
		if (!isTag(inside, "BF51") || this.onPackage === undefined) return message;
		return tlv(isTag(message, "BF4F") ? 0xbf4f : 0xbf4e, this.onPackage(inside));
	}

	/** Places the orders. */
	async begin(): Promise<void> {
		this.operations = (await this.flow.order?.(this)) ?? [];
		this.#hasBegun = true;
	}

	/** What the device does of itself, and one round of it; what fails is tried again in the next. */
	async round(): Promise<void> {
		const { bench, flow, ipa } = this;
		if (this.#hasBegun) await this.#doSteps();
		if (flow.kind === "injection") await bench.inTime(bench.eim.jobs.runDue());
		else await bench.round(ipa).catch(() => undefined);
		await bench.eim.clock.advance(Minutes(2));
	}

	async #doSteps(): Promise<void> {
		const { local = [] } = this.flow;
		for (const { action, isDone } of local.slice(this.#stepsDone)) {
			if (!(await isDone?.(this))) {
				const outcome = await this.bench.inTime(this.ipa.perform(action)).catch(() => undefined);
				if (outcome?.isDone !== true) return;
			}
			this.#stepsDone++;
		}
	}

	/** Rounds until all parties agree, and the rest of the procedure. */
	async settle(): Promise<void> {
		await this.settleBeforeFinish();
		await this.flow.finish?.(this);
	}

	/** Rounds until all parties agree. */
	async settleBeforeFinish(): Promise<void> {
		for (let round = 0; round < MOST_ROUNDS; round++) {
			await this.round();
			const agreed = this.expectAgreed();
			if (
				await agreed.then(
					() => true,
					() => false,
				)
			)
				return;
		}
		await this.expectAgreed();
	}

	/** A new agent on what survives, and a card that has lost its power. */
	async powerUp(): Promise<void> {
		this.afterCommand = () => undefined;
		this.beforeCommand = () => undefined;
		this.bench.injection.breakOff();
		this.ipa = await this.bench.restart();
	}

	/** What the agent has said of executed packages. */
	outcomes(): string[] {
		return this.bench.events.flatMap((event) =>
			event.type === "package-executed" ? [[event.outcome, ...event.results].join(" ")] : [],
		);
	}

	async states(): Promise<(string | undefined)[]> {
		return Promise.all(this.operations.map((id) => this.bench.eim.state(id)));
	}

	/** What the eIM believes by signed results alone. */
	async belief() {
		const { eim, eid } = this.bench;
		const profiles = await eim.store.listProfiles(eid);
		const { cardEims, immediateEnable, rulesAuthorisationTable } = (await eim.store.loadDevice(eid)) ?? {};
		return {
			profiles: profiles.map(({ iccid, state, isFallback }) => ({ iccid, state, isFallback })),
			device: { cardEims, immediateEnable, rulesAuthorisationTable },
		};
	}

	async expectAgreed(): Promise<void> {
		const { bench, flow } = this;
		const { iccids = [BOOTSTRAP_ICCID, OTHER_ICCID] } = flow;
		const state = flow.stateAfter?.[this.mishap] ?? flow.state ?? "succeeded";
		const expected = flow.enabledAfter?.[this.mishap] ?? flow.enabled ?? BOOTSTRAP_ICCID;
		const enabled = expected === "either" ? ((await bench.enabledIccid()) ?? "none") : expected;
		expect(await this.states()).toEqual(this.operations.map(() => state));
		expect(await bench.iccids()).toEqual(iccids);
		expect(await bench.enabledIccid()).toBe(enabled === "none" ? undefined : enabled);
		expect(await bench.leftOnCard()).toBe(0);
		for (const profile of await bench.eim.store.listProfiles(bench.eid)) {
			expect(profile).toMatchObject({ state: profile.iccid === enabled ? "enabled" : "disabled" });
			expect(iccids).toContain(profile.iccid);
		}
		await flow.agreed?.(this);
	}

	/** The log, for a test that failed. */
	log(): string {
		const events = this.bench.events.map((event) => JSON.stringify(event));
		return [...events, this.bench.log(), ...this.#trace].join("\n");
	}

	/** Keeps what the log is to show. */
	note(...lines: readonly string[]): void {
		this.#trace.push(...lines);
	}

	/** Lets go of everything. */
	async close(): Promise<void> {
		for (const close of this.closing) await close();
		await this.bench.close();
	}
}
