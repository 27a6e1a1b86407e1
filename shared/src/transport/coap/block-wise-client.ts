import type { RandomSource } from "../../runtime/random.ts";
import { concatBytes, equalBytes } from "../../util/bytes.ts";
import { TransportError } from "../errors.ts";
import { type Block, blockOf, blockOffset, blockOption, blockSize } from "./block.ts";
import type { CoapChannel } from "./coap-channel.ts";
import type { CoapAnswer, CoapRequest } from "./coap-face.ts";
import { CODE, codeText, METHODS } from "./code.ts";
import type { Exchanges } from "./exchanges.ts";
import type { CoapMessage } from "./message.ts";
import {
	type CoapOption,
	OPTION,
	optionTexts,
	optionUint,
	optionValue,
	textOptions,
	uintOctets,
	uintOption,
} from "./option.ts";

export interface BlockWiseClientOptions {
	readonly random: RandomSource;
	/** Largest body of an answer. */
	readonly maxBody: number;
}

/** How often a body is sent from its beginning again, because the server has lost what came before. */
const RESTARTS = 2;

/** How often all transmissions of one block may fail. */
const ATTEMPTS_OF_A_BLOCK = 4;

type Opened = { readonly signal?: AbortSignal | undefined; readonly onNotification?: (first: CoapMessage) => void };

/** Whole requests and answers over messages of bounded size (RFC 7959), one after the other. */
export class BlockWiseClient {
	readonly #channel: CoapChannel;
	readonly #exchanges: Exchanges;
	readonly #options: BlockWiseClientOptions;
	#requestTag: number;
	#last: Promise<unknown> = Promise.resolve();

	constructor(channel: CoapChannel, exchanges: Exchanges, options: BlockWiseClientOptions) {
		this.#channel = channel;
		this.#exchanges = exchanges;
		this.#options = options;
		this.#requestTag = options.random.bytes(1)[0] ?? 0;
	}

	/** Transfers of one path do not run into one another: their blocks could not be told apart (RFC 7959 section 2.5). */
	request(request: CoapRequest, opened: Opened = {}): Promise<CoapAnswer> {
		const done = this.#last.then(() => this.#transfer(request, opened));
		this.#last = done.catch(() => undefined);
		return done;
	}

	/** The whole of a notification, whose first block came by itself; one of a single message waits for no transfer. */
	fetchRest(request: CoapRequest, first: CoapMessage, signal: AbortSignal): Promise<CoapAnswer> {
		const isAll = blockOf(optionUint(first.options, OPTION.block2))?.hasMore !== true;
		if (isAll) return this.#collect(request, [], first, signal);
		const done = this.#last.then(() => this.#collect(request, optionsOf(request), first, signal));
		this.#last = done.catch(() => undefined);
		return done;
	}

	async #transfer(request: CoapRequest, opened: Opened): Promise<CoapAnswer> {
		const { payload = new Uint8Array(0) } = request;
		if (payload.length > this.#channel.maxPayload) await this.#channel.ready();
		const observe = opened.onNotification === undefined ? [] : [uintOption(OPTION.observe, 0)];
		let extra: readonly CoapOption[] = observe;
		for (let restarts = 0; ; restarts++) {
			const isWhole = payload.length <= this.#channel.maxPayload;
			const tag = isWhole ? [] : [{ number: OPTION.requestTag, value: this.#takeTag() }];
			const common = [...optionsOf(request), ...tag];
			const response = isWhole
				? await this.#one(request, [...common, ...extra], payload, opened)
				: await this.#upload(request, [...common, ...extra], payload, opened);
			const code = codeText(response.code);
			const echo = optionValue(response.options, OPTION.echo);
			if (code === CODE.unauthorized && echo !== undefined && extra === observe) {
				extra = [...observe, { number: OPTION.echo, value: echo }];
				continue;
			}
			if (code === CODE.requestEntityIncomplete && !isWhole && restarts < RESTARTS) continue;
			return this.#collect(request, common, response, opened.signal);
		}
	}

	#one(request: CoapRequest, options: readonly CoapOption[], payload: Uint8Array, opened: Opened) {
		return this.#exchanges.exchange({ code: METHODS[request.method], options, payload }, opened);
	}

	/** One block of many, whose repetition does no harm: a transfer is not given up for one of them. */
	async #oneOfMany(request: CoapRequest, options: readonly CoapOption[], payload: Uint8Array, opened: Opened) {
		for (let attempt = 1; ; attempt++) {
			try {
				return await this.#one(request, options, payload, opened);
			} catch (error) {
				const isTimeout = error instanceof TransportError && error.code === "TRANSPORT_TIMEOUT";
				if (!isTimeout || attempt === ATTEMPTS_OF_A_BLOCK) throw error;
			}
		}
	}

