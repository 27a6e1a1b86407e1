import { join } from "node:path";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Duration } from "@iot-esim/shared/util/duration";
import { RspRefusal } from "./status-code.ts";
import { RecordStore } from "./store/record-store.ts";
import { fileDisk, type StateDisk } from "./store/state-disk.ts";

/** One RSP session; octets in base64, times in milliseconds since 1970. */
export interface Session<Offer = unknown> {
	/** Upper-case hex. */
	readonly transactionId: string;
	readonly startedAt: number;
	readonly serverAddress: string;
	readonly serverChallenge: string;
	/** CI of the server's certificates, and CI of the eUICC's. */
	readonly serverCurve: Curve;
	readonly euiccCurve: Curve;
	/** Present once the eUICC is authenticated, also when there was nothing for it. */
	readonly euicc?: AuthenticatedEuicc;
	/** What an SM-DP+ has offered to the eUICC; present once it has. */
	readonly offer?: Offer;
}

export interface AuthenticatedEuicc {
	readonly eid: string;
	readonly certificate: string;
}

/** The sessions under way, in `<folder>/sessions`; they outlive a restart, and end after a time. */
export class Sessions<Offer = unknown> {
	readonly #records: RecordStore<Session<Offer>>;
	readonly #clock: Clock;
	readonly #lifetime: Duration;

	/** @throws RspServerError RSP_SERVER_STATE_DAMAGED */
	constructor(stateFolder: string, clock: Clock, lifetime: Duration, disk: StateDisk = fileDisk) {
		this.#records = new RecordStore(join(stateFolder, "sessions"), disk);
		this.#clock = clock;
		this.#lifetime = lifetime;
	}

	/** @throws RspRefusal transactionUnknown (8.10.1/3.9) */
	require(transactionId: string): Session<Offer> {
		const session = TransactionId.is(transactionId) ? this.#records.get(transactionId) : undefined;
		if (session !== undefined && !this.#isOver(session)) return session;
		throw new RspRefusal("transactionUnknown", `no session ${transactionId} is under way`, transactionId);
	}

	put(session: Session<Offer>): void {
		for (const other of this.#records.values()) if (this.#isOver(other)) this.end(other.transactionId);
		this.#records.put(session.transactionId, session);
	}

	end(transactionId: string): void {
		this.#records.delete(transactionId);
	}

	get count(): number {
		return this.#records.values().filter((session) => !this.#isOver(session)).length;
	}

	#isOver({ startedAt }: Session<Offer>): boolean {
		return this.#clock.now() - startedAt > this.#lifetime;
	}
}
