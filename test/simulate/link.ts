import type { Clock } from "@iot-esim/shared/runtime/clock";
import { TransportError } from "@iot-esim/shared/transport/errors";
import type { HttpRequest, HttpResponse } from "@iot-esim/shared/transport/http/client";
import type { HttpHandler, OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import { utf8 } from "@iot-esim/shared/util/bytes";
import type { MessageFate } from "./faults.ts";
import type { Life } from "./life.ts";
import type { Timeline } from "./timeline.ts";

/** A server as the network sees it: sometimes there, sometimes not. */
export interface Endpoint {
	running: { readonly life: Life; readonly handle: HttpHandler } | undefined;
}

export interface LinkOptions {
	readonly name: string;
	readonly timeline: Timeline;
	readonly endpoint: (host: string) => Endpoint | undefined;
	readonly fate: (name: string) => MessageFate;
	/** Whether anything gets through at all now. */
	readonly isUp: () => boolean;
	readonly timeout: number;
	/** Sees every answer as the server gave it, whether or not it arrives. */
	readonly onAnswer: (answered: Answered) => void;
}

/** A request with the answer that a server gave to it. */
export interface Answered {
	readonly host: string;
	readonly path: string;
	readonly status: number;
}

/** A connection under way, which can be broken. */
interface Pending {
	fail(error: TransportError): void;
}

/** The way from one client to its servers: messages are lost, doubled, held back, and overtake each other. */
export class Link {
	readonly #options: LinkOptions;
	readonly #pending = new Set<Pending>();

	constructor(options: LinkOptions) {
		this.#options = options;
	}

	/** Breaks every connection; gives their number. */
	reset(): number {
		const broken = [...this.#pending];
		for (const pending of broken) pending.fail(new TransportError("TRANSPORT_RESET", "the connection was reset"));
		return broken.length;
	}

	/** One exchange, with the timeout counted on the client's own timers. */
	request(clock: Clock, { url, headers = {}, body = new Uint8Array(0), signal }: HttpRequest): Promise<HttpResponse> {
		const { name, isUp, fate, timeline, timeout } = this.#options;
		const { hostname, pathname } = new URL(url);
		return new Promise((resolve, reject) => {
			if (signal?.aborted) return reject(new TransportError("TRANSPORT_ABORTED", `${url}: given up by the caller`));
			if (!isUp()) return reject(new TransportError("TRANSPORT_CONNECT_REFUSED", `${url}: there is no network`));
			const end = (settle: () => void) => {
				if (!this.#pending.delete(pending)) return;
				cancelTimer();
				signal?.removeEventListener("abort", onAbort);
				settle();
			};
			const pending: Pending = { fail: (error) => end(() => reject(error)) };
			const onAbort = () => pending.fail(new TransportError("TRANSPORT_ABORTED", `${url}: given up by the caller`));
			this.#pending.add(pending);
			signal?.addEventListener("abort", onAbort, { once: true });
			const cancelTimer = clock.schedule(timeout as never, () =>
				pending.fail(new TransportError("TRANSPORT_TIMEOUT", `${url}: no answer within ${timeout} ms`)),
			);
			const { requestAfter, copyAfter, answerAfter, isLossNoticed } = fate(name);
			const broken = () => pending.fail(new TransportError("TRANSPORT_RESET", `${url}: the connection broke`));
			const message = { hostname, pathname, headers, body: body.slice() };
			if (copyAfter !== undefined)
				timeline.schedule(copyAfter, () => void this.#deliver(message).catch(() => undefined));
			if (requestAfter === undefined) {
				if (isLossNoticed) timeline.schedule(50, broken);
				return;
			}
			timeline.schedule(requestAfter, () => {
				if (!this.#pending.has(pending)) return;
				this.#deliver(message).then(
					(response) => {
						if (answerAfter !== undefined) timeline.schedule(answerAfter, () => end(() => resolve(response)));
						else if (isLossNoticed) broken();
					},
					(error) => pending.fail(error as TransportError),
				);
			});
		});
	}

	/** Hands a message to the server that runs now; a server that dies over it breaks the connection. */
	#deliver(message: {
		readonly hostname: string;
		readonly pathname: string;
		readonly headers: Readonly<Record<string, string>>;
		readonly body: Uint8Array;
	}): Promise<HttpResponse> {
		const { hostname, pathname, headers, body } = message;
		const running = this.#options.endpoint(hostname)?.running;
		if (running === undefined) {
			return Promise.reject(new TransportError("TRANSPORT_CONNECT_REFUSED", `${hostname} does not answer`));
		}
		return new Promise((resolve, reject) => {
			const broken = () => reject(new TransportError("TRANSPORT_RESET", `${hostname} closed the connection`));
			const stopListening = running.life.onDeath(broken);
			const request = {
				method: "POST",
				path: pathname,
				headers: lowerCase(headers),
				body: body.slice(),
				remoteAddress: "192.0.2.1",
				signal: new AbortController().signal,
			};
			Promise.resolve()
				.then(() => running.handle(request))
				.catch((error): OutgoingResponse => {
					if (!running.life.isAlive) throw error;
					return { status: 500 };
				})
				.then(wholeBody)
				.then(({ status, body: answer }) => {
					stopListening();
					if (!running.life.isAlive) return broken();
					this.#options.onAnswer({ host: hostname, path: pathname, status });
					resolve({ status, headers: {}, body: answer });
				}, broken);
		});
	}
}

function wholeBody({ status, body = new Uint8Array(0) }: OutgoingResponse): { status: number; body: Uint8Array } {
	if (typeof body === "string") return { status, body: utf8(body) };
	if (body instanceof Uint8Array) return { status, body };
	throw new Error("the servers of the simulation answer with whole bodies");
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
	return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
