import type { RandomSource } from "../../runtime/random.ts";
import { concatBytes, toHex } from "../../util/bytes.ts";
import { type Block, blockOf, blockOffset, blockOption, blockSize } from "./block.ts";
import type { BodyStore, KeptAnswer } from "./body-store.ts";
import type { CoapChannel } from "./coap-channel.ts";
import type { CoapHandler, CoapPeer, CoapReply, CoapRequest, CoapResponse } from "./coap-face.ts";
import { CODE, codeOctet, codeText, methodOf } from "./code.ts";
import type { CoapMessage } from "./message.ts";
import { FIRST_SEQUENCE, Observers } from "./observers.ts";
import {
	type CoapOption,
	OPTION,
	optionTexts,
	optionUint,
	optionValue,
	textOptions,
	uintOption,
	understood,
} from "./option.ts";

/** What all paths of a server have in common. */
export interface RequestServerOptions {
	readonly handler: CoapHandler;
	readonly random: RandomSource;
	readonly bodies: BodyStore;
	/** Largest body of a request. */
	readonly maxBody: number;
	/** Requests that are being worked on, of all paths. */
	readonly load: { active: number; readonly max: number };
	readonly onError: (error: unknown) => void;
}

/** Bodies under way, and answers that wait, of one peer. */
const MAX_TRANSFERS = 4;
const MAX_OBSERVERS = 8;
/** Requests of one peer that are worked on at once: none keeps the server from others. */
const MAX_AT_ONCE = 16;

/** Seconds until a busy server is asked again. */
const BUSY_FOR = 5;

type Respond = (code: string, options?: readonly CoapOption[], payload?: Uint8Array) => void;

/** A request once its options are understood. */
interface Asked {
	readonly message: CoapMessage;
	readonly request: CoapRequest;
	readonly key: string;
	readonly block1: Block | undefined;
	readonly block2: Block | undefined;
	readonly respond: Respond;
}

/** Answers the requests of one peer, with bodies put together from blocks and cut into them (RFC 7959). */
export class RequestServer {
	readonly #channel: CoapChannel;
	readonly #options: RequestServerOptions;
	readonly #peer: CoapPeer;
	readonly #name: string;
	readonly #owner: string;
	/** Keys in the shared stores, the eldest first. */
	readonly #assemblies: string[] = [];
	readonly #answers: string[] = [];
	readonly #observers = new Observers(MAX_OBSERVERS);
	readonly #ended = new AbortController();
	#active = 0;

	constructor(channel: CoapChannel, options: RequestServerOptions) {
		this.#channel = channel;
		this.#options = options;
		this.#name = options.bodies.nextPeer();
		this.#owner = options.bodies.ownerOf(channel);
		const { remoteAddress, proven, takesBert: isStream } = channel;
		this.#peer = { remoteAddress, proven, isStream, connection: {} };
	}

	take(message: CoapMessage, reply: (response: CoapMessage | undefined) => void): void {
		const respond: Respond = (code, options = [], payload = new Uint8Array(0)) => {
			const response = { code: codeOctet(code), token: message.token, options, payload };
			reply(isSuppressed(message, response.code) ? undefined : response);
		};
		const asked = this.#read(message, respond);
		if (typeof asked === "string") respond(asked);
		else if (isForRest(asked)) this.#sendRest(asked, asked.block2);
		else if (asked.block1 === undefined) this.#dispatch(asked, message.payload);
		else {
			const body = this.#assemble(asked, asked.block1);
			if (body instanceof Uint8Array) this.#dispatch(asked, body);
			else respond(body.code, body.options);
		}
	}

