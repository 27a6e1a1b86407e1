import type { AkaAlgorithm } from "@iot-esim/shared/crypto/aka/algorithm";
import { verifyAutn } from "@iot-esim/shared/crypto/aka/authentication";
import { milenage } from "@iot-esim/shared/crypto/aka/milenage";
import { type SequenceNumbers, sequencePolicyOf } from "@iot-esim/shared/crypto/aka/sequence";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import type { Subscriber } from "@iot-esim/shared/profile/subscriber";
import { concatBytes, equalBytes, hex, toHex } from "@iot-esim/shared/util/bytes";

/** A USIM of a few files, to test the modem without the eUICC: it does what the test tells it and notes every APDU. */
export interface TinyProfile {
	readonly iccid: string;
	readonly imsi: string;
	readonly mncLength: 2 | 3;
	readonly k: Uint8Array;
	readonly opc: Uint8Array;
}

export const TINY_AID = hex`A0000000871002FF33FF0189000001FF`;
export const TINY_ATR = hex`3B9F96801FC78031E073FE211B63`;
const OK = 0x9000;

/** The subscriber that an HSS has for a profile. */
export function subscriberOfTiny(profile: TinyProfile): Subscriber {
	return {
		iccid: Iccid(profile.iccid),
		imsi: profile.imsi,
		algorithm: "milenage",
		algorithmID: 1,
		algorithmOptions: hex`00`,
		key: profile.k,
		opc: profile.opc,
		rotationConstants: new Uint8Array(0),
		xoringConstants: new Uint8Array(0),
		numberOfKeccak: 1,
		sqnOptions: 2,
		sqnDelta: hex`000010000000`,
		sqnAgeLimit: hex`000010000000`,
		sqnInit: [],
	};
}

export class TinyCard {
	/** Every APDU and every "on", "off", "reset", in order. */
	readonly log: string[] = [];
	/** Highest accepted sequence numbers; a test may set them to force AUTS. */
	sequenceNumbers: SequenceNumbers = [];
	/** Proactive commands that wait, oldest first. */
	readonly proactive: Uint8Array[] = [];
	/** Called for every APDU on another channel than the basic one; 9000 when absent. */
	onChannel: (apdu: Uint8Array) => Uint8Array = () => hex`9000`;
	/** Takes effect at the next power on or reset. */
	profile: TinyProfile | undefined;
	#active: TinyProfile | undefined;
	#algorithm: AkaAlgorithm | undefined;
	#file: string | undefined;
	#answer: Uint8Array = new Uint8Array(0);
	readonly #channels = new Set<number>();

	constructor(profile: TinyProfile | undefined) {
		this.profile = profile;
	}

	async powerOn(): Promise<Uint8Array> {
		this.log.push("on");
		return this.#start();
	}
	powerOff(): void {
		this.log.push("off");
	}
	async reset(): Promise<Uint8Array> {
		this.log.push("reset");
		return this.#start();
	}
	atr(): Uint8Array {
		return TINY_ATR;
	}
	get openChannels(): readonly number[] {
		return [...this.#channels];
	}

	async transmit(apdu: Uint8Array): Promise<Uint8Array> {
		this.log.push(toHex(apdu));
		const [cla = 0, ins, p1 = 0, p2 = 0] = apdu;
		if ((cla & 0x43) !== 0) return this.#channels.has(cla & 3) ? this.onChannel(apdu) : hex`6881`;
		if (ins === 0xc0) return this.#getResponse(apdu[4] ?? 0);
		const [data, status] = this.#basic(ins ?? 0, p1, p2, apdu.subarray(5, 5 + (apdu[4] ?? 0)));
		if (status !== OK) return Uint8Array.of(status >> 8, status & 0xff);
		const isCase4 = apdu.length > 5 && data.length > 0;
		if (!isCase4) return concatBytes(data, this.#ok());
		this.#answer = data;
		return Uint8Array.of(0x61, data.length);
	}

	#start(): Uint8Array {
		if (this.#active && this.#active !== this.profile) this.sequenceNumbers = [];
		this.#active = this.profile;
		this.#algorithm = this.profile && milenage({ k: this.profile.k, opc: this.profile.opc });
		this.#file = undefined;
		this.#channels.clear();
		this.proactive.length = 0;
		return TINY_ATR;
	}

	/** 9000, or 91xx while a proactive command waits. */
	#ok(): Uint8Array {
		const [next] = this.proactive;
		return next ? Uint8Array.of(0x91, next.length) : hex`9000`;
	}

	#getResponse(le: number): Uint8Array {
		const answer = this.#answer.subarray(0, le || 256);
		this.#answer = new Uint8Array(0);
		return concatBytes(answer, this.#ok());
	}

	#basic(ins: number, p1: number, p2: number, data: Uint8Array): [Uint8Array, number] {
		const none = new Uint8Array(0);
		switch (ins) {
			case 0x10: // TERMINAL PROFILE
			case 0xf2: // STATUS
			case 0xaa: // TERMINAL CAPABILITY
				return [none, OK];
			case 0x12: // FETCH
				return [this.proactive[0] ?? none, this.proactive[0] ? OK : 0x6985];
			case 0x14: // TERMINAL RESPONSE
				this.proactive.shift();
				return [none, OK];
			case 0x70:
				return this.#manageChannel(p1, p2);
			case 0xa4:
				return this.#select(p1, data);
			case 0xb0:
				return this.#contents(0);
			case 0xb2:
				return this.#contents(p1);
			case 0x88:
				return this.#authenticate(data);
			default:
				return [none, 0x6d00];
		}
	}

