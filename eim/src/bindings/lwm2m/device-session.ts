import type { Eid } from "@iot-esim/shared/ids/eid";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { CoapAnswer, CoapRequest } from "@iot-esim/shared/transport/coap/coap-face";
import { CODE, type CoapMethod } from "@iot-esim/shared/transport/coap/code";
import type { CoapEndpoint } from "@iot-esim/shared/transport/coap/endpoint";
import { encodeRefusal } from "@iot-esim/shared/transport/mqtt/refusal";
import { type Duration, Seconds } from "@iot-esim/shared/util/duration";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { EsipaHandler } from "../../esipa/handler.ts";
import { InjectError } from "../errors.ts";
import { LARGEST_ESIPA_REQUEST } from "../http-asn1.ts";
import { type DeviceMessage, isSame, isTransferAnswer, writeMessage } from "./device-message.ts";
import { FORMAT, octetsOfResource, RESOURCE } from "./esipa-object.ts";
import type { DeviceObjects } from "./link-format.ts";
import { DEFAULT_LIFETIME, type RegistrationRequest } from "./registration-request.ts";
import type { Registration } from "./registrations.ts";
import { ToldMessages } from "./told-messages.ts";

/** What all devices of a server have in common. */
export interface SessionDeps {
	readonly handler: EsipaHandler;
	/** Number of the object that carries ESipa. */
	readonly objectId: number;
	/** How long a device in queue mode is there after each of its messages. */
	readonly awakeFor: Duration;
	/** Longest wait for the answer to what was brought. */
	readonly injectTimeout: Duration;
	/** Messages of all devices that are worked on. */
	readonly load: { active: number; readonly max: number };
	readonly clock: Clock;
	readonly log: Logger;
}

interface Waiting {
	readonly number: number | undefined;
	readonly resolve: (answer: Uint8Array) => void;
	readonly reject: (error: Error) => void;
}

/** A device that was asked to come is not asked again before it had time for that. */
const WAKE_AGAIN_AFTER = Seconds(30);
/** A device that asks mostly asks again until nothing is left. */
const GOES_ON_ASKING = Seconds(3);
const NONE = new Uint8Array(0);

interface Registered {
	readonly id: string;
	readonly endpoint: string;
	readonly eid: Eid;
	readonly asked: RegistrationRequest;
	/** Of what was brought in an earlier registration, whose answer may still come. */
	readonly lastNumber: number;
}

/** A registered device: ESipa messages to it and from it, over one instance of its object. */
export class DeviceSession implements Registration {
	readonly id: string;
	readonly endpoint: string;
	readonly eid: Eid;
	readonly #deps: SessionDeps;
	lifetime: Duration;
	#usesQueueMode: boolean;
	#objects: DeviceObjects | undefined;
	#path: CoapEndpoint | undefined;
	/** While the device tells of its messages over the path. */
	#observation: AbortController | undefined;
	#next: DeviceMessage | undefined;
	/** What the eIM works on. */
	#working: DeviceMessage | undefined;
	/** The answer that is on its way. */
	#writing: { readonly to: DeviceMessage; readonly given: AbortController } | undefined;
	#isAnswering = false;
	readonly #told: ToldMessages;
	#transfers: Promise<unknown> = Promise.resolve();
	#waiting: Waiting | undefined;
	#wokenAt: number | undefined;
	#askedAt = 0;
	/** The latest request had a number: so has what is brought. */
	#isNumbering = false;
	#lastNumber: number;
	readonly #ended = new AbortController();

