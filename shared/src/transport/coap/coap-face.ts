import type { ProvenPeer } from "../datagram.ts";
import type { CoapMethod } from "./code.ts";

/** What a request asks for, whole, however many messages carry it. */
export interface CoapRequest {
	readonly method: CoapMethod;
	/** Segments of the path; none for the root. */
	readonly path: readonly string[];
	readonly query?: readonly string[];
	/** Number of the media type in IANA's registry. */
	readonly contentFormat?: number;
	readonly accept?: number;
	readonly payload?: Uint8Array;
}

/** A whole answer. */
export interface CoapResponse {
	/** As "2.04". */
	readonly code: string;
	readonly contentFormat?: number;
	readonly payload?: Uint8Array;
	/** Seconds: how long it stays true, or with 5.03 when to come again. */
	readonly maxAge?: number;
	/** With 2.01: segments of the path of what was made. */
	readonly location?: readonly string[];
}

/** What came back; an answer without payload has an empty one. */
export type CoapAnswer = CoapResponse & { readonly payload: Uint8Array };

/** Who has sent a request. */
export interface CoapPeer {
	readonly remoteAddress: string;
	/** Absent where nobody has proven anything. */
	readonly proven: ProvenPeer | undefined;
	/** Over a connection (coaps+tcp), and not in datagrams. */
	readonly isStream: boolean;
	/** The session or connection: one object as long as it lasts. */
	readonly connection: object;
}

/** What a server makes of a request; `observe` says that it goes on telling (RFC 7641). */
export interface CoapReply extends CoapResponse {
	/** Called when the client asks to observe; `notify` tells it the state of the resource, until the returned function ends it. */
	readonly observe?: (notify: (response: CoapResponse) => void) => () => void;
}

/** `signal` is aborted when the path to the peer ends. */
export type CoapHandler = (
	request: CoapRequest & { readonly payload: Uint8Array },
	peer: CoapPeer & { readonly signal: AbortSignal },
) => Promise<CoapReply> | CoapReply;

export interface CoapClient {
	/**
	 * @throws TransportError TRANSPORT_TIMEOUT, _RESET, _CLOSED, _ABORTED, _PROTOCOL, _RESPONSE_TOO_LARGE; a response of any
	 *   code is no error
	 */
	request(request: CoapRequest, options?: { readonly signal?: AbortSignal }): Promise<CoapAnswer>;
	/**
	 * Asks to be told of every change of a resource (RFC 7641), until the signal; the first answer. Where the server does
	 * not take the observation, nothing but this answer comes.
	 */
	observe(
		request: CoapRequest,
		onNotification: (answer: CoapAnswer) => void,
		options: { readonly signal: AbortSignal },
	): Promise<CoapAnswer>;
}
