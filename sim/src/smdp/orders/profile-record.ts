import type { Curve } from "@iot-esim/shared/crypto/curve";
import type { OrderState } from "./order-state.ts";

/** One profile of the inventory with its order; times in milliseconds since 1970, octets in base64. */
export interface ProfileRecord {
	/** 19 or 20 digits. */
	readonly iccid: string;
	readonly state: OrderState;
	/** Name by which ES2+ orders any profile of a kind. */
	readonly profileType: string;
	/** Absent when the package names no subscriber. */
	readonly imsi?: string;
	/** BF25. */
	readonly metadata: string;
	/** Octets of the unprotected package. */
	readonly size: number;
	readonly order?: Order;
	readonly binding?: Binding;
	/** Sessions in which the profile was bound, newest last: the result of any of them may still come. */
	readonly attempts?: readonly Attempt[];
	/** Newest last. */
	readonly history: readonly HistoryEntry[];
}

/** What ES2+ asked for. */
export interface Order {
	/** EID that the operator gave; one that downloads without being named is bound by the binding alone. */
	readonly eid?: string;
	/** Absent until confirmed; empty when the profile waits for its EID. */
	readonly matchingId?: string;
	/** SM-DS at which the order is announced to the eUICC. */
	readonly smdsAddress?: string;
	/** SHA-256 of the confirmation code, in hex; all that hashCc needs. */
	readonly confirmationCodeHash?: string;
	/** Requester and call of the DownloadOrder, by which a repetition is told. */
	readonly orderedBy?: string;
	readonly orderedAt: number;
	readonly expiresAt?: number;
	/** Wrong confirmation codes so far. */
	readonly confirmationAttempts: number;
	/** Attempts to download so far (eligible authentications). */
	readonly downloadAttempts: number;
}

/** The eUICC that the profile was bound to, and the keys for a retry (SGP.22 section 3.1.5). */
export interface Binding {
	readonly eid: string;
	readonly curve: Curve;
	/** Point of 65 octets. */
	readonly euiccOtpk: string;
	/** PKCS#8 of the one-time private key of the SM-DP+. */
	readonly smdpOtsk: string;
	/** Keys of the protected profile. */
	readonly ppk: { readonly senc: string; readonly smac: string; readonly initialMcv: string };
}

export interface Attempt {
	readonly transactionId: string;
	readonly eid: string;
	/** So that the installation result can be verified when the session is over. */
	readonly euiccCertificate: string;
}

export interface HistoryEntry {
	readonly at: number;
	readonly state: OrderState;
	/** What led to the state, in words. */
	readonly reason: string;
}
