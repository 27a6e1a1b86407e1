import type { AuthenticatedEuicc as Euicc, Session as RspSession } from "../rsp-server/session.ts";

/** What was answered to AuthenticateClient, for a client that asks again; octets in base64. */
export interface Offer {
	readonly iccid: string;
	/** Of the order that was offered: the profile may be ordered anew before the session is over. */
	readonly matchingId: string;
	readonly smdpSigned2: string;
	readonly smdpSignature2: string;
	/** Of the request that was answered, to tell a repetition from another request. */
	readonly euiccSignature1: string;
}

export type Session = RspSession<Offer>;
export type AuthenticatedEuicc = Euicc;
