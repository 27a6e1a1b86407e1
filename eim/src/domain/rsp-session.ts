import type { Eid } from "@iot-esim/shared/ids/eid";
import type { TransactionId } from "@iot-esim/shared/ids/transaction-id";
/**
 * One relayed download between a device and an SM-DP+: whoever presents a transaction id must be the device for which
 * it was opened. Any replica can serve any step, since all that a step needs is here.
 */
export interface RspSession {
	/** Of the SM-DP+, upper-case hex. */
	readonly transactionId: TransactionId;
	readonly eid: Eid;
	/** Hex; ties the session to the download operation. */
	readonly eimTransactionId?: TransactionId;
	readonly operationId?: string;
	readonly smdpAddress: string;
	readonly state: RspSessionState;
	/** Small facts for later steps (encoding of ES9+, CI key id ...); octets as hex. Never keys. */
	readonly details: Readonly<Record<string, string>>;
	readonly createdAt: number;
	readonly updatedAt: number;
	/** After this moment the session is dead and may be removed. */
	readonly expiresAt: number;
}

export type RspSessionState =
	| "initiated"
	| "authenticated"
	| "profileDelivered"
	| "installed"
	| "installationFailed"
	| "cancelled"
	| "failed";

const AFTER: Readonly<Record<RspSessionState, readonly RspSessionState[]>> = {
	initiated: ["authenticated", "cancelled", "failed"],
	authenticated: ["profileDelivered", "cancelled", "failed"],
	profileDelivered: ["installed", "installationFailed", "cancelled", "failed"],
	installed: [],
	installationFailed: [],
	cancelled: [],
	failed: [],
};

/** Whether a session may take this step; staying where it is (a message repeated) is always allowed. */
export function mayFollow(from: RspSessionState, to: RspSessionState): boolean {
	return from === to || AFTER[from].includes(to);
}