	/** Block after block; the response to the last one, or to the first that is not taken. */
	async #upload(request: CoapRequest, common: readonly CoapOption[], payload: Uint8Array, opened: Opened) {
		let exponent = this.#channel.blockExponent;
		let offset = 0;
		for (;;) {
			const length = exponent === 7 ? bertLength(this.#channel.maxPayload) : blockSize(exponent);
			const block: Block = {
				number: offset / blockSize(exponent),
				hasMore: offset + length < payload.length,
				exponent,
			};
			const size = offset === 0 ? [uintOption(OPTION.size1, payload.length)] : [];
			const options = [...common, ...size, blockOption(OPTION.block1, block)];
			const send = block.hasMore ? this.#oneOfMany : this.#one;
			const response = await send.call(this, request, options, payload.subarray(offset, offset + length), opened);
			const taken = blockOf(optionUint(response.options, OPTION.block1));
			const code = codeText(response.code);
			const smaller = taken !== undefined && taken.exponent < exponent ? taken.exponent : undefined;
			if (code === CODE.requestEntityTooLarge && smaller !== undefined && offset === 0) {
				exponent = smaller;
				continue;
			}
			if (code !== CODE.continue || !block.hasMore) return response;
			offset += length;
			if (smaller !== undefined && offset % blockSize(smaller) === 0) exponent = smaller;
		}
	}

	/** All blocks of the answer whose first one is here. */
	async #collect(
		request: CoapRequest,
		common: readonly CoapOption[],
		first: CoapMessage,
		signal: AbortSignal | undefined,
	): Promise<CoapAnswer> {
		const parts = [first.payload];
		let length = first.payload.length;
		let block = blockOf(optionUint(first.options, OPTION.block2));
		this.#checkSize(Math.max(length, optionUint(first.options, OPTION.size2) ?? 0));
		if (block !== undefined && blockOffset(block) !== 0)
			throw this.#wrong("its answer does not begin at its beginning");
		while (block?.hasMore) {
			if (length === 0 || length % blockSize(block.exponent) !== 0) throw this.#wrong("a block is not full");
			const { exponent }: Block = block;
			const wanted: Block = { number: length / blockSize(exponent), hasMore: false, exponent };
			const options = [...common, blockOption(OPTION.block2, wanted)];
			const next = await this.#oneOfMany(request, options, new Uint8Array(0), { signal });
			if (next.code !== first.code) {
				throw new TransportError(
					"TRANSPORT_RESET",
					`${this.#channel.remoteAddress} answered ${codeText(next.code)} to the rest of its answer`,
				);
			}
			block = blockOf(optionUint(next.options, OPTION.block2));
			if (block === undefined || blockOffset(block) !== length) throw this.#wrong("another block than asked for");
			if (!isSameState(first, next)) {
				throw new TransportError("TRANSPORT_RESET", `${this.#channel.remoteAddress} changed its answer within it`);
			}
			parts.push(next.payload);
			length += next.payload.length;
			this.#checkSize(length);
		}
		const contentFormat = optionUint(first.options, OPTION.contentFormat);
		const maxAge = optionUint(first.options, OPTION.maxAge);
		const location = optionTexts(first.options, OPTION.locationPath);
		return {
			code: codeText(first.code),
			payload: parts.length === 1 ? first.payload : concatBytes(...parts),
			...(contentFormat === undefined ? {} : { contentFormat }),
			...(maxAge === undefined ? {} : { maxAge }),
			...(location.length === 0 ? {} : { location }),
		};
	}

	#checkSize(length: number): void {
		if (length <= this.#options.maxBody) return;
		const message = `${this.#channel.remoteAddress} answers with ${length} octets, at most ${this.#options.maxBody} are taken`;
		throw new TransportError("TRANSPORT_RESPONSE_TOO_LARGE", message);
	}

	#wrong(what: string): TransportError {
		return new TransportError("TRANSPORT_PROTOCOL", `${this.#channel.remoteAddress}, block by block: ${what}`);
	}

	#takeTag(): Uint8Array {
		this.#requestTag = (this.#requestTag + 1) & 0xff;
		return uintOctets(this.#requestTag);
	}
}

/** How many octets go into one message of several blocks. */
function bertLength(maxPayload: number): number {
	return Math.max(1, Math.floor(maxPayload / blockSize(7))) * blockSize(7);
}

function isSameState(first: CoapMessage, next: CoapMessage): boolean {
	const [a, b] = [optionValue(first.options, OPTION.etag), optionValue(next.options, OPTION.etag)];
	return a === undefined || b === undefined || equalBytes(a, b);
}

function optionsOf({ path, query = [], contentFormat, accept }: CoapRequest): CoapOption[] {
	return [
		...textOptions(OPTION.uriPath, path),
		...textOptions(OPTION.uriQuery, query),
		...(contentFormat === undefined ? [] : [uintOption(OPTION.contentFormat, contentFormat)]),
		...(accept === undefined ? [] : [uintOption(OPTION.accept, accept)]),
	];
}
