import { concatBytes, toHex } from "@iot-esim/shared/util/bytes";
import { CardError, statusHex } from "./errors.ts";

/** A short command APDU (ISO/IEC 7816-4). `le` is 1 to 256; 256 is written as 00. */
export interface CommandApdu {
	readonly cla: number;
	readonly ins: number;
	readonly p1: number;
	readonly p2: number;
	readonly data?: Uint8Array;
	readonly le?: number;
}

export interface ResponseApdu {
	readonly data: Uint8Array;
	/** SW1 and SW2 as one number: 0x9000. */
	readonly status: number;
}

/** Moves one APDU to the card and back. */
export type Transmit = (apdu: Uint8Array) => Promise<Uint8Array>;

/** Longest response that is collected over GET RESPONSE; far above any ES10 function. */
const RESPONSE_LIMIT = 4 * 1024 * 1024;
const HIGHEST_CHANNEL = 19;
const HIGHEST_BLOCK = 255;

/** Octets of a command APDU. */
export function encodeCommand(command: CommandApdu): Uint8Array {
	const header = Uint8Array.of(command.cla, command.ins, command.p1, command.p2);
	const body = command.data === undefined ? [] : [Uint8Array.of(command.data.length), command.data];
	const le = command.le === undefined ? [] : [Uint8Array.of(command.le & 0xff)];
	return concatBytes(header, ...body, ...le);
}

/**
 * Data and status of a response APDU.
 * @throws CardError CARD_RESPONSE_INVALID when the status is missing
 */
export function decodeResponse(response: Uint8Array): ResponseApdu {
	if (response.length < 2) {
		throw new CardError("CARD_RESPONSE_INVALID", `the card answered "${toHex(response)}", which has no status`);
	}
	const end = response.length - 2;
	return {
		data: response.subarray(0, end),
		status: ((response[end] as number) << 8) | (response[end + 1] as number),
	};
}

/** Class octet of an interindustry command (SELECT, GET RESPONSE) on a logical channel 0 to 19. */
export function interindustryClass(channel: number): number {
	checkChannel(channel);
	return channel <= 3 ? channel : 0x40 | (channel - 4);
}

/** Class octet of a proprietary command (STORE DATA) on a logical channel 0 to 19. */
export function proprietaryClass(channel: number): number {
	return 0x80 | interindustryClass(channel);
}

function checkChannel(channel: number): void {
	if (!Number.isInteger(channel) || channel < 0 || channel > HIGHEST_CHANNEL) {
		throw new CardError("CARD_NO_CHANNEL", `logical channels are 0 to ${HIGHEST_CHANNEL}, not ${channel}`);
	}
}

/** 9000, or 91xx: done, and a proactive command waits. */
export function isSuccess(status: number): boolean {
	return status === 0x9000 || status >>> 8 === 0x91;
}

/** True when a proactive command waits to be fetched; its length is the second status octet. */
export function hasProactiveCommand(status: number): boolean {
	return status >>> 8 === 0x91;
}

/**
 * Sends a command and collects the whole response: 6Cxx repeats with the right Le, 61xx is followed by GET RESPONSE
 * until the card has given everything. Data that comes directly with 9000 (T=1, modems) is taken as it is.
 */
export async function exchange(transmit: Transmit, command: CommandApdu, channel: number): Promise<ResponseApdu> {
	const parts: Uint8Array[] = [];
	let length = 0;
	let response = await exchangeOnce(transmit, command);
	while (response.status >>> 8 === 0x61) {
		parts.push(response.data);
		length += response.data.length;
		if (length > RESPONSE_LIMIT) {
			throw new CardError("CARD_RESPONSE_INVALID", `the card's answer has more than ${RESPONSE_LIMIT} octets`);
		}
		const getResponse = {
			cla: interindustryClass(channel),
			ins: 0xc0,
			p1: 0,
			p2: 0,
			le: response.status & 0xff || 256,
		};
		const next = await exchangeOnce(transmit, getResponse);
		if (next.data.length === 0 && next.status >>> 8 === 0x61) {
			throw new CardError("CARD_RESPONSE_INVALID", "the card announces data but gives none", { status: next.status });
		}
		response = next;
	}
	if (parts.length === 0) return response;
	return { data: concatBytes(...parts, response.data), status: response.status };
}

async function exchangeOnce(transmit: Transmit, command: CommandApdu): Promise<ResponseApdu> {
	const response = decodeResponse(await transmit(encodeCommand(command)));
	if (response.status >>> 8 !== 0x6c) return response;
	return decodeResponse(await transmit(encodeCommand({ ...command, le: response.status & 0xff || 256 })));
}

export interface StoreDataOptions {
	readonly channel: number;
	/** Data octets in one STORE DATA, 1 to 255. */
	readonly blockSize: number;
	/** Adds Le 00 to the last block, for cards under T=1 that give data only when it is asked for. */
	readonly withLe?: boolean;
}

/**
 * One ES10 command over STORE DATA (SGP.22 §5.7.2): blocks counted from 00 in P2, P1 11 for more to come and 91 for
 * the last.
 * @throws CardError CARD_COMMAND_TOO_LONG, or CARD_STATUS when a block before the last is refused
 */
export async function storeData(
	transmit: Transmit,
	command: Uint8Array,
	options: StoreDataOptions,
): Promise<ResponseApdu> {
	const { channel, blockSize } = options;
	const last = Math.max(0, Math.ceil(command.length / blockSize) - 1);
	if (last > HIGHEST_BLOCK) {
		throw new CardError(
			"CARD_COMMAND_TOO_LONG",
			`${command.length} octets do not fit into 256 blocks of ${blockSize} octets`,
		);
	}
	for (let block = 0; ; block++) {
		const data = command.subarray(block * blockSize, (block + 1) * blockSize);
		const apdu = { cla: proprietaryClass(channel), ins: 0xe2, p1: block === last ? 0x91 : 0x11, p2: block, data };
		if (block === last) return exchange(transmit, options.withLe ? { ...apdu, le: 256 } : apdu, channel);
		const response = await exchange(transmit, apdu, channel);
		if (!isSuccess(response.status)) throw refusedBlock(command, block, last, response.status);
	}
}

function refusedBlock(command: Uint8Array, block: number, last: number, status: number): CardError {
	return new CardError(
		"CARD_STATUS",
		`the card refused block ${block + 1} of ${last + 1} of command ${toHex(command.subarray(0, 2))} with ${statusHex(status)}`,
		{ status },
	);
}
