import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { CoapAnswer, CoapClient } from "@iot-esim/shared/transport/coap/coap-face";
import type { Duration } from "@iot-esim/shared/util/duration";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { PackageInjector } from "../esipa/inject-packages.ts";
import { InjectError } from "./errors.ts";
import { ESIPA_ASN1_PATH } from "./http-asn1.ts";

type Transfer = PackageInjector["transfer"];
type Address = Parameters<Transfer>[0];
type DeviceEid = Parameters<Transfer>[2];

/** An open session with a device. */
export interface DeviceSession extends CoapClient {
	close(): void;
}

/** Where a device is, and what it has to prove itself by. */
export interface InjectTarget {
	/** Stands for all of that: a session with one target is none with another. */
	readonly id: string;
	/** Opens a session in which device and eIM have proven themselves; `onClosed` tells of its end. */
	readonly open: (signal: AbortSignal, onClosed: () => void) => Promise<DeviceSession>;
}

export interface CoapInjectorOptions {
	/** Asked anew for each message. @throws InjectError for a device that nothing could prove */
	readonly targetOf: (address: Address, eid: DeviceEid) => InjectTarget;
	/** Longest time for one message and its answer, the wait for its turn and the session included. */
	readonly timeout: Duration;
	/** A session in which nothing moves for so long is closed: the acknowledgement and the next package come before. */
	readonly idle: Duration;
	/** Sessions that are kept; the one that was used longest ago makes room. */
	readonly maxSessions: number;
	readonly clock: Clock;
}

interface Kept {
	readonly id: string;
	readonly session: DeviceSession;
	cancelIdle: () => void;
}

/**
 * ESipa.TransferEimPackage over CoAP and DTLS, with the device as the server (SGP.32 eimInjectCoaps). Packages and their
 * acknowledgements to one device follow each other in one session, which is of that device, its address and its
 * credentials: an address may pass to another device.
 */
export class CoapInjector {
	readonly #options: CoapInjectorOptions;
	/** By EID; the one that was used longest ago first. */
	readonly #kept = new Map<string, Kept>();
	/** The end of what is under way with a device. */
	readonly #turns = new Map<string, Promise<unknown>>();
	#isClosed = false;

	constructor(options: CoapInjectorOptions) {
		this.#options = options;
	}

	/** One after the other to a device. @throws InjectError */
	async transfer(address: Address, message: Uint8Array, eid: DeviceEid): Promise<Uint8Array> {
		const { clock, timeout } = this.#options;
		const late = new AbortController();
		const cancel = clock.schedule(timeout, () => {
			late.abort(unreachable(address, `no answer within ${timeout} ms`));
		});
		try {
			return await this.#inTurn(eid, () => this.#exchange(address, message, eid, late.signal));
		} finally {
			cancel();
		}
	}

	close(): void {
		this.#isClosed = true;
		for (const eid of [...this.#kept.keys()]) this.#drop(eid);
	}

	/** Whoever waits is not late before the one at work is, so that the wait has an end. */
	async #inTurn<T>(eid: DeviceEid, work: () => Promise<T>): Promise<T> {
		const done = (this.#turns.get(eid) ?? Promise.resolve()).then(work);
		const turn = done.catch(() => undefined);
		this.#turns.set(eid, turn);
		try {
			return await done;
		} finally {
			if (this.#turns.get(eid) === turn) this.#turns.delete(eid);
		}
	}

	async #exchange(address: Address, message: Uint8Array, eid: DeviceEid, signal: AbortSignal): Promise<Uint8Array> {
		signal.throwIfAborted();
		const path = ESIPA_ASN1_PATH.slice(1).split("/");
		let answer: CoapAnswer;
		try {
			const session = await this.#session(address, eid, signal);
			answer = await session.request({ method: "POST", path, payload: message }, { signal });
		} catch (cause) {
			// The device may have forgotten the session: the next message has a new one.
			this.#drop(eid);
			if (signal.aborted) throw signal.reason;
			if (cause instanceof InjectError || !(cause instanceof EsimError)) throw cause;
			throw unreachable(address, cause.message, cause);
		}
		this.#rest(eid);
		const { code, payload } = answer;
		if (code.startsWith("2.")) return payload;
		const said = new TextDecoder().decode(payload).trim().slice(0, 200);
		throw new InjectError("INJECT_REFUSED", `${address.url} answered with ${code}: ${said}`);
	}

	async #session(address: Address, eid: DeviceEid, signal: AbortSignal): Promise<DeviceSession> {
		const { id, open } = this.#options.targetOf(address, eid);
		const former = this.#kept.get(eid);
		if (former?.id === id) {
			former.cancelIdle();
			return former.session;
		}
		this.#drop(eid);
		let forget: (() => void) | undefined;
		let isOver = false;
		const session = await open(signal, () => {
			isOver = true;
			forget?.();
		});
		if (this.#isClosed) {
			session.close();
			throw unreachable(address, "the eIM is being stopped");
		}
		if (isOver) return session;
		const kept: Kept = { id, session, cancelIdle: () => undefined };
		forget = () => {
			if (this.#kept.get(eid) === kept) this.#forget(eid);
		};
		this.#kept.set(eid, kept);
		this.#makeRoom();
		return session;
	}

	/** What is at work keeps its session, so that there may be more of them for a while. */
	#makeRoom(): void {
		for (const eid of [...this.#kept.keys()]) {
			if (this.#kept.size <= this.#options.maxSessions) return;
			if (!this.#turns.has(eid)) this.#drop(eid);
		}
	}

	/** A session waits for what comes next. */
	#rest(eid: DeviceEid): void {
		const { clock, idle } = this.#options;
		const kept = this.#kept.get(eid);
		if (kept === undefined) return;
		this.#kept.delete(eid);
		this.#kept.set(eid, kept);
		kept.cancelIdle = clock.schedule(idle, () => this.#drop(eid));
	}

	#forget(eid: string): void {
		this.#kept.get(eid)?.cancelIdle();
		this.#kept.delete(eid);
	}

	#drop(eid: string): void {
		const kept = this.#kept.get(eid);
		this.#forget(eid);
		kept?.session.close();
	}
}

function unreachable({ url }: Address, why: string, cause?: unknown): InjectError {
	return new InjectError("INJECT_UNREACHABLE", `${url}: ${why}`, { cause });
}
