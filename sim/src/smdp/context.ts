import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { Duration } from "@iot-esim/shared/util/duration";
import type { SmdpCredentials } from "./credentials.ts";
import type { ProgressReports } from "./es2plus/progress-reports.ts";
import type { NotificationLog } from "./notification-log.ts";
import type { Inventory } from "./orders/inventory.ts";
import type { Sessions } from "./session.ts";

/** What the operator of the SM-DP+ decides. */
export interface SmdpPolicy {
	/** Wrong confirmation codes until the order fails. */
	readonly confirmationAttempts: number;
	/** Attempts to download until the order fails. */
	readonly downloadAttempts: number;
	/** How long an order may wait for its download; for ever when absent. */
	readonly orderLifetime?: Duration;
	/** Whether a profile may be bound anew when the eUICC lost the one-time key of the first attempt. */
	readonly isRebindingAllowed: boolean;
}

/** What the functions of the SM-DP+ share. */
export interface SmdpContext {
	readonly credentials: readonly SmdpCredentials[];
	/** Addresses under which the SM-DP+ is asked for; the first is its own. */
	readonly addresses: readonly [string, ...string[]];
	readonly policy: SmdpPolicy;
	readonly inventory: Inventory;
	readonly sessions: Sessions;
	readonly notifications: NotificationLog;
	readonly progress: ProgressReports;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly log: Logger;
}
