import type { Duration } from "@iot-esim/shared/util/duration";
import type { RspServerContext } from "../rsp-server/context.ts";
import type { EventOutbox } from "../rsp-server/event-outbox.ts";
import type { SmdpCredentials } from "./credentials.ts";
import type { ProgressReports } from "./es2plus/progress-reports.ts";
import type { NotificationLog } from "./notification-log.ts";
import type { Offer } from "./offer.ts";
import type { Inventory } from "./orders/inventory.ts";

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
export interface SmdpContext extends RspServerContext<SmdpCredentials, Offer> {
	readonly policy: SmdpPolicy;
	readonly inventory: Inventory;
	readonly notifications: NotificationLog;
	readonly progress: ProgressReports;
	/** Events at SM-DS (ES12); absent when this SM-DP+ has no way to them. */
	readonly events?: EventOutbox;
}