	constructor({ id, endpoint, eid, asked, lastNumber }: Registered, deps: SessionDeps) {
		this.id = id;
		this.endpoint = endpoint;
		this.eid = eid;
		this.#deps = deps;
		this.lifetime = asked.lifetime ?? DEFAULT_LIFETIME;
		this.#usesQueueMode = asked.usesQueueMode ?? false;
		this.#objects = asked.objects;
		this.#lastNumber = lastNumber;
		this.#told = new ToldMessages({
			read: () => this.#read(RESOURCE.fromDevice),
			take: (whole) => this.#takeWhole(whole),
			onUnreadable: (error) => deps.log.warn("message of a device cannot be read", { eid, error }),
		});
	}

	/** Number of what was brought last. */
	get lastNumber(): number {
		return this.#lastNumber;
	}

	/** Takes over what a registration update changes. */
	update(asked: RegistrationRequest): void {
		this.lifetime = asked.lifetime ?? this.lifetime;
		this.#usesQueueMode = asked.usesQueueMode ?? this.#usesQueueMode;
		if (asked.objects === undefined) return;
		this.#objects = asked.objects;
	}

	/** The path over which the device has last been heard: what is sent to it goes there. */
	get path(): CoapEndpoint | undefined {
		return this.#path;
	}

	set path(path: CoapEndpoint | undefined) {
		if (path === this.#path) return;
		this.#path = path;
		this.#observation?.abort();
		this.#observation = undefined;
	}

	/** Whether the device hears what is sent to it now. */
	get isReachable(): boolean {
		if (this.#path === undefined) return false;
		return !this.#usesQueueMode || this.#deps.clock.now() - this.#path.lastHeard < this.#deps.awakeFor;
	}

	/** Asks the device to tell of its messages, unless it does. */
	async observe(): Promise<void> {
		const { log } = this.#deps;
		const facts = { eid: this.eid, endpoint: this.endpoint };
		const path = this.#path;
		if (this.#observation !== undefined || path === undefined) return;
		if (this.instanceId === undefined) {
			log.warn("device without the object", { ...facts, objectId: this.#deps.objectId });
			return;
		}
		const observation = new AbortController();
		this.#observation = observation;
		const { signal } = observation;
		const request = { method: "GET", path: this.#pathOf(RESOURCE.fromDevice), accept: FORMAT.octetStream } as const;
		try {
			this.#notified(
				await path.observe(request, (answer) => this.#notified(answer, observation), { signal }),
				observation,
			);
		} catch (error) {
			if (signal.aborted) return;
			this.#observation = undefined;
			log.warn("messages of a device cannot be observed", { ...facts, error });
		}
	}

	/** A message of the device, however it came, or the beginning of one. */
	take(octets: Uint8Array): void {
		this.#told.tell(octets);
	}

	#takeWhole(told: DeviceMessage): void {
		const { number, message } = told;
		if (message.length === 0) return;
		if (isTransferAnswer(told)) {
			// One that comes late is none to what was brought after it.
			if (this.#waiting?.number === number) this.#waiting?.resolve(message);
			else this.#deps.log.warn("answer that nobody waits for", { eid: this.eid, number });
			return;
		}
		this.#isNumbering = number !== undefined;
		this.#wokenAt = undefined;
		this.#askedAt = this.#deps.clock.now();
		if (this.#working !== undefined && isSame(this.#working, told)) {
			// It no longer asks for what it has said between.
			this.#next = undefined;
			return;
		}
		this.#next = told;
		if (this.#writing !== undefined && !isSame(this.#writing.to, told)) this.#writing.given.abort();
		if (!this.#isAnswering) void this.#answerAll();
	}

	/**
	 * One TransferEimPackageRequest (BF4E); the whole answer.
	 * @throws InjectError
	 */
	transfer(message: Uint8Array): Promise<Uint8Array> {
		const done = this.#transfers.then(() => this.#transfer(message));
		this.#transfers = done.catch(() => undefined);
		return done;
	}

	/**
	 * Asks the device to ask for what waits, where it hears that; once until it has had time to.
	 * @returns false where it has something else to do just now
	 */
	async wake(): Promise<boolean> {
		const { clock, log } = this.#deps;
		const now = clock.now();
		if (!this.isReachable || this.instanceId === undefined) return true;
		if (this.#wokenAt !== undefined && now - this.#wokenAt < WAKE_AGAIN_AFTER) return true;
		if (this.#isAnswering || now - this.#askedAt < GOES_ON_ASKING) return false;
		this.#wokenAt = now;
		try {
			await this.#ask("POST", RESOURCE.wakeUp);
			log.info("device asked to ask", { eid: this.eid });
		} catch (error) {
			log.warn("device not woken", { eid: this.eid, error });
		}
		return true;
	}

	/** What is still on its way is of no use to a device that may have started anew. */
	end(): void {
		this.path = undefined;
		this.#ended.abort();
		this.#waiting?.reject(unreachable(this.eid, "it is no longer registered"));
	}

	#notified(answer: CoapAnswer, observation: AbortController): void {
		if (observation !== this.#observation) return;
		const { log } = this.#deps;
		const isThere = answer.code === CODE.content;
		const message = isThere ? this.#octetsIn(answer, RESOURCE.fromDevice) : undefined;
		if (message !== undefined) {
			this.take(message);
			return;
		}
		const { code, contentFormat } = answer;
		if (!isThere) this.#observation = undefined;
		log.warn("message of a device cannot be read", { eid: this.eid, code, contentFormat });
	}

	/**
	 * One after the other; of those that come meanwhile the last one only: a device asks for one thing at a time, and takes
	 * what is written for the answer to that.
	 */
	async #answerAll(): Promise<void> {
		this.#isAnswering = true;
		for (let asked = this.#takeNext(); asked !== undefined; asked = this.#takeNext()) {
			this.#working = asked;
			const answer = await this.#answerTo(asked.message);
			this.#working = undefined;
			if (this.#next === undefined) await this.#writeAnswer(asked, answer);
			else this.#deps.log.info("request replaced by a later one", { eid: this.eid });
		}
		this.#isAnswering = false;
	}

	#takeNext(): DeviceMessage | undefined {
		const next = this.#next;
		this.#next = undefined;
		return next;
	}

	async #writeAnswer(to: DeviceMessage, answer: Uint8Array): Promise<void> {
		const { log } = this.#deps;
		const given = new AbortController();
		this.#writing = { to, given };
		try {
			await this.#write(RESOURCE.toDevice, writeMessage({ number: to.number, message: answer }), given.signal);
			log.debug("request answered", { eid: this.eid, octets: answer.length });
		} catch (error) {
			if (given.signal.aborted) log.info("request replaced by a later one", { eid: this.eid });
			else log.warn("answer not sent", { eid: this.eid, error });
		} finally {
			this.#writing = undefined;
		}
	}

	async #answerTo(message: Uint8Array): Promise<Uint8Array> {
		const { handler, load, log } = this.#deps;
		const { eid } = this;
		if (message.length > LARGEST_ESIPA_REQUEST)
			return refusal(413, `at most ${LARGEST_ESIPA_REQUEST} octets are taken`);
		if (load.active >= load.max) return refusal(503, "try again later");
		load.active++;
		try {
			const peer = { remoteAddress: `lwm2m:${this.endpoint}`, provenEid: eid, link: "lwm2m" } as const;
			return (await handler.handle(message, peer)) ?? NONE;
		} catch (error) {
			const status = error instanceof EsimError ? error.httpStatus : 500;
			if (status >= 500) log.error("request failed", { eid, status, error });
			else log.warn("request refused", { eid, status, error });
			return refusal(status, status >= 500 ? "try again later" : (error as Error).message);
		} finally {
			load.active--;
		}
	}

	async #transfer(message: Uint8Array): Promise<Uint8Array> {
		const { clock, injectTimeout } = this.#deps;
		const { eid } = this;
		if (!this.isReachable) throw unreachable(eid, this.#path === undefined ? "its path is closed" : "it sleeps");
		if (this.#isNumbering) this.#lastNumber = (this.#lastNumber + 1) % 256;
		const number = this.#isNumbering ? this.#lastNumber : undefined;
		const late = new AbortController();
		let cancel: (() => void) | undefined;
		try {
			return await new Promise<Uint8Array>((resolve, reject) => {
				this.#waiting = { number, resolve, reject };
				cancel = clock.schedule(injectTimeout, () => {
					reject(unreachable(eid, `no answer within ${injectTimeout} ms`));
					late.abort();
				});
				// The answer may come before the acknowledgement of what it answers.
				this.#write(RESOURCE.toDevice, writeMessage({ number, message }), late.signal).catch(reject);
			});
		} finally {
			cancel?.();
			this.#waiting = undefined;
		}
	}

	/** @throws InjectError */
	async #read(resourceId: number): Promise<Uint8Array> {
		const answer = await this.#ask("GET", resourceId, { accept: FORMAT.octetStream });
		const octets = this.#octetsIn(answer, resourceId);
		if (octets !== undefined) return octets;
		throw new InjectError("INJECT_ANSWER_INVALID", `${this.endpoint} answers GET in format ${answer.contentFormat}`);
	}

	/** @throws InjectError */
	async #write(resourceId: number, payload: Uint8Array, signal: AbortSignal): Promise<void> {
		await this.#ask("PUT", resourceId, { contentFormat: FORMAT.octetStream, payload }, signal);
	}

	/** @throws InjectError */
	async #ask(
		method: CoapMethod,
		resourceId: number,
		more: Partial<CoapRequest> = {},
		given?: AbortSignal,
	): Promise<CoapAnswer> {
		const path = this.#path;
		if (path === undefined) throw unreachable(this.eid, "its path is closed");
		const signal = given === undefined ? this.#ended.signal : AbortSignal.any([this.#ended.signal, given]);
		let answer: CoapAnswer;
		try {
			answer = await path.request({ method, path: this.#pathOf(resourceId), ...more }, { signal });
		} catch (cause) {
			throw unreachable(this.eid, cause instanceof Error ? cause.message : String(cause), cause);
		}
		if (answer.code.startsWith("2.")) return answer;
		const where = `/${this.#pathOf(resourceId).join("/")}`;
		throw new InjectError("INJECT_REFUSED", `${this.endpoint} answers ${answer.code} to ${method} ${where}`);
	}

	#octetsIn({ payload, contentFormat }: CoapAnswer, resourceId: number): Uint8Array | undefined {
		const { objectId } = this.#deps;
		return octetsOfResource(payload, contentFormat, { objectId, instanceId: this.instanceId ?? 0, resourceId });
	}

	/** The first instance of the object; undefined for a device that has none. */
	get instanceId(): number | undefined {
		return this.#objects?.links.find(
			({ objectId, instanceId }) => objectId === this.#deps.objectId && instanceId !== undefined,
		)?.instanceId;
	}

	#pathOf(resourceId: number): string[] {
		const numbers = [this.#deps.objectId, this.instanceId ?? 0, resourceId];
		return [...(this.#objects?.root ?? []), ...numbers.map(String)];
	}
}

function refusal(status: number, text: string): Uint8Array {
	return encodeRefusal({ status, text });
}

export function unreachable(eid: Eid, why: string, cause?: unknown): InjectError {
	return new InjectError("INJECT_UNREACHABLE", `${eid} over LwM2M: ${why}`, { cause });
}
