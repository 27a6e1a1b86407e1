import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { CoapClient } from "@iot-esim/shared/transport/coap/coap-face";
import { TransportError } from "@iot-esim/shared/transport/errors";
import { abortError } from "@iot-esim/shared/transport/tcp";
import { type Duration, Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { EsimError } from "@iot-esim/shared/util/errors";
import { type CoapPresenceOptions, stayPresent } from "./coap-presence.ts";
import { EsipaLinkError } from "./errors.ts";
import type { EsipaLink } from "./esipa-link.ts";
import { isTakenOnce } from "./taken-once.ts";

/** An open way to an eIM: a session or a connection. */
export interface CoapSession extends CoapClient {
	/** When anything came from the eIM; 0 before that. */
	readonly lastHeard: number;
	/** Aborted when the session has ended. */
	readonly ended: AbortSignal;
	/** Resolves at a sign of life of the eIM. */
	ping(): Promise<void>;
	/** Ends it with a word to the eIM, where the way has one. */
	close(): void;
	/** Ends it without that word: nobody can read what comes from another address. As `close` when absent. */
	abandon?(): void;
}

export interface CoapLinkOptions {
	/** coaps:// or coaps+tcp:// with the address of the eIM, for logs. */
	readonly name: string;
	/** Opens a session in which the eIM has proven to be the trusted one. */
	readonly open: (signal: AbortSignal) => Promise<CoapSession>;
	/** What stands for the path of the standard. */
	readonly path: readonly string[];
	/** Longest time for opening a session. */
	readonly timeout: Duration;
	/** A session in which nothing moves for so long is closed; it stays open when absent. */
	readonly idle?: Duration | undefined;
	/** Stays reachable: keeps a session whatever `idle` says, and hears when something waits at the eIM. */
	readonly presence?: CoapPresenceOptions | undefined;
	readonly clock: Clock;
}

/**
 * How long an eIM may be silent in a session of earlier before the session is taken for lost: when a NAT on the way has
 * forgotten it, nobody says so.
 */
const PATIENCE_WITH_OLD_SESSION = Seconds(15);
/** A handshake has the same time, and knows better why it was too long. */
const GRACE = Seconds(1);
/** A link that was slow to open a session gets as long, but no longer than this. */
const LONGEST_PATIENCE = Seconds(90);

/** ESipa over CoAP (SGP.32 section 6.2): one message per POST, in as many blocks as it needs. */
export function coapLink(options: CoapLinkOptions): EsipaLink {
	return new CoapLink(options);
}

class CoapLink implements EsipaLink {
	readonly name: string;
	readonly #options: CoapLinkOptions;
	#session: CoapSession | undefined;
	/** For answers in the session. */
	#patience = PATIENCE_WITH_OLD_SESSION;
	#cancelIdle = () => {};
	/** What runs in a session that leads nowhere any more is not broken off, and is the last in it. */
	#underWay = 0;
	#isStale = false;
	/** The session that is being opened: whoever needs one waits for the same. */
	#opening: Promise<unknown> = Promise.resolve();
	/** Ends what is being opened. */
	readonly #closing = new AbortController();

	constructor(options: CoapLinkOptions) {
		this.name = options.name;
		this.#options = options;
		if (options.presence === undefined) return;
		const drop = (session: CoapSession) => session === this.#session && this.#drop();
		const link = { ...options, session: (signal: AbortSignal) => this.#current(signal), drop };
		void stayPresent(options.presence, link, this.#closing.signal);
	}

	async exchange(message: Uint8Array, signal: AbortSignal = new AbortController().signal): Promise<Uint8Array> {
		this.#cancelIdle();
		if (this.#isStale && this.#underWay === 0) this.#drop();
		this.#underWay++;
		const sending = { hasBegun: false };
		try {
			const { code, payload } = await this.#request(message, signal, sending);
			if (code.startsWith("2.")) return payload;
			const [major, detail] = code.split(".").map(Number);
			const said = new TextDecoder().decode(payload).slice(0, 200);
			throw new EsipaLinkError("IPA_EIM_STATUS", `${this.name} answered ${code}${said === "" ? "" : `: ${said}`}`, {
				context: { status: (major ?? 5) * 100 + (detail ?? 0) },
			});
		} catch (cause) {
			if (cause instanceof EsipaLinkError) throw cause;
			this.#drop();
			const reason = cause instanceof Error ? cause.message : String(cause);
			const transportCode = cause instanceof EsimError ? cause.code : undefined;
			const context = { transportCode, nothingSent: !sending.hasBegun };
			throw new EsipaLinkError("IPA_EIM_UNREACHABLE", `${this.name}: ${reason}`, { cause, context });
		} finally {
			this.#underWay--;
			if (this.#isStale && this.#underWay === 0) this.#drop();
			else this.#closeWhenIdle();
		}
	}

	renew(): void {
		this.#isStale = this.#session !== undefined;
		if (this.#underWay === 0) this.#drop();
	}

	async close(): Promise<void> {
		this.#closing.abort(new TransportError("TRANSPORT_CLOSED", `the link to ${this.name} is closed`));
		this.#cancelIdle();
		this.#drop();
	}

	async #request(message: Uint8Array, signal: AbortSignal, sending: { hasBegun: boolean }) {
		const { path } = this.#options;
		const request = { method: "POST", path, payload: message } as const;
		const old = this.#session;
		if (old !== undefined) {
			sending.hasBegun = true;
			try {
				return await this.#whileHeard(old, signal, (impatience) => old.request(request, { signal: impatience }));
			} catch (error) {
				// It may have arrived: what is taken once must not come again.
				if (signal.aborted || !isLost(error) || isTakenOnce(message)) throw error;
				this.#drop();
			}
		}
		const session = await this.#current(signal);
		sending.hasBegun = true;
		return session.request(request, { signal });
	}

	/** Gives up early on a session of earlier in which nothing is heard any more. */
	async #whileHeard<T>(
		session: CoapSession,
		signal: AbortSignal,
		run: (signal: AbortSignal) => Promise<T>,
	): Promise<T> {
		const { clock } = this.#options;
		const start = clock.now();
		const impatience = new AbortController();
		const cancel = clock.schedule(this.#patience, () => {
			if (session.lastHeard < start) impatience.abort(new TransportError("TRANSPORT_TIMEOUT", "the session is silent"));
		});
		try {
			return await run(AbortSignal.any([signal, impatience.signal]));
		} finally {
			cancel();
		}
	}

	/** The session there is, or a new one. */
	async #current(signal: AbortSignal): Promise<CoapSession> {
		const before = this.#opening;
		const opened = before.then(() => this.#session ?? this.#open(signal));
		this.#opening = opened.catch(() => undefined);
		return opened;
	}

	async #open(signal: AbortSignal): Promise<CoapSession> {
		const { clock, timeout, open } = this.#options;
		const began = clock.now();
		if (signal.aborted) throw abortError(signal, this.name);
		const late = new AbortController();
		const cancel = clock.schedule(Milliseconds(timeout + GRACE), () => {
			late.abort(new TransportError("TRANSPORT_TIMEOUT", `no session within ${timeout} ms`));
		});
		try {
			const any = AbortSignal.any([signal, late.signal, this.#closing.signal]);
			const session = await open(any);
			const ended = () => {
				if (this.#session === session) this.#session = undefined;
			};
			session.ended.addEventListener("abort", ended, { once: true });
			this.#session = session;
			// A handshake is some round trips, and has met the losses of the link.
			const took = Math.min(LONGEST_PATIENCE, clock.now() - began);
			this.#patience = Milliseconds(Math.max(PATIENCE_WITH_OLD_SESSION, took));
			if (session.ended.aborted) ended();
			if (this.#closing.signal.aborted) this.#drop();
			return session;
		} finally {
			cancel();
		}
	}

	#drop(): void {
		const session = this.#session;
		const leadsNowhere = this.#isStale;
		this.#isStale = false;
		this.#session = undefined;
		if (leadsNowhere && session?.abandon !== undefined) session.abandon();
		else session?.close();
	}

	#closeWhenIdle(): void {
		const { idle, clock, presence } = this.#options;
		if (idle === undefined || presence !== undefined || this.#underWay > 0) return;
		this.#cancelIdle();
		this.#cancelIdle = clock.schedule(idle, () => this.#drop());
	}
}

/** The session, and not the eIM, may be at fault. */
function isLost(error: unknown): boolean {
	return error instanceof EsimError && LOST.includes(error.code);
}

const LOST = ["TRANSPORT_TIMEOUT", "TRANSPORT_CLOSED", "TRANSPORT_RESET", "DTLS_SESSION_ENDED"];
