import type { Duplex } from "node:stream";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Duration } from "@iot-esim/shared/util/duration";
import smpp, { type Pdu } from "smpp";
import { WakeError } from "./errors.ts";

export type { Pdu } from "smpp";

export interface SmppSessionOptions {
	readonly clock: Clock;
	/** Longest wait for a response. */
	readonly answerWithin: Duration;
	/** A request of the other side; it wants `respond`. */
	readonly onRequest: (request: Pdu) => void;
	/** Called once when the connection is over, for whatever reason. */
	readonly onEnd: (reason: WakeError) => void;
}

interface Waiting {
	resolve(response: Pdu): void;
	reject(error: WakeError): void;
	cancel(): void;
}

const HEADER = 16;
/** Larger ones are none of an SMSC: the longest field of SMPP 3.4 (message_payload) has 64 KB. */
const LONGEST_PDU = 70_000;
/** Numbers of commands that are responses begin here. */
const RESPONSE = 0x8000_0000;
// The library reads 16 KB at most by default.
smpp.PDU.maxLength = LONGEST_PDU;
/** Fields of the answers to what an SMSC asks. */
const ANSWERS: Readonly<Record<string, object>> = {
	enquire_link: {},
	unbind: {},
	deliver_sm: { message_id: "" },
	data_sm: { message_id: "" },
};
/** These have no answer. */
const UNANSWERED: readonly string[] = ["alert_notification", "outbind"];
const LAST_SEQUENCE = 0x7fff_ffff;

/**
 * One connection of SMPP 3.4: requests find their responses, also those that come in another order. Nothing stays without
 * an answer: with the connection all that waits is over.
 */
export class SmppSession {
	readonly #stream: Duplex;
	readonly #options: SmppSessionOptions;
	readonly #waiting = new Map<number, Waiting>();
	#sequence = 0;
	#received: Buffer = Buffer.alloc(0);
	#isOver = false;

	constructor(stream: Duplex, options: SmppSessionOptions) {
		this.#stream = stream;
		this.#options = options;
		stream.on("data", (octets: Buffer) => this.#take(octets));
		stream.on("error", (cause) => this.end(unreachable(`the connection failed: ${cause.message}`, cause)));
		stream.on("close", () => this.end(unreachable("the SMSC closed the connection")));
	}

	get isOver(): boolean {
		return this.#isOver;
	}

	/**
	 * The response, whatever its status.
	 * @throws WakeError WAKE_SMSC_UNREACHABLE when none comes
	 */
	request(command: string, fields: Readonly<Record<string, unknown>> = {}): Promise<Pdu> {
		const { clock, answerWithin } = this.#options;
		return new Promise((resolve, reject) => {
			if (this.#isOver) return reject(unreachable("the connection is over"));
			this.#sequence = this.#sequence === LAST_SEQUENCE ? 1 : this.#sequence + 1;
			const sequence = this.#sequence;
			const cancel = clock.schedule(answerWithin, () => {
				this.#waiting.delete(sequence);
				reject(unreachable(`no answer to ${command} within ${answerWithin} ms`));
			});
			this.#waiting.set(sequence, { resolve, reject, cancel });
			this.#stream.write(new smpp.PDU(command, { ...fields, sequence_number: sequence }).toBuffer());
		});
	}

	/**
	 * Answers a request; one that an SMSC has no reason to send gets a generic_nack.
	 * @param status command_status, 0 for success
	 */
	respond(request: Pdu, status = 0): void {
		const { command, sequence_number } = request;
		if (this.#isOver || UNANSWERED.includes(command)) return;
		const fields = ANSWERS[command];
		const answer =
			fields === undefined
				? new smpp.PDU("generic_nack", { command_status: smpp.errors.ESME_RINVCMDID, sequence_number })
				: new smpp.PDU(`${command}_resp`, { ...fields, command_status: status, sequence_number });
		this.#stream.write(answer.toBuffer());
	}

	/** Ends the connection; all that waits fails with the reason. */
	end(reason: WakeError): void {
		if (this.#isOver) return;
		this.#isOver = true;
		this.#stream.destroy();
		for (const { reject, cancel } of this.#waiting.values()) {
			cancel();
			reject(reason);
		}
		this.#waiting.clear();
		this.#options.onEnd(reason);
	}

	#take(octets: Buffer): void {
		this.#received = this.#received.length === 0 ? octets : Buffer.concat([this.#received, octets]);
		while (!this.#isOver && this.#received.length >= 4) {
			const length = this.#received.readUInt32BE(0);
			if (length < HEADER || length > LONGEST_PDU) {
				this.end(unreachable(`the SMSC sends what is no SMPP: a length of ${length}`));
				return;
			}
			if (this.#received.length < length) return;
			const pdu = this.#received.subarray(0, length);
			this.#received = this.#received.subarray(length);
			this.#handle(pdu);
		}
	}

	#handle(octets: Buffer): void {
		const pdu = this.#read(octets);
		if (pdu === undefined) return;
		if (!pdu.isResponse()) {
			this.#options.onRequest(pdu);
			return;
		}
		const waiting = this.#waiting.get(pdu.sequence_number);
		if (waiting === undefined) return;
		this.#waiting.delete(pdu.sequence_number);
		waiting.cancel();
		waiting.resolve(pdu);
	}

	#read(octets: Buffer): Pdu | undefined {
		try {
			return new smpp.PDU(octets);
		} catch (cause) {
			this.#refuse(octets.readUInt32BE(4), octets.readUInt32BE(12), cause);
			return undefined;
		}
	}

	/** One that cannot be read ends here, and not the connection: an SMSC would bring it again over the next one. */
	#refuse(command: number, sequence_number: number, cause: unknown): void {
		if (command >= RESPONSE) {
			const error = unreachable("the answer of the SMSC cannot be read", cause);
			const waiting = this.#waiting.get(sequence_number);
			this.#waiting.delete(sequence_number);
			waiting?.cancel();
			waiting?.reject(error);
			return;
		}
		const name = command === smpp.commands.deliver_sm?.id ? "deliver_sm_resp" : "generic_nack";
		const command_status = smpp.errors.ESME_RX_P_APPN ?? 0;
		this.#stream.write(new smpp.PDU(name, { command_status, sequence_number }).toBuffer());
	}
}

export function unreachable(message: string, cause?: unknown): WakeError {
	return new WakeError("WAKE_SMSC_UNREACHABLE", message, { cause });
}

const NAMES = new Map(Object.entries(smpp.errors).map(([name, status]) => [status, name]));

/** As ESME_RINVDSTADR(0x0B). */
export function statusText(status: number): string {
	return `${NAMES.get(status) ?? "status"}(0x${status.toString(16).toUpperCase().padStart(2, "0")})`;
}
