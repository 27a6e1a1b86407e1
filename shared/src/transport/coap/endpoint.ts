import type { Clock } from "../../runtime/clock.ts";
import type { RandomSource } from "../../runtime/random.ts";
import { type Duration, Milliseconds, Seconds } from "../../util/duration.ts";
import { TransportError } from "../errors.ts";
import { BlockWiseClient } from "./block-wise-client.ts";
import { BodyStore } from "./body-store.ts";
import type { CoapChannel } from "./coap-channel.ts";
import type { CoapAnswer, CoapClient, CoapHandler, CoapRequest } from "./coap-face.ts";
import { CODE } from "./code.ts";
import { Exchanges } from "./exchanges.ts";
import type { CoapMessage } from "./message.ts";
import { RequestServer, type RequestServerOptions } from "./request-server.ts";
import { RFC_TIMING } from "./timing.ts";

export interface EndpointOptions {
	readonly clock: Clock;
	readonly random: RandomSource;
	/** How long a peer that has a request may take for its response. */
	readonly responseTimeout?: Duration;
	/** Largest body, either way. */
	readonly maxBody?: number;
	/** Answers requests of the peer; everything is 4.04 without it. */
	readonly handler?: CoapHandler;
	/** The path has ended. */
	readonly onClosed?: (cause?: Error) => void;
	/** A handler failed in a way that it should not. */
	readonly onError?: (error: unknown) => void;
}

/** What an ESipa message may have at most, with room to spare. */
export const LARGEST_BODY = 256 * 1024;

/** One end of a path: client and server at once, as RFC 7252 has it. */
export class CoapEndpoint implements CoapClient {
	readonly #channel: CoapChannel;
	readonly #exchanges: Exchanges;
	readonly #client: BlockWiseClient;
	readonly #server: RequestServer;
	readonly #clock: Clock;
	readonly #responseTimeout: Duration;
	readonly #ended = new AbortController();

	/** @param shared what the paths of a server have in common */
	constructor(channel: CoapChannel, options: EndpointOptions, shared: RequestServerOptions = alone(options)) {
		const { clock, random, responseTimeout = Seconds(60), maxBody = LARGEST_BODY } = options;
		this.#channel = channel;
		this.#clock = clock;
		this.#responseTimeout = responseTimeout;
		this.#exchanges = new Exchanges(channel, { clock, random, responseTimeout });
		this.#client = new BlockWiseClient(channel, this.#exchanges, { random, maxBody });
		this.#server = new RequestServer(channel, shared);
		channel.start({
			request: (message, reply) => this.#server.take(message, reply),
			response: (message) => this.#exchanges.response(message),
			closed: (cause) => {
				this.#exchanges.close(cause);
				this.#server.close();
				this.#ended.abort(cause);
				options.onClosed?.(cause);
			},
		});
	}

	get remoteAddress(): string {
		return this.#channel.remoteAddress;
	}

	/** When anything came from the peer; 0 before that. */
	get lastHeard(): number {
		return this.#channel.lastHeard;
	}

	get proven() {
		return this.#channel.proven;
	}

	request(request: CoapRequest, { signal }: { readonly signal?: AbortSignal } = {}): Promise<CoapAnswer> {
		return this.#client.request(request, { signal });
	}

	observe(
		request: CoapRequest,
		onNotification: (answer: CoapAnswer) => void,
		{ signal }: { readonly signal: AbortSignal },
	): Promise<CoapAnswer> {
		const tell = (first: CoapMessage) => {
			this.#client.fetchRest(request, first, signal).then(onNotification, () => undefined);
		};
		return this.#client.request(request, { signal, onNotification: tell });
	}

	/** Aborted when the path has ended. */
	get ended(): AbortSignal {
		return this.#ended.signal;
	}

	/** Resolves at a sign of life. @throws TransportError */
	ping(): Promise<void> {
		return new Promise((resolve, reject) => {
			const late = () =>
				reject(new TransportError("TRANSPORT_TIMEOUT", `${this.remoteAddress} does not answer a ping`));
			// Over datagrams the transmissions of the ping itself end it.
			const cancel = this.#clock.schedule(Milliseconds(2 * this.#responseTimeout), late);
			this.#channel.ping({
				acknowledged: () => {
					cancel();
					resolve();
				},
				failed: (error) => {
					cancel();
					reject(error);
				},
			});
		});
	}

	close(): void {
		this.#channel.close();
	}
}

function alone({ clock, random, handler, maxBody = LARGEST_BODY, onError }: EndpointOptions): RequestServerOptions {
	return {
		handler: handler ?? (() => ({ code: CODE.notFound })),
		random,
		bodies: new BodyStore({ clock, lifetime: RFC_TIMING.exchangeLifetime, maxOctets: 2 * maxBody }),
		maxBody,
		load: { active: 0, max: 8 },
		onError: onError ?? (() => undefined),
	};
}
