import type { ProvenPeer } from "../datagram.ts";
import type { CoapMessage } from "./message.ts";

/** What becomes of a message that was given away. */
export interface Delivery {
	/** The peer has it; what it answers comes by itself, perhaps much later. */
	acknowledged?(): void;
	/** It could not be delivered, or the peer rejects it. */
	failed?(error: Error): void;
}

/** What a channel tells its one receiver. */
export interface ChannelReceiver {
	/** `reply` is called once at most; without a message the request is acknowledged and nothing else. */
	request(message: CoapMessage, reply: (response: CoapMessage | undefined) => void): void;
	/** False when nobody waits for it: the peer is told. */
	response(message: CoapMessage): boolean;
	/** The last call. */
	closed(cause?: Error): void;
}

/** CoAP messages to and from one peer, with the reliability that its transport needs. */
export interface CoapChannel {
	readonly remoteAddress: string;
	readonly proven: ProvenPeer | undefined;
	/** When anything came from the peer; 0 before that. */
	readonly lastHeard: number;
	/** Octets of a payload in one message; for datagrams at most one block of 1024. */
	readonly maxPayload: number;
	/** Size exponent of blocks, where a body does not fit into one message. */
	readonly blockExponent: number;
	/** Several blocks may come in one message (RFC 8323 section 6). */
	readonly takesBert: boolean;
	/** Resolves when `maxPayload` is known for certain. */
	ready(): Promise<void>;
	start(receiver: ChannelReceiver): void;
	/** Takes a request, or a notification, to the peer; the returned function stops trying. */
	send(message: CoapMessage, delivery?: Delivery): () => void;
	/** Asks the peer for a sign of life, which counts as the acknowledgement. */
	ping(delivery: Delivery): void;
	close(cause?: Error): void;
}
