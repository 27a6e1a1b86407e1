import { join } from "node:path";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Duration } from "@iot-esim/shared/util/duration";
import { RspRefusal } from "./status-code.ts";
import { RecordStore } from "./store/record-store.ts";

/** One RSP session; octets in base64, times in milliseconds since 1970. */
export interface Session {
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
	/** Present once a profile was offered to the eUICC. */
	readonly offer?: Offer;
}

export interface AuthenticatedEuicc {
	readonly eid: string;
	readonly certificate: string;
}

/** What was answered to AuthenticateClient, for a client that asks again. */
export interface Offer {
	readonly iccid: string;
	/** Of the order that was offered: the profile may be ordered anew before the session is over. */
	readonly matchingId: string;
	readonly smdpSigned2: string;
	readonly smdpSignature2: string;
	/** Of the request that was answered, to tell a repetition from another request. */
	readonly euiccSignature1: string;
}

/** The sessions under way, in `<folder>/sessions`; they outlive a restart, and end after a time. */
export class Sessions {
	readonly #records: RecordStore<Session>;
	readonly #clock: Clock;
	readonly #lifetime: Duration;

	/** @throws SmdpError SMDP_STATE_DAMAGED */
	constructor(stateFolder: string, clock: Clock, lifetime: Duration) {
		this.#records = new RecordStore(join(stateFolder, "sessions"));
		this.#clock = clock;
		this.#lifetime = lifetime;
	}

	/** @throws RspRefusal transactionUnknown (8.10.1/3.9) */
	require(transactionId: string): Session {
		const session = TransactionId.is(transactionId) ? this.#records.get(transactionId) : undefined;
		if (session !== undefined && !this.#isOver(session)) return session;
		throw new RspRefusal("transactionUnknown", `no session ${transactionId} is under way`, transactionId);
	}

	put(session: Session): void {
		for (const other of this.#records.values()) if (this.#isOver(other)) this.end(other.transactionId);
		this.#records.put(session.transactionId, session);
	}

	end(transactionId: string): void {
		this.#records.delete(transactionId);
	}

	get count(): number {
		return this.#records.values().filter((session) => !this.#isOver(session)).length;
	}

	#isOver({ startedAt }: Session): boolean {
		return this.#clock.now() - startedAt > this.#lifetime;
	}
}
