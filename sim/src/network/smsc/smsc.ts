import type { Duplex } from "node:stream";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import {
	Command,
	cString,
	decodeSubmitSm,
	encodeDeliverSm,
	encodePdu,
	FieldReader,
	momentOf,
	PduReader,
	parameter,
	RESPONSE,
	type SmppPdu,
	Status,
	type SubmitSm,
} from "./smpp-pdu.ts";

/** A short message as it comes to a device. */
export interface ShortMessage {
	readonly from: string;
	/** Destination port of its user data header (3GPP TS 23.040 section 9.2.3.24.4). */
	readonly port?: number;
	/** Without the user data header. */
	readonly octets: Uint8Array;
}

/** A device that has a number. */
export interface Subscriber {
	/** False while it is out of reach: then the SMSC keeps the message. */
	receive(message: ShortMessage): boolean;
}

export interface SmscOptions {
	readonly clock: Clock;
	readonly log: Logger;
	/** Who may bind: password by system id. */
	readonly accounts: Readonly<Record<string, string>>;
	readonly subscriber: (msisdn: string) => Subscriber | undefined;
	/** Messages of one binding within a second; more are answered with ESME_RTHROTTLED. No bound when absent. */
	readonly perSecond?: number;
}

interface Kept {
	readonly id: string;
	readonly submitted: SubmitSm;
	readonly account: string;
	readonly keptAt: number;
	readonly until: number;
}

interface Binding {
	account?: string;
	/** May it be given messages: bound as receiver or transceiver. */
	receives: boolean;
	sequence: number;
	/** When the messages of the last second came. */
	recent: number[];
	send(pdu: SmppPdu): void;
}

const DEFAULT_VALIDITY = 24 * 3_600_000;
const RETRY = Seconds(1);
const HAS_USER_DATA_HEADER = 0x40;
const RECEIPT = 0x04;
const NO_BODY = new Uint8Array(0);
const BINDS: readonly number[] = [Command.bindReceiver, Command.bindTransmitter, Command.bindTransceiver];

/**
 * An SMSC for benches, written from the SMPP 3.4 specification: takes messages by SMPP, keeps them until the device is
 * reached or their validity ends, and says so by delivery receipts.
 */
export class Smsc {
	readonly #options: SmscOptions;
	readonly #bindings = new Map<Duplex, Binding>();
	#kept: Kept[] = [];
	#messages = 0;
	#cancelRetry: (() => void) | undefined;

	constructor(options: SmscOptions) {
		this.#options = options;
	}

	/** Messages that wait for their devices. */
	get waiting(): number {
		return this.#kept.length;
	}

