/** Which octets of a capture are handshake, which are the envelope of TLS or DTLS, and which are what is carried inside. */

import { concatBytes } from "@iot-esim/shared/util/bytes";
import { type CapturedPacket, portOf } from "./capture.ts";

export interface RecordParts {
	/** Handshakes, tickets, alerts and changes of keys, with their records. */
	readonly handshake: number;
	/** Headers, nonces and tags of records with application data. */
	readonly envelope: number;
	/** What the records carry: HTTP, CoAP or MQTT. */
	readonly application: number;
}

/** What handshakes of a capture have shown. */
export interface SeenHandshake {
	/** As IANA numbers it, from the ServerHello. */
	readonly suite: number;
	/** The server has sent its certificate. */
	readonly isFull: boolean;
	/** The server has asked for a cookie first (DTLS). */
	readonly hasCookie: boolean;
}

const [HANDSHAKE, APPLICATION] = [22, 23];
const [SERVER_HELLO, HELLO_VERIFY, CERTIFICATE] = [2, 3, 11];
/** Suites of TLS 1.3 are 13xx: their handshakes look like application data from the ServerHello on. */
const isOfTls13 = (suite: number) => suite >> 8 === 0x13;
/** A full handshake of TLS 1.3 with OpenSSL ends with two tickets. */
const TICKETS_OF_FULL = 2;
/** Records of a client's Finished with SHA-256 and SHA-384: 4 octets, the hash, the inner type and a tag. */
const FINISHED = [53, 69];
/** A certificate does not fit into a server's flight below this; the ones without are about 200 octets. */
const SMALLEST_WITH_CERTIFICATE = 500;

/** Tag and explicit nonce, by suite; for TLS 1.3 with the octet of the inner type. */
function hidden(suite: number): number {
	if (suite === 0x1305) return 1 + 8;
	if (isOfTls13(suite)) return 1 + 16;
	const isShortTag = [0xc0ae, 0xc0af, 0xc0a8, 0xc0a9, 0xc0a0, 0xc0aa].includes(suite);
	if (isShortTag) return 8 + 8;
	return [0xcca9, 0xcca8, 0xccab].includes(suite) ? 16 : 8 + 16;
}

interface Flow {
	rest: { up: Uint8Array; down: Uint8Array };
	suite: number;
	isFull: boolean;
	hasCookie: boolean;
	/** TLS 1.3: where in the handshake it is. */
	serverFlight: number;
	isFinished: boolean;
	ticketsLeft: number;
	announced: SeenHandshake | undefined;
}

/** Reads captures of one device one after the other: what is open from an earlier one is known in the next. */
export class RecordReader {
	readonly #serverPort: number;
	readonly #ticketsOfResumed: number;
	readonly #flows = new Map<string, Flow>();
	#parts = { handshake: 0, envelope: 0, application: 0 };
	#seen: SeenHandshake[] = [];

	/** @param ticketsOfResumed how many the server gives at the end of a resumed handshake of TLS 1.3 */
	constructor(serverPort: number, ticketsOfResumed: number) {
		this.#serverPort = serverPort;
		this.#ticketsOfResumed = ticketsOfResumed;
	}

