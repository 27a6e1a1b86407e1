import type { Eid } from "@iot-esim/shared/ids/eid";
import type { TransactionId } from "@iot-esim/shared/ids/transaction-id";
/** What an eIM hands out on a poll (SGP.32 GetEimPackageResponse). */
export type EimPackageKind = "euiccPackage" | "ipaEuiccDataRequest" | "profileDownloadTrigger";

/** The package of an operation. It is handed out byte for byte the same until a verified result or the expiry. */
export interface EimPackage {
	readonly operationId: string;
	readonly eid: Eid;
	readonly kind: EimPackageKind;
	/** The whole TLV exactly as it leaves. */
	readonly bytes: Uint8Array;
	/** Only for `euiccPackage`; burnt in the transaction that stored these bytes. */
	readonly counter?: number;
	/** Only for `euiccPackage`: what it was signed with, 0 for no token. A card that has executed it has this one. */
	readonly associationToken?: number;
	/** Hex. */
	readonly eimTransactionId: TransactionId;
	readonly firstSentAt: number;
}
