import { hex } from "@iot-esim/shared/util/bytes";
import { type Answer, answered, plain, Status } from "./status.ts";

/** REFRESH with "UICC reset" (ETSI TS 102 223 section 8.6, qualifier 04), from the UICC to the terminal. */
const REFRESH = hex`D009 8103010104 82028182`;

type State = "idle" | "waiting" | "fetched";

/** The one proactive command of this card: REFRESH after another profile was enabled or disabled. */
export class ProactiveSession {
	#state: State = "idle";

	/** True from the request until the terminal's answer: profiles cannot be switched meanwhile (catBusy). */
	get isBusy(): boolean {
		return this.#state !== "idle";
	}

	/** The card was reset: nothing waits any more. */
	reset(): void {
		this.#state = "idle";
	}

	requestRefresh(): void {
		this.#state = "waiting";
	}

	/** 9000 becomes 91xx while a command waits to be fetched (ETSI TS 102 221 section 7.4.2). */
	statusOf(status: number): number {
		return status === Status.ok && this.#state === "waiting" ? 0x9100 | REFRESH.length : status;
	}

	fetch(le: number | undefined): Answer {
		if (this.#state !== "waiting") return plain(Status.conditionsNotSatisfied);
		if (le === undefined) return plain(Status.wrongLength);
		if (le < 256 && le !== REFRESH.length) return plain(0x6c00 | REFRESH.length);
		this.#state = "fetched";
		return answered(REFRESH);
	}

	/** @returns true when the terminal has answered the REFRESH that was fetched, whatever its result says */
	complete(): boolean {
		const wasFetched = this.#state === "fetched";
		if (wasFetched) this.#state = "idle";
		return wasFetched;
	}
}
