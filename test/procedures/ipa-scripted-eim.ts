import { EsipaLinkError } from "@iot-esim/ipa/esipa/errors";
import type { EsipaLink } from "@iot-esim/ipa/esipa/esipa-link";
import { sightOfNotification, sightOfPackage, sightOfResult } from "@iot-esim/ipa/procedures/result-facts";
import { encode, keep } from "@iot-esim/shared/asn1/schema";
import { readTlvs, readWholeTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import {
	type EuiccPackage,
	EuiccPackageRequest,
	EuiccPackageSigned,
} from "@iot-esim/shared/messages/sgp32/euicc-package";
import { fromHex, hex, toHex } from "@iot-esim/shared/util/bytes";
import { TEST_EID } from "./ipa-scripted-card.ts";

/** A package as an eIM sends it; the signature is no signature, since only the card would look at it. */
export function euiccPackage(eimId: string, counterValue: number, euiccPackage: EuiccPackage): Uint8Array {
	const signed = keep(EuiccPackageSigned, { eimId, eidValue: TEST_EID, counterValue, euiccPackage });
	return encode(EuiccPackageRequest, { euiccPackageSigned: signed, eimSignature: new Uint8Array(64) });
}

/** An enable with rollback granted. */
export function enablePackage(eimId: string, counterValue: number, iccid = hex`98000000000000000022`): Uint8Array {
	return euiccPackage(eimId, counterValue, { psmoList: [{ enable: { iccid, rollbackFlag: null } }] });
}

/**
 * An eIM that follows a script, as the far end of a link. A package stays until its result is here, as the standard
 * wants; results and notifications are taken once each.
 */
export class ScriptedEim implements EsipaLink {
	readonly name: string;
	/** Every message that came, in hex. */
	readonly messages: string[] = [];
	/** Packages waiting: BF51, BF52 or BF54. */
	readonly packages: Uint8Array[] = [];
	/** Distinct results taken, in the order they came. */
	readonly results: string[] = [];
	readonly notifications: string[] = [];
	/** Answers by tag, for messages that a test cares about; `undefined` goes on with the script. */
	readonly answers = new Map<number, (message: Uint8Array) => Uint8Array | undefined>();
	/** Whether the device gets through at all. */
	isReachable: () => boolean = () => true;
	/** The next message is taken, but its answer is lost. */
	losesNextAnswer = false;
	/** The eIM lists what the device may remove; without it the answer is the plain yes. */
	acknowledges = true;

	constructor(name = "eim.example") {
		this.name = name;
	}

	async exchange(message: Uint8Array): Promise<Uint8Array> {
		if (!this.isReachable()) throw new EsipaLinkError("IPA_EIM_UNREACHABLE", `${this.name}: connection refused`);
		this.messages.push(toHex(message));
		const tag = readWholeTlv(message).tag;
		const answer = this.answers.get(tag)?.(message) ?? this.#answer(tag, message);
		if (!this.losesNextAnswer) return answer;
		this.losesNextAnswer = false;
		throw new EsipaLinkError("IPA_EIM_UNREACHABLE", `${this.name}: connection reset`);
	}

	async close(): Promise<void> {}

	#answer(tag: number, message: Uint8Array): Uint8Array {
		switch (tag) {
			case 0xbf4f: {
				const [first] = this.packages;
				return tlv(0xbf4f, first ?? hex`020101`);
			}
			case 0xbf50:
				return this.#takeResult(message);
			case 0xbf3d:
				this.notifications.push(toHex(message));
				return new Uint8Array(0);
			default:
				throw new Error(`no answer for ${toHex(message.subarray(0, 4))}`);
		}
	}

	#takeResult(message: Uint8Array): Uint8Array {
		const whole = readWholeTlv(message);
		const [, part] = readTlvs(message, whole.valueStart, whole.end);
		if (part === undefined) throw new Error("a result without a result");
		const seqNumbers: number[] = [];
		const members = part.tag === 0x30 ? readTlvs(message, part.valueStart, part.end) : [part];
		for (const member of members) {
			const der = tlvBytes(message, member);
			if (member.tag === 0xbf51) seqNumbers.push(sightOfResult(der).seqNumber ?? -1);
			if (member.tag !== 0xa0) continue;
			const list = readTlvs(message, member.valueStart, member.end);
			seqNumbers.push(...list.map((one) => sightOfNotification(tlvBytes(message, one)).seqNumber ?? -1));
		}
		const result = toHex(tlvBytes(message, members[0] as (typeof members)[number]));
		if (!this.results.includes(result)) this.results.push(result);
		if (this.#isAnsweredBy(result)) this.packages.shift();
		const known = seqNumbers.filter((seqNumber) => seqNumber >= 0);
		if (!this.acknowledges || known.length === 0) return hex`BF50023000`;
		return tlv(0xbf50, tlv(0xbf53, ...known.map((seqNumber) => tlv(0x80, Uint8Array.of(seqNumber)))));
	}

	/** A result given twice must not take the next package away. */
	#isAnsweredBy(resultHex: string): boolean {
		const [first] = this.packages;
		if (first === undefined || !resultHex.startsWith("BF51")) return true;
		const { outcome, counterValue } = sightOfResult(fromHex(resultHex));
		return outcome === "unsigned-error" || counterValue === sightOfPackage(first).counterValue;
	}
}
