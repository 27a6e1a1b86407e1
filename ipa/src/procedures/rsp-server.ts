import type { Kept } from "@iot-esim/shared/asn1/schema";
import type { CtxParams1, ServerSigned1 } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import type { SmdpSigned2 } from "@iot-esim/shared/messages/sgp22/prepare-download";
import type { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp32/profile-info";

/** What a server refuses by the book. */
export interface RspRefusal {
	/** For people, with the code of the standard. */
	readonly reason: string;
	readonly gsmaCode?: number;
	/** CancelSessionReason of SGP.22, when an eIM that checks for the device found the profile not to be allowed. */
	readonly cancelReason?: number;
}

export type RspAnswer<T> = { readonly ok: T } | { readonly refused: RspRefusal };

/** What a server shows of itself (InitiateAuthentication). */
export interface ServerAuthentication {
	readonly serverSigned1: Kept<ServerSigned1>;
	readonly serverSignature1: Uint8Array;
	readonly euiccCiPKIdentifierToBeUsed: Uint8Array;
	readonly serverCertificate: Uint8Array;
	/** Set by an eIM that generates them for the device. */
	readonly matchingId?: string;
	readonly ctxParams1?: CtxParams1;
}

/** What an SM-DP+ has for an authenticated eUICC (AuthenticateClient). */
export interface OfferedProfile {
	/** Absent when an eIM verifies the metadata itself. */
	readonly profileMetaData?: Kept<StoreMetadataRequest>;
	readonly smdpSigned2: Kept<SmdpSigned2>;
	readonly smdpSignature2: Uint8Array;
	readonly smdpCertificate: Uint8Array;
	/** Set by an eIM that knows the confirmation code. */
	readonly hashCc?: Uint8Array;
}

/**
 * The far end of a remote SIM provisioning session: an SM-DP+ behind the eIM (ESipa), or an SM-DP+ or SM-DS that the
 * device speaks to itself (ES9+, ES11).
 * @typeParam Onward what a server that has no profile itself says of where to go on
 */
export interface RspServer<Onward> {
	/** Name of the interface, for steps and logs. */
	readonly interfaceName: "ESipa" | "ES9+";
	/** Nobody else on the way looks at the validity of certificates. */
	readonly isDirect: boolean;
	/** `euiccInfo1` is a whole BF20. */
	initiateAuthentication(
		request: { readonly euiccChallenge: Uint8Array; readonly euiccInfo1: Uint8Array },
		signal: AbortSignal,
	): Promise<RspAnswer<ServerAuthentication>>;
	/** `response` is the card's BF38. */
	authenticateClient(
		transactionId: Uint8Array,
		response: Uint8Array,
		signal: AbortSignal,
	): Promise<RspAnswer<{ readonly profile: OfferedProfile } | { readonly onward: Onward }>>;
	/** `response` is the card's BF21; the answer a whole BF36. */
	getBoundProfilePackage(
		transactionId: Uint8Array,
		response: Uint8Array,
		signal: AbortSignal,
	): Promise<RspAnswer<Uint8Array>>;
	/** `response` is the card's BF41. */
	cancelSession(transactionId: Uint8Array, response: Uint8Array, signal: AbortSignal): Promise<RspAnswer<true>>;
}