	/** Serves one connection until its end. */
	accept(stream: Duplex): void {
		const reader = new PduReader();
		const binding: Binding = {
			receives: false,
			sequence: 0,
			recent: [],
			send: (pdu) => void (stream.writable && stream.write(encodePdu(pdu))),
		};
		this.#bindings.set(stream, binding);
		stream.on("data", (octets: Buffer) => {
			try {
				for (const pdu of reader.read(new Uint8Array(octets))) {
					if (this.#handle(binding, pdu)) stream.end();
				}
			} catch (error) {
				this.#options.log.warn("no SMPP", { error });
				stream.destroy();
			}
		});
		stream.on("error", () => stream.destroy());
		stream.on("close", () => this.#bindings.delete(stream));
	}

	/** Tries again what waits, since a device may be in reach now. */
	reconsider(): void {
		const now = this.#options.clock.now();
		this.#cancelRetry?.();
		this.#cancelRetry = undefined;
		const before = this.#kept;
		this.#kept = [];
		for (const kept of before) {
			if (this.#deliver(kept)) this.#report(kept, "DELIVRD");
			else if (kept.until <= now) this.#report(kept, "EXPIRED");
			else this.#kept.push(kept);
		}
		if (this.#kept.length === 0) return;
		this.#cancelRetry = this.#options.clock.schedule(Milliseconds(RETRY), () => this.reconsider());
	}

	/** Breaks every connection, as a failing SMSC does; messages stay. */
	drop(): void {
		for (const stream of [...this.#bindings.keys()]) stream.destroy();
	}

	stop(): void {
		this.#cancelRetry?.();
		this.#kept = [];
		this.drop();
	}

	/** True when the connection shall end. */
	#handle(binding: Binding, pdu: SmppPdu): boolean {
		const answer = (status: number, body: Uint8Array = NO_BODY) =>
			binding.send({ command: (pdu.command | RESPONSE) >>> 0, status, sequence: pdu.sequence, body });
		if (pdu.command >= RESPONSE) return false;
		try {
			if (BINDS.includes(pdu.command)) {
				const status = this.#bind(binding, pdu);
				answer(status, status === Status.ok ? cString("sim-smsc") : NO_BODY);
			} else if (pdu.command === Command.enquireLink) answer(Status.ok);
			else if (pdu.command === Command.unbind) {
				answer(Status.ok);
				return true;
			} else if (pdu.command === Command.submitSm) {
				const taken = this.#submit(binding, pdu.body);
				if (typeof taken === "number") answer(taken);
				else {
					answer(Status.ok, cString(taken.id));
					this.reconsider();
				}
			} else {
				const nack = { command: Command.genericNack, status: Status.invalidCommand, sequence: pdu.sequence };
				binding.send({ ...nack, body: NO_BODY });
			}
		} catch (error) {
			if (!(error instanceof RangeError)) throw error;
			answer(Status.invalidLength);
		}
		return false;
	}

	#bind(binding: Binding, { command, body }: SmppPdu): number {
		const read = new FieldReader(body);
		const [systemId, password] = [read.text(), read.text()];
		const expected = Object.hasOwn(this.#options.accounts, systemId) ? this.#options.accounts[systemId] : undefined;
		if (binding.account !== undefined) return Status.alreadyBound;
		if (expected === undefined) return Status.invalidSystemId;
		if (password !== expected) return Status.invalidPassword;
		binding.account = systemId;
		binding.receives = command !== Command.bindTransmitter;
		return Status.ok;
	}

	/** The message kept, or the status that refuses it. */
	#submit(binding: Binding, body: Uint8Array): Kept | number {
		const { clock, perSecond, subscriber, log } = this.#options;
		const { account } = binding;
		if (account === undefined) return Status.notBound;
		const now = clock.now();
		binding.recent = binding.recent.filter((at) => at > now - 1000);
		if (perSecond !== undefined && binding.recent.length >= perSecond) return Status.throttled;
		const submitted = decodeSubmitSm(body);
		const { destination, source, message, replaces } = submitted;
		if (subscriber(destination.digits) === undefined) return Status.invalidDestination;
		let until: number | undefined;
		try {
			until = momentOf(submitted.validity, now);
		} catch {
			return Status.invalidTime;
		}
		binding.recent.push(now);
		const isReplaced = (kept: Kept) =>
			replaces &&
			kept.account === account &&
			kept.submitted.destination.digits === destination.digits &&
			kept.submitted.source.digits === source.digits;
		const id = this.#kept.find(isReplaced)?.id ?? (++this.#messages).toString(16).padStart(8, "0").toUpperCase();
		const kept = { id, submitted, account, keptAt: now, until: until ?? now + DEFAULT_VALIDITY };
		this.#kept = [...this.#kept.filter((one) => !isReplaced(one)), kept];
		log.info("short message taken", { id, to: destination.digits, octets: toHex(message) });
		return kept;
	}

	#deliver({ submitted }: Kept): boolean {
		const { source, destination, esmClass, message } = submitted;
		const header = (esmClass & HAS_USER_DATA_HEADER) === 0 ? NO_BODY : message.slice(0, (message[0] ?? 0) + 1);
		const port = portIn(header);
		const octets = message.slice(header.length);
		const received = { from: source.digits, octets, ...(port === undefined ? {} : { port }) };
		return this.#options.subscriber(destination.digits)?.receive(received) ?? false;
	}

	/** The delivery receipt, in the text of appendix B and in optional parameters, to a binding of the same account. */
	#report({ id, submitted, account, keptAt }: Kept, stat: "DELIVRD" | "EXPIRED"): void {
		this.#options.log.info("short message over", { id, stat });
		if (!submitted.wantsReceipt) return;
		const binding = [...this.#bindings.values()].find((one) => one.account === account && one.receives);
		if (binding === undefined) return;
		const isDelivered = stat === "DELIVRD";
		const counts = `sub:001 dlvrd:00${isDelivered ? 1 : 0}`;
		const dates = `submit date:${date(keptAt)} done date:${date(this.#options.clock.now())}`;
		const text = `id:${id} ${counts} ${dates} stat:${stat} err:${isDelivered ? "000" : "001"} text:`;
		const body = encodeDeliverSm({
			source: submitted.destination,
			destination: submitted.source,
			esmClass: RECEIPT,
			dataCoding: 0,
			message: utf8(text),
			parameters: [parameter(0x001e, cString(id)), parameter(0x0427, Uint8Array.of(isDelivered ? 2 : 3))],
		});
		binding.send({ command: Command.deliverSm, status: Status.ok, sequence: ++binding.sequence, body });
	}
}

/** YYMMDDhhmm. */
function date(at: number): string {
	return new Date(at).toISOString().replace(/\D/g, "").slice(2, 12);
}

function portIn(header: Uint8Array): number | undefined {
	for (let at = 1; at + 1 < header.length; at += 2 + (header[at + 1] ?? 0)) {
		if (header[at] === 0x05 && header[at + 1] === 4) return ((header[at + 2] ?? 0) << 8) | (header[at + 3] ?? 0);
	}
	return undefined;
}