	/** The parts of this capture, and the handshakes in it. */
	read(packets: readonly CapturedPacket[]): {
		readonly parts: RecordParts;
		readonly handshakes: readonly SeenHandshake[];
	} {
		this.#parts = { handshake: 0, envelope: 0, application: 0 };
		this.#seen = [];
		for (const packet of packets) this.#take(packet);
		for (const flow of this.#flows.values()) {
			if (flow.announced === undefined) continue;
			this.#seen.push({ ...flow.announced, isFull: flow.isFull, hasCookie: flow.hasCookie });
			flow.announced = undefined;
		}
		return { parts: this.#parts, handshakes: this.#seen };
	}

	#take({ protocol, source, destination, payload, isOpening }: CapturedPacket): void {
		const isUp = portOf(destination) === this.#serverPort;
		const key = `${protocol} ${isUp ? source : destination}`;
		const flow = (isOpening ? undefined : this.#flows.get(key)) ?? newFlow();
		this.#flows.set(key, flow);
		const direction = isUp ? "up" : "down";
		let rest = protocol === "udp" ? payload : concatBytes(flow.rest[direction], payload);
		const head = protocol === "udp" ? 13 : 5;
		for (;;) {
			const length = rest.length < head ? 0 : ((rest[head - 2] ?? 0) << 8) | (rest[head - 1] ?? 0);
			if (rest.length < head + length || rest.length < head) break;
			this.#record(flow, isUp, head, rest.subarray(0, head + length));
			rest = rest.subarray(head + length);
		}
		if (protocol === "udp" && rest.length > 0) throw new Error("a datagram that is no row of DTLS records");
		flow.rest[direction] = rest.slice();
	}

	#record(flow: Flow, isUp: boolean, head: number, record: Uint8Array): void {
		const type = record[0] ?? 0;
		const body = record.subarray(head);
		const isPlain = head === 5 || (((record[3] ?? 0) << 8) | (record[4] ?? 0)) === 0;
		if (type === HANDSHAKE && isPlain) noteHandshake(flow, isUp, body, head === 13);
		if (type !== APPLICATION || this.#isHiddenHandshake(flow, isUp, record.length, head)) {
			this.#parts.handshake += record.length;
			return;
		}
		const envelope = head + hidden(flow.suite);
		this.#parts.envelope += envelope;
		this.#parts.application += record.length - envelope;
	}

	/** What TLS 1.3 hides among application data: order and sizes tell. */
	#isHiddenHandshake(flow: Flow, isUp: boolean, octets: number, head: number): boolean {
		if (head !== 5 || !isOfTls13(flow.suite)) return false;
		if (isUp) {
			if (flow.isFinished) return false;
			flow.isFinished = FINISHED.includes(octets - head);
			if (!flow.isFinished) return true;
			flow.isFull = flow.serverFlight >= SMALLEST_WITH_CERTIFICATE;
			flow.ticketsLeft = flow.isFull ? TICKETS_OF_FULL : this.#ticketsOfResumed;
			return true;
		}
		if (!flow.isFinished) flow.serverFlight += octets;
		else if (flow.ticketsLeft-- <= 0) return false;
		return true;
	}
}

function newFlow(): Flow {
	return {
		rest: { up: new Uint8Array(0), down: new Uint8Array(0) },
		suite: 0,
		isFull: false,
		hasCookie: false,
		serverFlight: 0,
		isFinished: false,
		ticketsLeft: 0,
		announced: undefined,
	};
}

/** Messages that are not encrypted: which suite, a cookie, a certificate. */
function noteHandshake(flow: Flow, isUp: boolean, body: Uint8Array, isDtls: boolean): void {
	const head = isDtls ? 12 : 4;
	for (let at = 0; at + head <= body.length; ) {
		const type = body[at] ?? 0;
		const size = isDtls ? number24(body, at + 9) : number24(body, at + 1);
		const isFirstFragment = !isDtls || number24(body, at + 6) === 0;
		if (!isUp && type === HELLO_VERIFY) flow.hasCookie = true;
		if (!isUp && type === CERTIFICATE) flow.isFull = true;
		if (!isUp && type === SERVER_HELLO && isFirstFragment) {
			const session = at + head + 34;
			const suiteAt = session + 1 + (body[session] ?? 0);
			flow.suite = ((body[suiteAt] ?? 0) << 8) | (body[suiteAt + 1] ?? 0);
			flow.isFull = false;
			flow.announced = { suite: flow.suite, isFull: false, hasCookie: false };
		}
		at += head + size;
	}
}

const number24 = (bytes: Uint8Array, at: number) =>
	((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
