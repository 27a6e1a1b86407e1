import type { Eid } from "@iot-esim/shared/ids/eid";
/**
 * - `verified`: signed by the device's own eUICC under a trusted chain
 * - `accepted-unverified`: counted only because the device is in a lab mode that says so
 * - `kept`: not verifiable yet (no certificate known); no state follows from it
 * - `rejected`: the signature is not the device's
 * - `unsigned`: a message that carries no eUICC signature by design, such as IpaEuiccData
 */
export type ResultVerification = "verified" | "accepted-unverified" | "kept" | "rejected" | "unsigned";

/** What a device sent in answer to a package, as received. The same octets again are the same result. */
export interface ReceivedResult {
	readonly eid: Eid;
	readonly operationId?: string;
	/** The eUICC's number for this result; absent where the standard has none (unsigned errors, IpaEuiccData). */
	readonly seqNumber?: number;
	readonly bytes: Uint8Array;
	readonly verification: ResultVerification;
	readonly receivedAt: number;
}