	#manageChannel(p1: number, p2: number): [Uint8Array, number] {
		if (p1 === 0x80) return [new Uint8Array(0), this.#channels.delete(p2) ? OK : 0x6a86];
		const channel = p2 || ([1, 2, 3].find((number) => !this.#channels.has(number)) ?? 0);
		if (channel === 0) return [new Uint8Array(0), 0x6a81];
		this.#channels.add(channel);
		return [p2 === 0 ? Uint8Array.of(channel) : new Uint8Array(0), OK];
	}

	#select(p1: number, data: Uint8Array): [Uint8Array, number] {
		const isApplication = p1 === 0x04;
		if (isApplication && (!this.#active || !equalBytes(data, TINY_AID))) return [new Uint8Array(0), 0x6a82];
		this.#file = isApplication ? "ADF" : toHex(data);
		return [hex`6203820178`, OK];
	}

	#contents(record: number): [Uint8Array, number] {
		const profile = this.#active;
		const none = new Uint8Array(0);
		if (!profile) return [none, 0x6a82];
		if (this.#file === "2F00") {
			const entry = concatBytes(hex`61124F10`, TINY_AID);
			return record === 1 ? [concatBytes(entry, new Uint8Array(8).fill(0xff)), OK] : [none, 0x6a83];
		}
		const files: Record<string, Uint8Array> = {
			"2FE2": Iccid.toBytes(Iccid(profile.iccid)),
			"6F07": encodeImsi(profile.imsi),
			"6FAD": Uint8Array.of(0, 0, 0, profile.mncLength),
		};
		const file = files[this.#file ?? ""];
		return file ? [file, OK] : [none, 0x6a82];
	}

	#authenticate(data: Uint8Array): [Uint8Array, number] {
		const [rand, autn] = [data.slice(1, 17), data.slice(18, 34)];
		if (!this.#algorithm) return [new Uint8Array(0), 0x6985];
		const { algorithm, policy, sequenceNumbers } = { algorithm: this.#algorithm, policy: sequencePolicyOf(), ...this };
		const outcome = verifyAutn({ algorithm, rand, autn, sequenceNumbers, policy });
		switch (outcome.outcome) {
			case "mac-failure":
				return [new Uint8Array(0), 0x9862];
			case "synchronisation-failure":
				return [concatBytes(hex`DC0E`, outcome.auts), OK];
			case "success": {
				this.sequenceNumbers = outcome.sequenceNumbers;
				const { res, ck, ik } = outcome;
				return [concatBytes(hex`DB`, Uint8Array.of(res.length), res, hex`10`, ck, hex`10`, ik), OK];
			}
		}
	}
}

/** EF.IMSI of 15 digits (3GPP TS 31.102 §4.2.2). */
function encodeImsi(imsi: string): Uint8Array {
	const digits = [9, ...[...imsi].map(Number)];
	return Uint8Array.from([
		8,
		...[0, 2, 4, 6, 8, 10, 12, 14].map((i) => (digits[i] ?? 15) | ((digits[i + 1] ?? 15) << 4)),
	]);
}
