import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { CoapClient } from "@iot-esim/shared/transport/coap/coap-face";
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

export interface CoapInjectorOptions {
	/** Opens a session in which device and eIM have proven themselves; `onClosed` tells of its end. */
	readonly open: (
		address: Address,
		eid: DeviceEid,
		signal: AbortSignal,
		onClosed: () => void,
	) => Promise<DeviceSession>;
	/** Longest time for one message and its answer, the session included. */
	readonly timeout: Duration;
	/** A session in which nothing moves for so long is closed: the acknowledgement and the next package come before. */
	readonly idle: Duration;
	/** Sessions at once; the one that was used longest ago makes room. */
	readonly maxSessions: number;
	readonly clock: Clock;
}

interface Kept {
	readonly session: DeviceSession;
	cancelIdle: () => void;
}

/**
 * ESipa.TransferEimPackage over CoAP and DTLS, with the device as the server (SGP.32 eimInjectCoaps). Packages and their
 * acknowledgements to one device follow each other in one session.
 */
export class CoapInjector {
	readonly #options: CoapInjectorOptions;
	readonly #kept = new Map<string, Kept>();

	constructor(options: CoapInjectorOptions) {
		this.#options = options;
	}

	/** @throws InjectError */
	async transfer(address: Address, message: Uint8Array, eid: DeviceEid): Promise<Uint8Array> {
		const { clock, timeout } = this.#options;
		const late = new AbortController();
		const cancel = clock.schedule(timeout, () => {
			late.abort(new InjectError("INJECT_UNREACHABLE", `${address.url}: no answer within ${timeout} ms`));
		});
		try {
			return await this.#exchange(address, message, eid, late.signal);
		} catch (cause) {
			if (cause instanceof InjectError) throw cause;
			this.#drop(address.url);
			if (late.signal.aborted) throw late.signal.reason;
			if (!(cause instanceof EsimError)) throw cause;
			throw new InjectError("INJECT_UNREACHABLE", `${address.url}: ${cause.message}`, { cause });
		} finally {
			cancel();
		}
	}

	close(): void {
		for (const url of [...this.#kept.keys()]) this.#drop(url);
	}

	async #exchange(address: Address, message: Uint8Array, eid: DeviceEid, signal: AbortSignal): Promise<Uint8Array> {
		const { url } = address;
		const session = await this.#session(address, eid, signal);
		const path = ESIPA_ASN1_PATH.slice(1).split("/");
		const { code, payload } = await session.request({ method: "POST", path, payload: message }, { signal });
		this.#keep(url, session);
		if (code.startsWith("2.")) return payload;
		const said = new TextDecoder().decode(payload).trim().slice(0, 200);
		throw new InjectError("INJECT_REFUSED", `${url} answered with ${code}: ${said}`);
	}

	async #session(address: Address, eid: DeviceEid, signal: AbortSignal): Promise<DeviceSession> {
		const { url } = address;
		const kept = this.#kept.get(url);
		if (kept !== undefined) return kept.session;
		const session: DeviceSession = await this.#options.open(address, eid, signal, () => {
			if (this.#kept.get(url)?.session === session) this.#forget(url);
		});
		this.#keep(url, session);
		return session;
	}

	#keep(url: string, session: DeviceSession): void {
		const { clock, idle, maxSessions } = this.#options;
		this.#forget(url);
		this.#kept.set(url, { session, cancelIdle: clock.schedule(idle, () => this.#drop(url)) });
		for (const oldest of this.#kept.keys()) {
			if (this.#kept.size <= maxSessions) return;
			this.#drop(oldest);
		}
	}

	#forget(url: string): void {
		this.#kept.get(url)?.cancelIdle();
		this.#kept.delete(url);
	}

	#drop(url: string): void {
		const kept = this.#kept.get(url);
		this.#forget(url);
		kept?.session.close();
	}
}