	close(): void {
		this.#ended.abort(new Error("the path has ended"));
		this.#observers.close();
		for (const key of this.#assemblies) this.#options.bodies.assemblies.delete(key);
		for (const key of this.#answers) this.#options.bodies.answers.delete(key);
	}

	/** The request, or the code that refuses it. */
	#read(message: CoapMessage, respond: Respond): Asked | string {
		const { options, unknownCritical } = understood(message.options);
		const method = methodOf(message.code);
		if (unknownCritical !== undefined) return CODE.badOption;
		const isForProxy = options.some(({ number }) => number === OPTION.proxyUri || number === OPTION.proxyScheme);
		if (isForProxy) return CODE.proxyingNotSupported;
		if (method === undefined) return CODE.methodNotAllowed;
		const contentFormat = optionUint(options, OPTION.contentFormat);
		const accept = optionUint(options, OPTION.accept);
		const block1 = blockOf(optionUint(options, OPTION.block1));
		const block2 = blockOf(optionUint(options, OPTION.block2));
		const isBad = [block1, block2].some((block) => block?.exponent === 7 && !this.#channel.takesBert);
		if (isBad) return CODE.badRequest;
		const request: CoapRequest = {
			method,
			path: optionTexts(options, OPTION.uriPath),
			query: optionTexts(options, OPTION.uriQuery),
			...(contentFormat === undefined ? {} : { contentFormat }),
			...(accept === undefined ? {} : { accept }),
		};
		return {
			message: { ...message, options },
			request,
			key: this.#keyOf(message.code, options),
			block1,
			block2,
			respond,
		};
	}

	/** Not the token: clients change it from block to block (RFC 7959 section 2.4; RFC 9175 section 3). */
	#keyOf(code: number, options: readonly CoapOption[]): string {
		const of = options.filter(({ number }) => KEY_OPTIONS.includes(number));
		return [this.#name, code, ...of.map(({ number, value }) => `${number}=${toHex(value)}`)].join("|");
	}

	/** The body when its last block is here, else what the block is answered with. */
	#assemble({ key, message }: Asked, block: Block): Uint8Array | { code: string; options?: CoapOption[] } {
		const { assemblies } = this.#options.bodies;
		const offset = blockOffset(block);
		const { length } = message.payload;
		if (!isWellSized(block, length)) return { code: CODE.badRequest };
		const announced = optionUint(message.options, OPTION.size1) ?? 0;
		if (Math.max(announced, offset + length) > this.#options.maxBody) {
			assemblies.delete(key);
			return { code: CODE.requestEntityTooLarge, options: [uintOption(OPTION.size1, this.#options.maxBody)] };
		}
		if (offset === 0) this.#keep(this.#assemblies, key, (dropped) => assemblies.delete(dropped));
		const assembly = offset === 0 ? { parts: [], length: 0 } : assemblies.get(key);
		if (assembly === undefined || offset > assembly.length) return { code: CODE.requestEntityIncomplete };
		// A block that is here already was repeated: it is answered as before.
		if (offset === assembly.length) {
			assembly.parts.push(message.payload);
			assembly.length += length;
			assemblies.set(key, assembly, assembly.length, this.#owner);
		}
		if (block.hasMore) {
			// A smaller size is proposed with the first block, which then counts for as many of the smaller ones.
			const exponent = block.number > 0 ? block.exponent : this.#largest(block.exponent);
			return { code: CODE.continue, options: [blockOption(OPTION.block1, { ...block, exponent })] };
		}
		assemblies.delete(key);
		return concatBytes(...assembly.parts);
	}

	#largest(exponent: number): number {
		return this.#channel.takesBert ? exponent : Math.min(exponent, this.#channel.blockExponent);
	}

	async #dispatch(asked: Asked, payload: Uint8Array): Promise<void> {
		const { respond, request, message } = asked;
		const { handler, load, onError, maxBody } = this.#options;
		const refusal = payload.length > maxBody ? CODE.requestEntityTooLarge : CODE.serviceUnavailable;
		if (payload.length > maxBody || load.active >= load.max || this.#active >= MAX_AT_ONCE) {
			const isBusy = refusal === CODE.serviceUnavailable;
			respond(refusal, [isBusy ? uintOption(OPTION.maxAge, BUSY_FOR) : uintOption(OPTION.size1, maxBody)]);
			return;
		}
		const observe = optionUint(message.options, OPTION.observe);
		if (observe === 1) this.#observers.remove(message.token);
		load.active++;
		this.#active++;
		let answer: CoapReply;
		try {
			answer = await handler({ ...request, payload }, { ...this.#peer, signal: this.#ended.signal });
		} catch (error) {
			onError(error);
			answer = { code: CODE.internalServerError };
		} finally {
			load.active--;
			this.#active--;
		}
		if (this.#ended.signal.aborted) return;
		const { observe: begin } = answer;
		const isWanted = begin !== undefined && observe === 0 && answer.code.startsWith("2.");
		const isObserved = isWanted && this.#observers.hasRoomFor(message);
		this.#respond(asked, answer, isObserved ? [uintOption(OPTION.observe, FIRST_SEQUENCE)] : []);
		if (isObserved) this.#observe(asked, begin);
	}

	#observe(asked: Asked, begin: NonNullable<CoapReply["observe"]>): void {
		const { token } = asked.message;
		this.#observers.add(
			asked.message,
			(response, sequence, done) => {
				const respond: Respond = (code, options = [], payload = new Uint8Array(0)) => {
					this.#channel.send({ code: codeOctet(code), token, options, payload }, done);
				};
				const options = sequence === undefined ? [] : [uintOption(OPTION.observe, sequence)];
				this.#respond({ ...asked, block1: undefined, respond }, response, options);
			},
			begin,
		);
	}

	/** The whole answer, or its first block while the others wait to be fetched. */
	#respond({ key, block1, block2, respond }: Asked, response: CoapResponse, more: readonly CoapOption[]): void {
		const { payload = new Uint8Array(0), contentFormat, maxAge, code, location = [] } = response;
		const options = [
			...more,
			...textOptions(OPTION.locationPath, location),
			...(block1 === undefined ? [] : [blockOption(OPTION.block1, { ...block1, hasMore: false })]),
		];
		const whole = { payload, contentFormat, maxAge, code: codeOctet(code), etag: this.#options.random.bytes(2) };
		const room = this.#channel.maxPayload;
		const asked = block2 === undefined || block2.exponent === 7 ? room : Math.min(room, blockSize(block2.exponent));
		const { answers } = this.#options.bodies;
		if (payload.length <= asked && (block2 === undefined || block2.number === 0)) {
			answers.delete(key);
			respond(code, [...options, ...describing(whole)], payload);
			return;
		}
		this.#keep(this.#answers, key, (dropped) => answers.delete(dropped));
		answers.set(key, whole, payload.length, this.#owner);
		this.#respondBlock(whole, block2, options, respond);
	}

	/** A block of an answer that waits; who asks for nothing but to be told may be asked once more. */
	#sendRest(asked: Asked, block: Block): void {
		const answer = this.#options.bodies.answers.get(asked.key);
		if (answer !== undefined) this.#respondBlock(answer, block, [], asked.respond);
		else if (asked.request.method === "GET") this.#dispatch(asked, asked.message.payload);
		else asked.respond(CODE.requestEntityIncomplete);
	}

	#respondBlock(answer: KeptAnswer, wanted: Block | undefined, more: readonly CoapOption[], respond: Respond): void {
		const { blockExponent, maxPayload } = this.#channel;
		const offset = wanted === undefined ? 0 : blockOffset(wanted);
		const exponent = Math.min(wanted?.exponent ?? blockExponent, blockExponent);
		const size = blockSize(exponent);
		const length = exponent === 7 ? Math.max(1, Math.floor(maxPayload / size)) * size : size;
		if (offset >= answer.payload.length) {
			respond(CODE.badRequest);
			return;
		}
		const payload = answer.payload.subarray(offset, offset + length);
		const hasMore = offset + length < answer.payload.length;
		const block = blockOption(OPTION.block2, { number: offset / size, hasMore, exponent });
		const sizes = offset === 0 ? [uintOption(OPTION.size2, answer.payload.length)] : [];
		const options = [...more, ...describing(answer), { number: OPTION.etag, value: answer.etag }, block, ...sizes];
		respond(codeText(answer.code), options, payload);
	}

	#keep(keys: string[], key: string, drop: (key: string) => void): void {
		const at = keys.indexOf(key);
		if (at >= 0) keys.splice(at, 1);
		keys.push(key);
		while (keys.length > MAX_TRANSFERS) drop(keys.shift() as string);
	}
}

const KEY_OPTIONS: readonly number[] = [OPTION.uriPath, OPTION.uriQuery, OPTION.requestTag, OPTION.accept];

/** Asks for a later block of an answer, and brings no later block of a body. */
function isForRest(asked: Asked): asked is Asked & { readonly block2: Block } {
	return (asked.block2?.number ?? 0) > 0 && (asked.block1?.number ?? 0) === 0;
}

/** All blocks but the last one are full. */
function isWellSized({ hasMore, exponent }: Block, length: number): boolean {
	const size = blockSize(exponent);
	if (!hasMore) return exponent === 7 || length <= size;
	return exponent === 7 ? length > 0 && length % size === 0 : length === size;
}

function describing({ contentFormat, maxAge }: KeptAnswer): CoapOption[] {
	return [
		...(contentFormat === undefined ? [] : [uintOption(OPTION.contentFormat, contentFormat)]),
		...(maxAge === undefined ? [] : [uintOption(OPTION.maxAge, maxAge)]),
	];
}

/** Classes of codes that the client does not want to hear of (RFC 7967). */
function isSuppressed({ options }: CoapMessage, code: number): boolean {
	const value = optionValue(options, OPTION.noResponse);
	if (value === undefined) return false;
	const bits = value[0] ?? 0;
	return (bits & (1 << ((code >> 5) - 1))) !== 0;
}
