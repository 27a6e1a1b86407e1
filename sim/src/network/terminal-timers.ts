import {
	CatDevice,
	CatTag,
	CatTemplate,
	CommandType,
	catTlv,
	LAST_TIMER,
	secondsOf,
	TimerAction,
	template,
	timerValue,
} from "@iot-esim/shared/messages/cat/cat-objects";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import { Seconds } from "@iot-esim/shared/util/duration";
import { GeneralResult, type ProactiveCommand, terminalResponse } from "./proactive-command.ts";

interface RunningTimer {
	readonly startedAt: number;
	readonly endsAt: number;
	readonly cancel: () => void;
}

/** The eight timers that a terminal keeps for one life of its card (ETSI TS 102 223 sections 6.4.21 and 7.4.1). */
export class TerminalTimers {
	readonly #clock: Clock;
	readonly #tell: (envelope: Uint8Array) => void;
	readonly #running = new Map<number, RunningTimer>();

	/** @param tell brings a TIMER EXPIRATION to the card */
	constructor(clock: Clock, tell: (envelope: Uint8Array) => void) {
		this.#clock = clock;
		this.#tell = tell;
	}

	/** Whether a command is for this. */
	static serves({ type }: ProactiveCommand): boolean {
		return type === CommandType.timerManagement;
	}

	/** The body of the TERMINAL RESPONSE. */
	answer(command: ProactiveCommand): Uint8Array {
		const [timer = 0] = command.objects.get(CatTag.timerIdentifier) ?? [];
		if (timer < 1 || timer > LAST_TIMER) return terminalResponse(command, GeneralResult.commandDataNotUnderstood);
		const identifier = catTlv(CatTag.timerIdentifier, Uint8Array.of(timer));
		if (command.qualifier === TimerAction.start) {
			const seconds = secondsOf(command.objects.get(CatTag.timerValue) ?? new Uint8Array(0));
			if (seconds === undefined) return terminalResponse(command, GeneralResult.commandDataNotUnderstood);
			this.#start(timer, seconds);
			return terminalResponse(command, GeneralResult.performed, identifier);
		}
		const running = this.#running.get(timer);
		if (running === undefined) return terminalResponse(command, GeneralResult.timerStateContradiction, identifier);
		if (command.qualifier === TimerAction.deactivate) this.#stop(timer);
		const left = Math.max(0, Math.ceil((running.endsAt - this.#clock.now()) / 1_000));
		return terminalResponse(command, GeneralResult.performed, identifier, catTlv(CatTag.timerValue, timerValue(left)));
	}

	/** The card was reset: its timers are gone. */
	end(): void {
		for (const timer of [...this.#running.keys()]) this.#stop(timer);
	}

	/** A timer that runs begins anew. */
	#start(timer: number, seconds: number): void {
		this.#stop(timer);
		const startedAt = this.#clock.now();
		const cancel = this.#clock.schedule(Seconds(seconds), () => this.#expired(timer, startedAt));
		this.#running.set(timer, { startedAt, endsAt: startedAt + Seconds(seconds), cancel });
	}

	#stop(timer: number): void {
		this.#running.get(timer)?.cancel();
		this.#running.delete(timer);
	}

	/** TIMER EXPIRATION tells how long the timer has run in the end. */
	#expired(timer: number, startedAt: number): void {
		this.#running.delete(timer);
		const elapsed = Math.round((this.#clock.now() - startedAt) / 1_000);
		const identities = catTlv(CatTag.deviceIdentities, Uint8Array.of(CatDevice.terminal, CatDevice.uicc));
		const identifier = catTlv(CatTag.timerIdentifier, Uint8Array.of(timer));
		const value = catTlv(CatTag.timerValue, timerValue(elapsed));
		this.#tell(template(CatTemplate.timerExpiration, identities, identifier, value));
	}
}
