import type { Draws } from "./draws.ts";
import type { FaultPlan, Machine } from "./fault-plan.ts";
import type { RunRecord } from "./record.ts";

/** What becomes of one message. Times in milliseconds. */
export interface MessageFate {
	/** Undefined: it is lost. */
	readonly requestAfter: number | undefined;
	/** When a second copy arrives, counted from the sending. */
	readonly copyAfter: number | undefined;
	readonly answerAfter: number | undefined;
	/** A lost message is noticed at once, as a broken connection is, or never. */
	readonly isLossNoticed: boolean;
}

/** Decides what goes wrong, as long as anything may. */
export class Faults {
	readonly plan: FaultPlan;
	readonly #record: RunRecord;
	readonly #messages: Draws;
	readonly #steps: Draws;
	readonly #writes: Draws;
	readonly #delays: Draws;
	readonly #countdowns = new Map<string, number>();
	#isOver = true;

	constructor(plan: FaultPlan, draws: Draws, record: RunRecord) {
		this.plan = plan;
		this.#record = record;
		this.#messages = draws.stream("messages");
		this.#steps = draws.stream("steps");
		this.#writes = draws.stream("writes");
		this.#delays = draws.stream("delays");
	}

	/** True before `begin` and after `end`. */
	get isOver(): boolean {
		return this.#isOver;
	}

	/** From now on things go wrong. */
	begin(): void {
		this.#isOver = false;
	}

	/** From now on nothing goes wrong any more. */
	end(): void {
		this.#isOver = true;
	}

	/** The way of a message and of its answer. */
	messageFate(link: string): MessageFate {
		const draws = this.#messages;
		const answerAfter = draws.between(5, 60);
		const requestAfter = draws.between(5, 60);
		if (this.#isOver) return { requestAfter, copyAfter: undefined, answerAfter, isLossNoticed: false };
		const { loseRequest, loseAnswer, duplicate, delay } = this.plan.messages;
		const isRequestLost = draws.chance(loseRequest);
		const isAnswerLost = draws.chance(loseAnswer);
		const isCopied = draws.chance(duplicate);
		const late = () => (draws.chance(delay) ? draws.between(1_000, draws.chance(0.3) ? 600_000 : 40_000) : 0);
		const fate = {
			requestAfter: isRequestLost ? undefined : requestAfter + late(),
			copyAfter: isCopied ? requestAfter + late() : undefined,
			answerAfter: isAnswerLost ? undefined : answerAfter + late(),
			isLossNoticed: draws.chance(0.5),
		};
		if (isRequestLost) this.#record.fault(link, "loses the request");
		else if (isAnswerLost) this.#record.fault(link, "will lose the answer");
		if (isCopied) this.#record.fault(link, `delivers a copy after ${fate.copyAfter} ms`);
		if ((fate.requestAfter ?? 0) > 1_000) this.#record.fault(link, `holds the request for ${fate.requestAfter} ms`);
		if ((fate.answerAfter ?? 0) > 1_000) this.#record.fault(link, `will hold the answer for ${fate.answerAfter} ms`);
		return fate;
	}

	/** True when the process dies at this step. */
	isDeath(machine: Machine, name: string): boolean {
		return !this.#isOver && this.#isDown(`death ${name}`, this.plan.deaths[machine], this.#steps);
	}

	/** True when the death of an IPA is one of its whole device. */
	isDeviceDeath(): boolean {
		return this.#steps.chance(this.plan.deviceShare);
	}

	/** How long a part stays away, in milliseconds. */
	downtime(): number {
		return this.#steps.chance(0.8) ? this.#steps.between(200, 20_000) : this.#steps.between(20_000, 900_000);
	}

	/** Part of a write that reaches the medium before it ends in the middle. */
	tornShare(): number {
		return this.#writes.next();
	}

	/** In which write of its memory, counted from now, a card loses its power, and after how many octets of it. */
	nextCut(name: string): { readonly write: number; readonly octets: number } | undefined {
		const { powerCuts } = this.plan;
		if (this.#isOver || powerCuts === 0) return undefined;
		const write = this.#writes.countdown(powerCuts);
		const octets = this.#writes.pick([0, Number.MAX_SAFE_INTEGER, this.#writes.below(400)] as const);
		this.#record.note(name, `will lose its power in write ${write}`);
		return { write, octets };
	}

	/** How long the next step of a slow database or card takes, in milliseconds. */
	delayOf(what: "store" | "card"): number {
		const longest = this.plan.slowest[what];
		return this.#isOver || longest === 0 ? 0 : this.#delays.below(longest);
	}

	/** True when an IPA that starts now finds its journal gone. */
	isJournalLost(): boolean {
		return !this.#isOver && this.#steps.chance(this.plan.lostJournals);
	}

	/** True when only the card loses its power, not the whole device. */
	isCardAlone(): boolean {
		return this.#writes.chance(0.4);
	}

	isDiskFull(machine: Machine, at: number): boolean {
		if (this.#isOver) return false;
		return this.plan.fullDisks.some((full) => full.machine === machine && full.from <= at && at < full.until);
	}

	#isDown(name: string, mean: number, draws: Draws): boolean {
		if (mean === 0) return false;
		const left = (this.#countdowns.get(name) ?? draws.countdown(mean)) - 1;
		this.#countdowns.set(name, left > 0 ? left : draws.countdown(mean));
		return left <= 0;
	}
}
