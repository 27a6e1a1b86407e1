import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { findTlv, readTlvs, readWholeTlv, tlvBytes, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { DeviceInfo } from "@iot-esim/shared/messages/sgp22/device-info";
import { EUICCInfo1 } from "@iot-esim/shared/messages/sgp22/euicc-info";
import { IpaCapabilities, type IpaEuiccDataRequest } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { equalBytes, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import type { NotificationSearch } from "../card/es10.ts";
import { acceptedNumbers, numbersOfNotifications, numbersOfResults, removeFromCard } from "./acknowledgements.ts";
import { ipaCapabilities } from "./download-mode.ts";
import { eimErrorText } from "./eim-error.ts";
import { ProcedureError } from "./errors.ts";
import type { AssociatedEim, ProcedureContext } from "./procedure-context.ts";
import { sightOfResult } from "./result-facts.ts";

const INCORRECT_TAG_LIST = 1;
const CI_KEY_NOT_FOUND = 5;

/** Members of IpaEuiccData in the order of the module, by the tag that a tagList names them with. */
const MEMBERS = ["A0", "81", "A2", "BF20", "BF22", "83", "84", "A5", "A6", "A8", "A9"] as const;
type Member = (typeof MEMBERS)[number];

/** How SGP.32 v1.0 names members that have another tag today; the transaction identifier comes unasked. */
const OLDER_NAMES: Readonly<Record<string, Member | "87">> = { "80": "81", "88": "A8", BF2B: "A0", "87": "87" };

/** What cannot be answered; becomes ipaEuiccDataErrorCode. */
class DataRefusal extends Error {
	readonly code: number;
	constructor(code: number, message: string) {
		super(message);
		this.code = code;
	}
}

/**
 * IPA and eUICC data for the eIM (BF52): the members that the tagList asks for, each as the card gave it. What the eIM
 * acknowledges is removed from the card.
 * @throws EsipaLinkError, ProcedureError IPA_RESULT_REFUSED
 */
export async function sendEuiccData(
	context: ProcedureContext,
	eim: AssociatedEim,
	request: IpaEuiccDataRequest,
): Promise<void> {
	const response = await dataResponse(context, eim, request);
	const { hasWaitingResults } = context.journal.state;
	// The eIM asks once: an acknowledgement that is lost on its way would leave the results on the card for ever.
	if (response.handed.length > 0) await context.journal.note({ type: "results-waiting" });
	const answer = await eim.esipa.provideEimPackageResult({ whole: response.der }, context.signal);
	if (answer.type === "refused") {
		const message = `eIM ${eim.eimId} refused the eUICC data with ${eimErrorText(answer.code)}`;
		throw new ProcedureError("IPA_RESULT_REFUSED", message, { gsmaCode: answer.code });
	}
	const accepted = await acceptedNumbers(context, eim.eimId, response.handed, answer.seqNumbers);
	await removeFromCard(context, accepted);
	const isAllTaken = response.handed.every((number) => accepted.includes(number));
	if (isAllTaken && !hasWaitingResults) await context.journal.note({ type: "results-offered" });
	context.emit({ type: "euicc-data-sent", eimId: eim.eimId, tags: response.tags });
}

async function dataResponse(
	context: ProcedureContext,
	eim: AssociatedEim,
	request: IpaEuiccDataRequest,
): Promise<{ der: Uint8Array; tags: readonly string[]; handed: readonly number[] }> {
	const { eimTransactionId } = request;
	try {
		const tags = requestedMembers(request.tagList);
		const reader = new DataReader(context, eim, request);
		const members: Uint8Array[] = [];
		for (const tag of MEMBERS) {
			if (tag === "A8" && eimTransactionId !== undefined) members.push(tlv(0x87, eimTransactionId));
			if (!tags.has(tag)) continue;
			const member = await reader.read(tag);
			if (member !== undefined) members.push(member);
		}
		return { der: tlv(0xbf52, tlv(0xa0, ...members)), tags: [...tags], handed: reader.handed };
	} catch (error) {
		if (!(error instanceof DataRefusal)) throw error;
		context.log.warn("eUICC data refused", { eimId: eim.eimId, reason: error.message });
		const transaction = eimTransactionId === undefined ? [] : [tlv(0x80, eimTransactionId)];
		return { der: tlv(0xbf52, tlv(0xa1, ...transaction, tlv(0x02, Uint8Array.of(error.code)))), tags: [], handed: [] };
	}
}

function requestedMembers(tagList: Uint8Array): ReadonlySet<Member> {
	const members = new Set<Member>();
	for (let at = 0; at < tagList.length; ) {
		const isLong = ((tagList[at] as number) & 0x1f) === 0x1f;
		const name = toHex(tagList.subarray(at, at + (isLong ? 2 : 1)));
		at += isLong ? 2 : 1;
		const member = MEMBERS.find((one) => one === name) ?? OLDER_NAMES[name];
		if (member === undefined) throw new DataRefusal(INCORRECT_TAG_LIST, `tag ${name} names no member of IpaEuiccData`);
		if (member !== "87") members.add(member);
	}
	return members;
}

/** Reads members; what several members need is asked of the card once. */
class DataReader {
	readonly #context: ProcedureContext;
	readonly #eim: AssociatedEim;
	readonly #request: IpaEuiccDataRequest;
	/** Numbers of the notifications and of the eIM's own results among what was read. */
	readonly handed: number[] = [];
	#addresses: ReturnType<ProcedureContext["es10"]["getConfiguredAddresses"]> | undefined;
	#certificates: Promise<Uint8Array> | undefined;

	constructor(context: ProcedureContext, eim: AssociatedEim, request: IpaEuiccDataRequest) {
		this.#context = context;
		this.#eim = eim;
		this.#request = request;
	}

	async read(member: Member): Promise<Uint8Array | undefined> {
		const { es10, settings } = this.#context;
		switch (member) {
			case "A0": {
				const notifications = await es10.retrieveNotifications(this.#notificationSearch());
				this.handed.push(...numbersOfNotifications(notifications));
				return tlv(0xa0, ...notifications);
			}
			case "A2": {
				const results = await this.#results();
				this.handed.push(...numbersOfResults(results, this.#eim.eimId));
				return tlv(0xa2, ...results);
			}
			case "BF20":
				return es10.getEuiccInfo1();
			case "BF22":
				return es10.getEuiccInfo2();
			case "81":
				return text(0x81, (await this.#configuredAddresses()).defaultDpAddress);
			case "83":
				return text(0x83, (await this.#configuredAddresses()).rootDsAddress);
			case "84": {
				const token = this.#eim.associationToken;
				return token === undefined ? undefined : tlv(0x84, integerContents(token));
			}
			case "A5":
			case "A6":
				return this.#certificate(Number.parseInt(member, 16));
			case "A8":
				return withTag(0xa8, encode(IpaCapabilities, ipaCapabilities(this.#context)));
			case "A9":
				return withTag(0xa9, encode(DeviceInfo, settings.deviceInfo));
		}
	}

	#notificationSearch(): NotificationSearch | undefined {
		return this.#request.searchCriteriaNotification;
	}

	/** The eIM's own results: what another eIM had the card do is not its business. */
	async #results(): Promise<Uint8Array[]> {
		const wanted = this.#request.searchCriteriaEuiccPackageResult?.seqNumber;
		const results = await this.#context.es10.retrieveEuiccPackageResults();
		return results.filter((one) => {
			const { eimId, seqNumber } = sightOfResult(one);
			return (eimId === undefined || eimId === this.#eim.eimId) && (wanted === undefined || seqNumber === wanted);
		});
	}

	#configuredAddresses() {
		this.#addresses ??= this.#context.es10.getConfiguredAddresses();
		return this.#addresses;
	}

	/** ES10b.GetCerts; A5 and A6 stand in its answer as they do in IpaEuiccData. */
	async #certificate(tag: number): Promise<Uint8Array | undefined> {
		this.#certificates ??= this.#ciKey().then((ciKey) => this.#context.commands.getCerts(ciKey));
		const answer = await this.#certificates;
		const whole = readWholeTlv(answer);
		const [arm] = readTlvs(answer, whole.valueStart, whole.end);
		if (arm?.tag === 0x81) throw new DataRefusal(CI_KEY_NOT_FOUND, "the card has no certificates for this CI key");
		const certificate = arm && findTlv(readTlvs(answer, arm.valueStart, arm.end), tag);
		return certificate && tlvBytes(answer, certificate);
	}

	/** The eIM may shorten the identifier; the card wants it whole. */
	async #ciKey(): Promise<Uint8Array | undefined> {
		const wanted = this.#request.euiccCiPKIdentifierToBeUsed;
		if (wanted === undefined) return undefined;
		const known = decode(EUICCInfo1, await this.#context.es10.getEuiccInfo1()).euiccCiPKIdListForSigning;
		const whole = known.find((key) => equalBytes(key.subarray(0, wanted.length), wanted));
		if (whole === undefined) throw new DataRefusal(CI_KEY_NOT_FOUND, `no CI key begins with ${toHex(wanted)}`);
		return whole;
	}
}

function text(tag: number, value: string | undefined): Uint8Array | undefined {
	return value === undefined ? undefined : tlv(tag, utf8(value));
}

/** Contents octets of an INTEGER in their shortest form. */
function integerContents(value: number): Uint8Array {
	const octets: number[] = [];
	let rest = BigInt(value);
	do {
		octets.unshift(Number(rest & 0xffn));
		rest >>= 8n;
	} while (!((rest === 0n && (octets[0] as number) < 0x80) || (rest === -1n && (octets[0] as number) >= 0x80)));
	return Uint8Array.from(octets);
}

function withTag(tag: number, der: Uint8Array): Uint8Array {
	return tlv(tag, tlvValue(der, readWholeTlv(der)));
}
