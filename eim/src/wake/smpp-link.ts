import type { Duplex } from "node:stream";
import { type Clock, sleep } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { type Duration, Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { WakeError } from "./errors.ts";
import { type Pdu, SmppSession, statusText, unreachable } from "./smpp-session.ts";
import { WaitQueue } from "./wait-queue.ts";

export interface SmppSettings {
	readonly systemId: string;
	readonly password: string;
	readonly systemType: string;
	/** Messages without an answer at once. */
	readonly window: number;
	readonly perSecond: number;
	/** An idle connection is asked for a sign of life after this time. */
	readonly enquireEvery: Duration;
	/** Longest wait for the connection, for any answer, and for a message's turn. */
	readonly answerWithin: Duration;
}

export interface SmppLinkOptions {
	/** How to call the SMSC in logs: its URL. */
	readonly name: string;
	readonly settings: SmppSettings;
	/** Opens the connection, TLS included; rejects with what says why it cannot be. */
	readonly open: (signal: AbortSignal) => Promise<Duplex>;
	readonly clock: Clock;
	readonly log: Logger;
	/**
	 * deliver_sm or data_sm: a receipt, or a message of a device. Resolves when what it says is kept: it is acknowledged then,
	 * and is to come again when this rejects or takes too long. `isSubmitting`: a message has not been answered, or was lately, so
	 * that what comes may be about one whose id nobody has noted yet.
	 */
	readonly onDelivered: (pdu: Pdu, isSubmitting: boolean) => Promise<void>;
}

const THROTTLED = 0x58;
const QUEUE_FULL = 0x14;
const FIRST_PAUSE = Seconds(1);
const LONGEST_PAUSE = Seconds(60);
const VERSION_3_4 = 0x34;
/** ESME_RX_T_APPN: the SMSC brings the message once more, later. */
const LATER = 0x64;
/** SMSCs wait some seconds for an acknowledgement. */
const DELIVERY_WITHIN = Seconds(5);
/** Messages from the SMSC that are being taken; an SMSC has a window of its own, mostly of 10. */
const MAX_DELIVERIES = 100;
/** The id of a message is noted as soon as the SMSC has said it. */
const NOTED_WITHIN = Seconds(5);

/**
 * The binding to one SMSC as a transceiver: opened and kept open by itself, asked for signs of life, with a window and a
 * rate that messages keep, and a pause when the SMSC says that they are too many.
 */
export class SmppLink {
	readonly #options: SmppLinkOptions;
	readonly #stopping = new AbortController();
	#session: SmppSession | undefined;
	#cancelEnquiry: () => void = () => undefined;
	#running: Promise<void> | undefined;
	/** Messages that wait for a binding. */
	readonly #unbound: WaitQueue;
	#inFlight = 0;
	/** Messages that wait for their place in the window. */
	readonly #beforeWindow: WaitQueue;
	/** No message goes out before. */
	#nextAt = 0;
	#throttledTimes = 0;
	#lastAnswerAt = Number.NEGATIVE_INFINITY;
	/** What the SMSC has brought and waits to see acknowledged. */
	readonly #deliveries = new Set<Promise<void>>();
	#lastTrouble = "not connected yet";

	constructor(options: SmppLinkOptions) {
		this.#options = options;
		this.#unbound = new WaitQueue(options.clock);
		this.#beforeWindow = new WaitQueue(options.clock);
	}

	get isBound(): boolean {
		return this.#session !== undefined;
	}

	start(): void {
		this.#running ??= this.#run();
	}

	/** Unbinds and closes. */
	async stop(): Promise<void> {
		const session = this.#session;
		const reason = unreachable("the link to the SMSC is closed");
		this.#session = undefined;
		this.#stopping.abort(reason);
		this.#unbound.failAll(reason);
		this.#beforeWindow.failAll(reason);
		await Promise.all(this.#deliveries);
		await session?.request("unbind").catch(() => undefined);
		session?.end(reason);
		await this.#running;
	}

	/**
	 * Sends a message (fields of submit_sm); its message id.
	 * @throws WakeError WAKE_SMSC_UNREACHABLE, WAKE_SMSC_REFUSED, WAKE_SMSC_BUSY
	 */
	async submit(fields: Readonly<Record<string, unknown>>): Promise<string> {
		const { clock, settings } = this.#options;
		const deadline = clock.now() + settings.answerWithin;
		await this.#takeSlot(deadline);
		try {
			for (;;) {
				await this.#takeTurn(deadline);
				const session = await this.#bound(deadline);
				const answer = await session.request("submit_sm", fields);
				const { command_status: status, message_id: id } = answer;
				if (status === 0) {
					this.#throttledTimes = 0;
					this.#lastAnswerAt = clock.now();
					return typeof id === "string" ? id : "";
				}
				if (status !== THROTTLED && status !== QUEUE_FULL) {
					throw new WakeError("WAKE_SMSC_REFUSED", `submit_sm: ${statusText(status)}`);
				}
				this.#pause(status);
			}
		} finally {
			// The place passes to who has waited longest.
			if (!this.#beforeWindow.resumeFirst()) this.#inFlight--;
		}
	}

	/** All messages wait, longer each time that the SMSC says so again. */
	#pause(status: number): void {
		const { clock, log } = this.#options;
		const pause = Math.min(FIRST_PAUSE * 2 ** Math.min(this.#throttledTimes++, 10), LONGEST_PAUSE);
		this.#nextAt = Math.max(this.#nextAt, clock.now() + pause);
		log.warn("SMSC asks for fewer messages", { status: statusText(status), pauseMs: pause });
	}

	async #takeSlot(deadline: number): Promise<void> {
		this.#stopping.signal.throwIfAborted();
		if (this.#inFlight < this.#options.settings.window) this.#inFlight++;
		else await this.#beforeWindow.wait(deadline, () => new WakeError("WAKE_SMSC_BUSY", "the window is full"));
	}

	async #takeTurn(deadline: number): Promise<void> {
		const { clock, settings } = this.#options;
		const now = clock.now();
		const at = Math.max(now, this.#nextAt);
		if (at >= deadline) throw new WakeError("WAKE_SMSC_BUSY", "the SMSC asks for fewer messages");
		this.#nextAt = at + 1000 / settings.perSecond;
		if (at > now) await sleep(clock, Milliseconds(at - now), this.#stopping.signal);
	}

	async #bound(deadline: number): Promise<SmppSession> {
		while (this.#session === undefined) {
			this.#stopping.signal.throwIfAborted();
			await this.#unbound.wait(deadline, () => unreachable(this.#lastTrouble));
		}
		return this.#session;
	}

	async #run(): Promise<void> {
		const { clock, log } = this.#options;
		const { signal } = this.#stopping;
		for (let failures = 0; !signal.aborted; ) {
			try {
				await this.#serve(() => {
					failures = 0;
				});
			} catch (error) {
				failures++;
				this.#lastTrouble = error instanceof Error ? error.message : String(error);
				const retryAfterMs = pauseAfter(failures);
				if (!signal.aborted)
					log.warn("no binding to the SMSC", { smsc: this.#options.name, error, failures, retryAfterMs });
			}
			if (signal.aborted) break;
			const pause = pauseAfter(failures);
			await sleep(clock, Milliseconds(pause), signal).catch(() => undefined);
		}
	}

	/** The handshake of TLS is in time, too: a server may take a connection and say nothing. */
	async #open(): Promise<Duplex> {
		const { open, clock, settings } = this.#options;
		const { signal } = this.#stopping;
		const giveUp = new AbortController();
		const onStop = () => giveUp.abort(signal.reason);
		signal.addEventListener("abort", onStop, { once: true });
		const late = unreachable(`no connection within ${settings.answerWithin} ms`);
		const cancel = clock.schedule(settings.answerWithin, () => giveUp.abort(late));
		try {
			return await open(giveUp.signal);
		} catch (error) {
			throw giveUp.signal.aborted ? giveUp.signal.reason : error;
		} finally {
			cancel();
			signal.removeEventListener("abort", onStop);
		}
	}

	/** One connection from its opening to its end. */
	async #serve(onBound: () => void): Promise<void> {
		const { clock, settings, log } = this.#options;
		const { signal } = this.#stopping;
		const stream = await this.#open();
		let over: (reason: WakeError) => void = () => undefined;
		const end = new Promise<WakeError>((resolve) => {
			over = resolve;
		});
		const session: SmppSession = new SmppSession(stream, {
			clock,
			answerWithin: settings.answerWithin,
			onRequest: (request) => this.#answer(session, request),
			onEnd: (reason) => {
				this.#cancelEnquiry();
				if (this.#session === session) this.#session = undefined;
				over(reason);
			},
		});
		const onStop = () => session.end(signal.reason);
		signal.addEventListener("abort", onStop, { once: true });
		try {
			if (signal.aborted) onStop();
			await bind(session, settings);
		} catch (error) {
			session.end(unreachable("not bound"));
			throw error;
		} finally {
			signal.removeEventListener("abort", onStop);
		}
		if (session.isOver) throw await end;
		onBound();
		log.info("bound to the SMSC", { systemId: settings.systemId });
		this.#session = session;
		this.#enquireLater(session);
		this.#unbound.resumeAll();
		throw await end;
	}

	#enquireLater(session: SmppSession): void {
		const { clock, settings } = this.#options;
		this.#cancelEnquiry = clock.schedule(settings.enquireEvery, () => {
			session.request("enquire_link").then(
				() => {
					if (this.#session === session) this.#enquireLater(session);
				},
				(error: WakeError) => session.end(error),
			);
		});
	}

	#answer(session: SmppSession, request: Pdu): void {
		if (request.command === "deliver_sm" || request.command === "data_sm") {
			this.#deliver(session, request);
			return;
		}
		session.respond(request);
		if (request.command === "unbind") session.end(unreachable("the SMSC ended the binding"));
	}

	#deliver(session: SmppSession, request: Pdu): void {
		if (this.#deliveries.size >= MAX_DELIVERIES) {
			session.respond(request, LATER);
			return;
		}
		const delivery = this.#take(request)
			.then((isKept) => session.respond(request, isKept ? 0 : LATER))
			.finally(() => this.#deliveries.delete(delivery));
		this.#deliveries.add(delivery);
	}

	#isSubmitting(): boolean {
		return this.#inFlight > 0 || this.#options.clock.now() - this.#lastAnswerAt < NOTED_WITHIN;
	}

	/** Whether what was brought is kept now. */
	#take(request: Pdu): Promise<boolean> {
		const { clock, log, onDelivered } = this.#options;
		return new Promise((resolve) => {
			const fail = (error: unknown) => {
				log.error("delivery receipt not stored", { error });
				resolve(false);
			};
			const late = new Error(`not stored within ${DELIVERY_WITHIN} ms`);
			const cancel = clock.schedule(DELIVERY_WITHIN, () => fail(late));
			onDelivered(request, this.#isSubmitting())
				.then(() => resolve(true), fail)
				.finally(cancel);
		});
	}
}

function pauseAfter(failures: number): number {
	return Math.min(FIRST_PAUSE * 2 ** Math.min(Math.max(failures - 1, 0), 10), LONGEST_PAUSE);
}

/** @throws WakeError WAKE_SMSC_REFUSED */
async function bind(session: SmppSession, { systemId, password, systemType }: SmppSettings): Promise<void> {
	const answer = await session.request("bind_transceiver", {
		system_id: systemId,
		password,
		system_type: systemType,
		interface_version: VERSION_3_4,
	});
	if (answer.command_status === 0) return;
	const why = `bind_transceiver: ${statusText(answer.command_status)}; check smpp.systemId and smpp.password`;
	throw new WakeError("WAKE_SMSC_REFUSED", why);
}
