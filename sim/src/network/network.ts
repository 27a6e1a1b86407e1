import { timingSafeEqual } from "node:crypto";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { type CoverageMap, type CoverageRule, isCovered, nextCoverageChange } from "./coverage.ts";
import type { Hss } from "./hss.ts";
import { type RejectCause, rejectCause } from "./reject-cause.ts";
import type { AuthenticateAnswer, UsimIdentity } from "./usim.ts";

/** An operator whose radio exists. */
export interface Operator {
	/** MCC and MNC, 5 or 6 digits. */
	readonly plmn: string;
	readonly name: string;
	/** Home networks (beginnings of IMSIs, or "*") whose subscribers may roam here. */
	readonly roaming: readonly string[];
}

/** What the authentication went through; `keysOf` is the ICCID of the ordered profile whose keys the HSS used. */
export type AttachStep =
	| { readonly type: "resynchronised" }
	| { readonly type: "authenticated"; readonly keysOf: string; readonly algorithm: string };

/** How an attempt to register ended, with what was done on the way. */
export type AttachOutcome =
	| { readonly isAttached: true; readonly steps: readonly AttachStep[] }
	| {
			readonly isAttached: false;
			readonly steps: readonly AttachStep[];
			readonly cause: RejectCause;
			readonly reason: string;
	  };

/** After so many AUTS in a row the network gives up (TS 24.008 §4.3.2.6). */
const MAX_RESYNCHRONISATIONS = 2;

/** All operators of the world around the devices, with one register behind them. */
export class Network {
	readonly #hss: Hss;
	readonly #operators: readonly Operator[];
	readonly #log: Logger;
	readonly #configured: CoverageMap;
	#coverage: CoverageMap;

	/** Without operators every home network exists and nobody roams. */
	constructor(options: {
		readonly hss: Hss;
		readonly operators: readonly Operator[];
		readonly coverage: CoverageMap;
		readonly log: Logger;
	}) {
		this.#hss = options.hss;
		this.#operators = options.operators;
		this.#log = options.log;
		this.#configured = options.coverage;
		this.#coverage = options.coverage;
	}

	get coverage(): CoverageMap {
		return this.#coverage;
	}

	/** Adds a rule, which wins over those before it. */
	addCoverageRule(rule: CoverageRule): void {
		this.#coverage = { ...this.#coverage, rules: [...this.#coverage.rules, rule] };
	}

	/** Takes back every rule added at run time. */
	resetCoverage(): void {
		this.#coverage = this.#configured;
	}

	/** Operators that a device with this USIM receives at the place. */
	available(identity: UsimIdentity, place: string, time: number): readonly string[] {
		const plmns = this.#operators.length > 0 ? this.#operators.map(({ plmn }) => plmn) : [identity.homePlmn];
		return plmns.filter((plmn) => isCovered(this.#coverage, { plmn, place, time }));
	}

	/** When coverage changes next anywhere. */
	nextCoverageChange(time: number): number | undefined {
		return nextCoverageChange(this.#coverage, time);
	}

	/** Registration of a device: may it be here, is it known, and does its USIM hold the subscriber's keys? */
	async attach(request: {
		readonly plmn: string;
		readonly imsi: string;
		readonly challenge: (rand: Uint8Array, autn: Uint8Array) => Promise<AuthenticateAnswer>;
	}): Promise<AttachOutcome> {
		const { plmn, imsi, challenge } = request;
		const steps: AttachStep[] = [];
		const refuse = (code: Parameters<typeof rejectCause>[0], reason: string): AttachOutcome => {
			const cause = rejectCause(code);
			this.#log.info("attach rejected", { plmn, imsi, cause: cause.code, name: cause.name, reason });
			return { isAttached: false, steps, cause, reason };
		};
		if (!this.#maySubscribe(plmn, imsi)) return refuse(11, "no roaming agreement with the home network");
		for (let round = 0; round <= MAX_RESYNCHRONISATIONS; round++) {
			let prepared: Awaited<ReturnType<Hss["vector"]>>;
			try {
				prepared = await this.#hss.vector(imsi);
			} catch (error) {
				return refuse(17, error instanceof Error ? error.message : String(error));
			}
			if (!prepared) return refuse(2, "no profile with this IMSI was ordered");
			const { vector, subscriber } = prepared;
			const answer = await challenge(vector.rand, vector.autn);
			if (answer.answer === "mac-failure")
				return refuse(20, "the USIM did not accept AUTN: it has other keys than the HSS");
			if (answer.answer === "success") {
				if (!isEqual(answer.res, vector.xres)) return refuse(3, "RES is not XRES");
				steps.push({ type: "authenticated", keysOf: subscriber.iccid, algorithm: subscriber.algorithm });
				return { isAttached: true, steps };
			}
			if (!(await this.#hss.resynchronise(imsi, vector.rand, answer.auts))) {
				return refuse(3, "AUTS was not made with the keys of the subscriber");
			}
			steps.push({ type: "resynchronised" });
		}
		return refuse(21, "the USIM refused every sequence number");
	}

	#maySubscribe(plmn: string, imsi: string): boolean {
		if (imsi.startsWith(plmn)) return true;
		const operator = this.#operators.find((one) => one.plmn === plmn);
		return operator?.roaming.some((home) => home === "*" || imsi.startsWith(home)) ?? false;
	}
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
	return a.length === b.length && timingSafeEqual(a, b);
}
