import { concatBytes, utf8 } from "@iot-esim/shared/util/bytes";

/** A protocol data unit of SMPP 3.4 (section 3.2): header and body. */
export interface SmppPdu {
	readonly command: number;
	readonly status: number;
	readonly sequence: number;
	readonly body: Uint8Array;
}

/** Command ids of section 5.1.2.1; a response has the first bit set. */
export const Command = {
	genericNack: 0x8000_0000,
	bindReceiver: 0x01,
	bindTransmitter: 0x02,
	submitSm: 0x04,
	deliverSm: 0x05,
	unbind: 0x06,
	bindTransceiver: 0x09,
	enquireLink: 0x15,
} as const;

export const RESPONSE = 0x8000_0000;

/** Command statuses of section 5.1.3. */
export const Status = {
	ok: 0x00,
	invalidLength: 0x02,
	invalidCommand: 0x03,
	notBound: 0x04,
	alreadyBound: 0x05,
	invalidDestination: 0x0b,
	invalidPassword: 0x0e,
	invalidSystemId: 0x0f,
	invalidTime: 0x62,
	throttled: 0x58,
} as const;

const HEADER = 16;
const LONGEST = 70_000;

export function encodePdu({ command, status, sequence, body }: SmppPdu): Uint8Array {
	const pdu = new Uint8Array(HEADER + body.length);
	const view = new DataView(pdu.buffer);
	for (const [i, word] of [pdu.length, command, status, sequence].entries()) view.setUint32(4 * i, word);
	pdu.set(body, HEADER);
	return pdu;
}

/** Cuts a stream of octets into protocol data units. @throws RangeError on a length that none can have */
export class PduReader {
	#held: Uint8Array = new Uint8Array(0);

	*read(octets: Uint8Array): Generator<SmppPdu> {
		this.#held = concatBytes(this.#held, octets);
		while (this.#held.length >= 4) {
			const view = new DataView(this.#held.buffer, this.#held.byteOffset);
			const length = view.getUint32(0);
			if (length < HEADER || length > LONGEST) throw new RangeError(`a length of ${length}`);
			if (this.#held.length < length) return;
			const body = this.#held.slice(HEADER, length);
			const pdu = { command: view.getUint32(4), status: view.getUint32(8), sequence: view.getUint32(12), body };
			this.#held = this.#held.slice(length);
			yield pdu;
		}
	}
}

/** Reads the fields of a body in their order. @throws RangeError when it ends too early */
export class FieldReader {
	readonly #body: Uint8Array;
	#at = 0;

	constructor(body: Uint8Array) {
		this.#body = body;
	}

	octet(): number {
		const octet = this.#body[this.#at++];
		if (octet === undefined) throw new RangeError("the body ends too early");
		return octet;
	}

	octets(length: number): Uint8Array {
		if (this.#at + length > this.#body.length) throw new RangeError("the body ends too early");
		this.#at += length;
		return this.#body.slice(this.#at - length, this.#at);
	}

	/** A C-Octet String: up to a zero octet. */
	text(): string {
		const end = this.#body.indexOf(0, this.#at);
		if (end < 0) throw new RangeError("a text has no end");
		const text = new TextDecoder("latin1").decode(this.#body.subarray(this.#at, end));
		this.#at = end + 1;
		return text;
	}
}

export const cString = (text: string) => concatBytes(utf8(text), Uint8Array.of(0));

/** An optional parameter (section 5.3). */
export function parameter(tag: number, value: Uint8Array): Uint8Array {
	return concatBytes(Uint8Array.of(tag >> 8, tag & 0xff, value.length >> 8, value.length & 0xff), value);
}

/** submit_sm (section 4.4.1), as far as an SMSC of a bench looks at it. */
export interface SubmitSm {
	readonly source: Address;
	readonly destination: Address;
	readonly esmClass: number;
	readonly validity: string;
	readonly wantsReceipt: boolean;
	readonly replaces: boolean;
	readonly dataCoding: number;
	/** With the user data header that esmClass speaks of. */
	readonly message: Uint8Array;
}

export interface Address {
	readonly ton: number;
	readonly npi: number;
	readonly digits: string;
}

/** @throws RangeError */
export function decodeSubmitSm(body: Uint8Array): SubmitSm {
	const read = new FieldReader(body);
	const address = () => ({ ton: read.octet(), npi: read.octet(), digits: read.text() });
	read.text(); // service_type
	const [source, destination] = [address(), address()];
	const esmClass = read.octet();
	read.octets(2); // protocol_id, priority_flag
	read.text(); // schedule_delivery_time
	const validity = read.text();
	const wantsReceipt = (read.octet() & 0x03) !== 0;
	const replaces = read.octet() === 1;
	const dataCoding = read.octet();
	read.octet(); // sm_default_msg_id
	const message = read.octets(read.octet());
	return { source, destination, esmClass, validity, wantsReceipt, replaces, dataCoding, message };
}

/** deliver_sm (section 4.6.1). */
export function encodeDeliverSm(fields: {
	readonly source: Address;
	readonly destination: Address;
	readonly esmClass: number;
	readonly dataCoding: number;
	readonly message: Uint8Array;
	readonly parameters?: readonly Uint8Array[];
}): Uint8Array {
	const address = ({ ton, npi, digits }: Address) => concatBytes(Uint8Array.of(ton, npi), cString(digits));
	const { source, destination, esmClass, dataCoding, message, parameters = [] } = fields;
	return concatBytes(
		cString(""),
		address(source),
		address(destination),
		Uint8Array.of(esmClass, 0, 0),
		cString(""),
		cString(""),
		Uint8Array.of(0, 0, dataCoding, 0, message.length),
		message,
		...parameters,
	);
}

/** The moment that a time stands for, absolute or relative (section 7.1.1); undefined for none. @throws RangeError */
export function momentOf(text: string, now: number): number | undefined {
	if (text === "") return undefined;
	const match = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d)(\d\d)([-+R])$/.exec(text);
	if (match === null) throw new RangeError(`"${text}" is no time`);
	const [years = 0, months = 0, days = 0, hours = 0, minutes = 0, seconds = 0, tenths = 0, quarters = 0] = match
		.slice(1, 9)
		.map(Number);
	if (match[9] === "R") {
		return now + ((((years * 365 + months * 30 + days) * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
	}
	const local = Date.UTC(2000 + years, months - 1, days, hours, minutes, seconds, tenths * 100);
	// Quarters of an hour that the local time is ahead of UTC, or behind it.
	return local - (match[9] === "+" ? 1 : -1) * quarters * 900_000;
}
