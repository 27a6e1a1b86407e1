import type { Duplex } from "node:stream";
import type { Clock } from "../../runtime/clock.ts";
import type { RandomSource } from "../../runtime/random.ts";
import type { DatagramPath, ProvenPeer } from "../datagram.ts";
import { BodyStore } from "./body-store.ts";
import type { CoapChannel } from "./coap-channel.ts";
import type { CoapHandler } from "./coap-face.ts";
import { DatagramChannel } from "./datagram-channel.ts";
import { CoapEndpoint, LARGEST_BODY } from "./endpoint.ts";
import { StreamChannel } from "./stream-channel.ts";
import { type CoapTiming, RFC_TIMING } from "./timing.ts";

export interface CoapServerOptions {
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly handler: CoapHandler;
	readonly timing?: Partial<CoapTiming>;
	/** Largest block over datagrams, as its exponent: 6 for 1024 octets. */
	readonly blockExponent?: number;
	/** Largest body of a request. */
	readonly maxBody?: number;
	/** Octets of requests that are not whole yet, and of answers that are being fetched, of all peers. */
	readonly maxBodies?: number;
	/** Peers may have certificates that anybody can make: they give no share of `maxBodies` of their own. */
	readonly takesAnyKey?: boolean;
	/** Requests worked on at once; the others are answered with 5.03. */
	readonly maxRequests?: number;
	readonly onError?: (error: unknown) => void;
}

/**
 * Octets of a message that a server takes from a connection: larger bodies come in blocks. It is one record of TLS, since
 * libcoap with GnuTLS cannot send a message in two.
 */
const MAX_STREAM_MESSAGE = 16 * 1024;

/** Serves CoAP over every path that it is given. */
export interface CoapServer {
	/** Over plain UDP or DTLS. */
	accept(path: DatagramPath): CoapEndpoint;
	/** Over TLS, or plain TCP in tests. */
	acceptStream(stream: Duplex, peer: { remoteAddress: string; proven?: ProvenPeer | undefined }): CoapEndpoint;
	/** Ends every path; who listens ends its own socket. */
	close(): void;
}

export function createCoapServer(options: CoapServerOptions): CoapServer {
	const { clock, random, handler, maxBody = LARGEST_BODY, maxBodies = 32 * 1024 * 1024, takesAnyKey = false } = options;
	const timing = { ...RFC_TIMING, ...options.timing };
	const shared = {
		handler,
		random,
		bodies: new BodyStore({ clock, lifetime: timing.exchangeLifetime, maxOctets: maxBodies, takesAnyKey }),
		maxBody,
		load: { active: 0, max: options.maxRequests ?? 256 },
		onError: options.onError ?? (() => undefined),
	};
	const endpoints = new Set<CoapEndpoint>();
	const serve = (channel: CoapChannel) => {
		const onClosed = () => endpoints.delete(endpoint);
		const endpoint: CoapEndpoint = new CoapEndpoint(channel, { clock, random, maxBody, onClosed }, shared);
		endpoints.add(endpoint);
		return endpoint;
	};
	const { blockExponent } = options;
	return {
		accept: (path) =>
			serve(
				new DatagramChannel(path, { clock, random, timing, ...(blockExponent === undefined ? {} : { blockExponent }) }),
			),
		acceptStream: (stream, peer) =>
			serve(new StreamChannel(stream, { clock, ...peer, maxMessage: MAX_STREAM_MESSAGE })),
		close: () => {
			for (const endpoint of [...endpoints]) endpoint.close();
		},
	};
}
