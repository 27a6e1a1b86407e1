import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { ServerCredentials } from "./credentials.ts";
import type { Sessions } from "./session.ts";

/** What SM-DP+ and SM-DS have in common (SGP.22 calls either an RSP server, or SM-XX). */
export interface RspServerContext<Credentials extends ServerCredentials = ServerCredentials, Offer = unknown> {
	readonly role: RspServerRole;
	readonly credentials: readonly Credentials[];
	/** Addresses under which the server is asked for; the first is its own. */
	readonly addresses: readonly [string, ...string[]];
	readonly sessions: Sessions<Offer>;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly log: Logger;
}

export type RspServerRole = "SM-DP+" | "SM-DS";
