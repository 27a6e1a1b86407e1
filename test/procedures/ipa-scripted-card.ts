import type { InProcessCard } from "@iot-esim/ipa/card/drivers/in-process";
import { sightOfNotification, sightOfResult } from "@iot-esim/ipa/procedures/result-facts";
import { decode, encode, keep } from "@iot-esim/shared/asn1/schema";
import { readWholeTlv } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { NotificationSentRequest } from "@iot-esim/shared/messages/sgp22/notifications";
import { EuiccPackageRequest } from "@iot-esim/shared/messages/sgp32/euicc-package";
import { EuiccPackageResult, EuiccPackageResultDataSigned } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { concatBytes, equalBytes, hex, toHex, utf8 } from "@iot-esim/shared/util/bytes";

export const TEST_EID = hex`89049032123451234512345678901235`;
const ATR = hex`3B9F96801FC78031E073FE2111`;
type Result = EuiccPackageResultDataSigned["euiccResult"][number];

/** EimConfigurationData with eimId, FQDN and token; no keys. */
export function eimConfiguration(eimId: string, token = 1): Uint8Array {
	return tlv(0x30, tlv(0x80, utf8(eimId)), tlv(0x81, utf8(`${eimId}:8443`)), tlv(0x84, Uint8Array.of(token)));
}

/** A signed result; the signature is no signature, since the IPA never looks at it. */
export function signedResult(
	eimId: string,
	counterValue: number,
	seqNumber: number,
	...euiccResult: Result[]
): Uint8Array {
	const data = keep(EuiccPackageResultDataSigned, { eimId, counterValue, seqNumber, euiccResult });
	const signed = { euiccPackageResultDataSigned: data, euiccSignEPR: new Uint8Array(64) };
	return encode(EuiccPackageResult, { euiccPackageResultSigned: signed });
}

/** A notification of a disabled profile. */
export function otherNotification(seqNumber: number): Uint8Array {
	const metadata = tlv(0xbf2f, tlv(0x80, Uint8Array.of(seqNumber)), hex`81020520`, tlv(0x0c, utf8("dp.example.com")));
	return tlv(0x30, metadata, tlv(0x5f37, new Uint8Array(64)), hex`3003020100`, hex`3003020101`);
}

/**
 * A card that follows a script: the APDU layer of a real one (channels, chaining, 61xx), a list of results and
 * notifications, and whatever a test puts into `answers`.
 */
export class ScriptedCard implements InProcessCard {
	/** Every APDU that came, in hex. */
	readonly apdus: string[] = [];
	/** Every ES10 command that came, in hex. */
	readonly commands: string[] = [];
	eims: Uint8Array[] = [eimConfiguration("eim.example")];
	notifications: Uint8Array[] = [];
	results: Uint8Array[] = [];
	/** ICCID of the enabled profile. */
	enabled: Uint8Array = hex`98000000000000000011`;
	/** Answers by tag, for functions that a test cares about. */
	readonly answers = new Map<number, (command: Uint8Array) => Uint8Array | Promise<Uint8Array>>();
	/** What a package does; by default one that enables succeeds. */
	onPackage: (request: EuiccPackageRequest) => Uint8Array = (request) => this.#execute(request);
	/** Counters of the packages executed: none may come twice. */
	readonly executed: number[] = [];
	resets = 0;
	/** Takes away the power before the given ES10 command is answered, once. */
	failAfter: string | undefined;
	/** Answers ES10 commands that begin so with 6A80. */
	refuses: string | undefined;
	#channels = new Set<number>();
	#pending = new Uint8Array(0);
	#response: Uint8Array = new Uint8Array(0);
	#seqNumber = 0;
	#before: Uint8Array | undefined;

	nextSeqNumber(): number {
		return ++this.#seqNumber;
	}

	async reset(): Promise<Uint8Array> {
		this.resets++;
		this.#channels.clear();
		return ATR;
	}

