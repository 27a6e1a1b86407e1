import type { Clock } from "../../runtime/clock.ts";
import type { RandomSource } from "../../runtime/random.ts";
import { toHex } from "../../util/bytes.ts";
import type { Duration } from "../../util/duration.ts";
import { TransportError } from "../errors.ts";
import { abortError } from "../tcp.ts";
import type { CoapChannel } from "./coap-channel.ts";
import type { CoapMessage } from "./message.ts";
import { OPTION, optionUint, uintOctets, understood } from "./option.ts";

interface Pending {
	/** Ends the exchange, unless it goes on with notifications. */
	answered(response: CoapMessage): void;
	failed(error: Error): void;
}

interface ExchangeOptions {
	readonly signal?: AbortSignal | undefined;
	/** Takes what comes after the first response to an observation. */
	readonly onNotification?: (response: CoapMessage) => void;
}

/** Requests of one message each, matched with their responses by token (RFC 7252 section 5.3). */
export class Exchanges {
	readonly #channel: CoapChannel;
	readonly #clock: Clock;
	readonly #random: RandomSource;
	readonly #responseTimeout: Duration;
	readonly #pending = new Map<string, Pending>();
	#tokens = 0;
	#closedBy: Error | undefined;

	/** @param responseTimeout how long a peer that has a request may take for the response */
	constructor(
		channel: CoapChannel,
		{ clock, random, responseTimeout }: { clock: Clock; random: RandomSource; responseTimeout: Duration },
	) {
		this.#channel = channel;
		this.#clock = clock;
		this.#random = random;
		this.#responseTimeout = responseTimeout;
	}

	/** One request out, its response. @throws TransportError */
	exchange(request: Omit<CoapMessage, "token">, options: ExchangeOptions = {}): Promise<CoapMessage> {
		const token = this.#takeToken(options.onNotification !== undefined);
		const key = toHex(token);
		const { signal, onNotification } = options;
		const where = `request to ${this.#channel.remoteAddress}`;
		if (signal?.aborted) return Promise.reject(abortError(signal, where));
		if (this.#closedBy !== undefined) return Promise.reject(this.#closedBy);
		return new Promise((resolve, reject) => {
			let cancelTimer = () => {};
			let stop = () => {};
			const end = () => {
				cancelTimer();
				stop();
				this.#pending.delete(key);
				signal?.removeEventListener("abort", onAbort);
			};
			const failed = (error: Error) => {
				end();
				reject(error);
			};
			const onAbort = () => failed(signal ? abortError(signal, where) : new Error(where));
			signal?.addEventListener("abort", onAbort, { once: true });
			const answered = (response: CoapMessage) => {
				const { unknownCritical, options: known } = understood(response.options);
				if (unknownCritical !== undefined) {
					const message = `${where}: the response has the critical option ${unknownCritical}, which is not understood`;
					return failed(new TransportError("TRANSPORT_PROTOCOL", message));
				}
				const whole = { ...response, options: known };
				const goesOn = onNotification !== undefined && optionUint(known, OPTION.observe) !== undefined;
				if (!goesOn) end();
				else this.#followUp(key, whole, onNotification, () => end());
				cancelTimer();
				stop();
				resolve(whole);
			};
			this.#pending.set(key, { answered, failed });
			stop = this.#channel.send(
				{ ...request, token },
				{
					acknowledged: () => {
						if (!this.#pending.has(key)) return;
						cancelTimer = this.#clock.schedule(this.#responseTimeout, () => {
							const message = `${where}: acknowledged, but no response within ${this.#responseTimeout} ms`;
							failed(new TransportError("TRANSPORT_TIMEOUT", message));
						});
					},
					failed,
				},
			);
		});
	}

	/** False when nobody waits for it. */
	response(message: CoapMessage): boolean {
		const pending = this.#pending.get(toHex(message.token));
		pending?.answered(message);
		return pending !== undefined;
	}

	close(cause?: Error): void {
		const { remoteAddress } = this.#channel;
		this.#closedBy = cause ?? new TransportError("TRANSPORT_CLOSED", `the path to ${remoteAddress} is closed`);
		for (const pending of [...this.#pending.values()]) pending.failed(this.#closedBy);
	}

	/** Later messages with the token, as long as each is newer than the one before (RFC 7641 section 3.4). */
	#followUp(key: string, first: CoapMessage, tell: (response: CoapMessage) => void, end: () => void): void {
		let latest = { sequence: optionUint(first.options, OPTION.observe) ?? 0, at: this.#clock.now() };
		const answered = (response: CoapMessage) => {
			const { options: known, unknownCritical } = understood(response.options);
			const sequence = optionUint(known, OPTION.observe);
			const now = this.#clock.now();
			if (unknownCritical !== undefined || sequence === undefined) {
				end();
				if (unknownCritical === undefined) tell({ ...response, options: known });
				return;
			}
			const isNewer = isAfter(sequence, latest.sequence) || now > latest.at + OBSERVE_FRESHNESS;
			if (!isNewer) return;
			latest = { sequence, at: now };
			tell({ ...response, options: known });
		};
		this.#pending.set(key, { answered, failed: end });
	}

	/**
	 * Never the same one twice on a path (RFC 9175 section 4.2). Where the path proves its peer nobody else can answer, and
	 * a short one will do. That of an observation is never empty: some servers (Wakaama) refuse that.
	 */
	#takeToken(isObservation: boolean): Uint8Array {
		if (isObservation && this.#tokens === 0) this.#tokens++;
		if (this.#channel.proven !== undefined) return uintOctets(this.#tokens++);
		let token = this.#random.bytes(4);
		while (this.#pending.has(toHex(token))) token = this.#random.bytes(4);
		return token;
	}
}

/** After so many milliseconds any notification is newer. */
const OBSERVE_FRESHNESS = 128_000;

/** Of numbers of 24 bits that begin again after the last one. */
function isAfter(later: number, earlier: number): boolean {
	const HALF = 0x80_0000;
	return (earlier < later && later - earlier < HALF) || (earlier > later && earlier - later > HALF);
}