	async transmit(apdu: Uint8Array): Promise<Uint8Array> {
		this.apdus.push(toHex(apdu));
		const [cla = 0, ins, p1 = 0, p2 = 0] = apdu;
		const channel = cla & 0x40 ? (cla & 0xf) + 4 : cla & 3;
		if (ins === 0xaa) return hex`9000`;
		if (ins === 0x70) return this.#manageChannel(p1, p2);
		if (channel !== 0 && !this.#channels.has(channel)) return hex`6881`;
		if (ins === 0xa4) return hex`9000`;
		if (ins === 0xc0) return this.#getResponse(apdu[4] ?? 0);
		if (ins !== 0xe2) return hex`6D00`;
		this.#pending = new Uint8Array(concatBytes(this.#pending, apdu.subarray(5, 5 + (apdu[4] ?? 0))));
		if (p1 === 0x11) return hex`9000`;
		const command = this.#pending;
		this.#pending = new Uint8Array(0);
		this.commands.push(toHex(command));
		if (this.refuses !== undefined && toHex(command).startsWith(this.refuses)) return hex`6A80`;
		this.#response = await this.#answer(command);
		if (this.failAfter !== undefined && toHex(command).startsWith(this.failAfter)) {
			this.failAfter = undefined;
			throw new Error("power cut");
		}
		return this.#getResponse(0, true);
	}

	#manageChannel(p1: number, p2: number): Uint8Array {
		if (p1 === 0x80) return this.#channels.delete(p2) ? hex`9000` : hex`6881`;
		if (p2 === 0) {
			const free = [1, 2, 3, 4].find((channel) => !this.#channels.has(channel)) as number;
			this.#channels.add(free);
			return concatBytes(Uint8Array.of(free), hex`9000`);
		}
		if (this.#channels.has(p2)) return hex`6A81`;
		this.#channels.add(p2);
		return hex`9000`;
	}

	#getResponse(le: number, isFirst = false): Uint8Array {
		const given = isFirst ? new Uint8Array(0) : this.#response.subarray(0, le === 0 ? 256 : le);
		this.#response = this.#response.subarray(given.length);
		const left = this.#response.length;
		const status = left === 0 ? hex`9000` : Uint8Array.of(0x61, left > 255 ? 0 : left);
		return concatBytes(given, status);
	}

	async #answer(command: Uint8Array): Promise<Uint8Array> {
		const tag = command[0] === 0xbf ? 0xbf00 | (command[1] as number) : (command[0] as number);
		const scripted = this.answers.get(tag);
		if (scripted !== undefined) return scripted(command);
		switch (tag) {
			case 0xbf3e:
				return tlv(0xbf3e, tlv(0x5a, TEST_EID));
			case 0xbf55:
				return tlv(0xbf55, tlv(0xa0, ...this.eims));
			case 0xbf2b:
				if (equalBytes(command, hex`BF2B04A0028200`)) return tlv(0xbf2b, tlv(0xa2, ...this.results));
				return tlv(0xbf2b, tlv(0xa0, ...this.notifications));
			case 0xbf2d:
				return tlv(0xbf2d, tlv(0xa0, tlv(0xe3, tlv(0x5a, this.enabled), hex`9F700101`)));
			case 0xbf30:
				return this.#remove(decode(NotificationSentRequest, command).seqNumber);
			case 0xbf51:
				readWholeTlv(command);
				return this.onPackage(decode(EuiccPackageRequest, command));
			case 0xbf58:
				return this.#rollBack();
			default:
				throw new Error(`no answer for ${toHex(command.subarray(0, 4))}`);
		}
	}

	#execute(request: EuiccPackageRequest): Uint8Array {
		const { eimId, counterValue, euiccPackage } = request.euiccPackageSigned.value;
		if (this.executed.includes(counterValue)) throw new Error(`package ${counterValue} executed twice`);
		this.executed.push(counterValue);
		const enable = "psmoList" in euiccPackage ? euiccPackage.psmoList.find((psmo) => "enable" in psmo) : undefined;
		const outcome: Result = enable === undefined ? { listEimResult: { eimIdList: [] } } : { enableResult: 0 };
		if (enable !== undefined && "enable" in enable) {
			this.#before = enable.enable.rollbackFlag === undefined ? undefined : this.enabled;
			this.enabled = enable.enable.iccid;
			this.notifications.push(otherNotification(this.nextSeqNumber()));
		}
		const result = signedResult(eimId, counterValue, this.nextSeqNumber(), outcome);
		this.results.push(result);
		return result;
	}

	#rollBack(): Uint8Array {
		const first = this.results.pop();
		if (this.#before === undefined || first === undefined) return hex`BF5803020101`;
		this.enabled = this.#before;
		this.#before = undefined;
		const { eimId = "", counterValue = 0 } = sightOfResult(first);
		const result = signedResult(eimId, counterValue, this.nextSeqNumber(), { enableResult: 0 }, { rollbackResult: 0 });
		this.results.push(result);
		return tlv(0xbf58, hex`020100`, result);
	}

	#remove(seqNumber: number): Uint8Array {
		const before = this.results.length + this.notifications.length;
		this.results = this.results.filter((one) => sightOfResult(one).seqNumber !== seqNumber);
		this.notifications = this.notifications.filter((one) => sightOfNotification(one).seqNumber !== seqNumber);
		const isGone = this.results.length + this.notifications.length < before;
		return isGone ? hex`BF3003800100` : hex`BF3003800101`;
	}
}
