/** What a modem reads from the USIM and asks of it, on the basic channel (ETSI TS 102 221, 3GPP TS 31.102). */

import { Iccid } from "@iot-esim/shared/ids/iccid";
import { decodeImsi } from "@iot-esim/shared/profile/subscriber";
import { concatBytes, equalBytes, hex, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { type CardResponse, expectSuccess, isSuccess } from "./card-line.ts";
import { NetworkError } from "./errors.ts";

/** What the enabled profile says about itself. */
export interface UsimIdentity {
	readonly iccid: string;
	readonly imsi: string;
	/** Operators that the profile prefers abroad (EF.OPLMNwAcT), best first. */
	readonly preferredPlmns: readonly string[];
	/** MCC and MNC of the home network, by the MNC length of EF.AD. */
	readonly homePlmn: string;
}

/** RID and application code of every USIM (TS 31.110). */
const USIM_AID = hex`A0000000871002`;

const SECURITY_STATUS_NOT_SATISFIED = 0x6982;

/** Sends a command on the basic channel; the modem notes any 91xx. */
export type Send = (apdu: Uint8Array) => Promise<CardResponse>;

/** EF.ICCID under the MF; its octets are given as they are when they are no ICCID of 19 or 20 digits. */
export async function readIccid(send: Send): Promise<string> {
	await select(send, hex`3F00`, "SELECT MF");
	await select(send, hex`2FE2`, "SELECT EF.ICCID");
	const contents = expectSuccess(await send(hex`00B000000A`), "READ BINARY of EF.ICCID");
	try {
		return Iccid.fromBytes(contents);
	} catch {
		return toHex(contents);
	}
}

/**
 * Selects the USIM and reads its identity; undefined when the card has none (an eUICC without an enabled profile).
 * @throws NetworkError NETWORK_CARD_REFUSED, NETWORK_CARD_ANSWER_INVALID
 */
export async function readIdentity(send: Send, pin: string | undefined): Promise<UsimIdentity | undefined> {
	const aid = await usimAid(send);
	const selected = await send(concatBytes(hex`00A40404`, Uint8Array.of(aid.length), aid, hex`00`));
	if (!isSuccess(selected.status)) return undefined;
	if (pin !== undefined) await verifyPin(send, pin);
	const iccid = await readIccid(send);
	await reselect(send, aid);
	const imsi = decodeImsi(await readTransparent(send, hex`6F07`, "EF.IMSI"));
	const mncLength = await readMncLength(send);
	return { iccid, imsi, homePlmn: imsi.slice(0, 3 + mncLength), preferredPlmns: await readPlmns(send) };
}

/** What the USIM made of an authentication vector. */
export type AuthenticateAnswer =
	| { readonly answer: "success"; readonly res: Uint8Array }
	| { readonly answer: "synchronisation-failure"; readonly auts: Uint8Array }
	| { readonly answer: "mac-failure" };

/**
 * AUTHENTICATE in 3G context (TS 31.102 §7.1.2).
 * @throws NetworkError NETWORK_CARD_REFUSED, NETWORK_CARD_ANSWER_INVALID
 */
export async function authenticate(send: Send, rand: Uint8Array, autn: Uint8Array): Promise<AuthenticateAnswer> {
	const response = await send(concatBytes(hex`0088008122`, hex`10`, rand, hex`10`, autn, hex`00`));
	if (response.status === 0x9862) return { answer: "mac-failure" };
	const data = expectSuccess(response, "AUTHENTICATE");
	const [tag, length = 0] = data;
	const value = data.slice(2, 2 + length);
	if (value.length !== length) throw invalid(`AUTHENTICATE gave a value cut short: ${toHex(data)}`);
	if (tag === 0xdc && length === 14) return { answer: "synchronisation-failure", auts: value };
	if (tag === 0xdb && length >= 4 && length <= 16) return { answer: "success", res: value };
	throw invalid(`AUTHENTICATE gave neither RES (DB) nor AUTS (DC): tag ${tag?.toString(16)}, ${length} octets`);
}

/** The whole AID by EF.DIR; only its beginning, which also selects, when EF.DIR does not name a USIM. */
async function usimAid(send: Send): Promise<Uint8Array> {
	await select(send, hex`3F00`, "SELECT MF");
	const directory = await send(hex`00A40004022F0000`);
	for (let record = 1; isSuccess(directory.status) && record <= 20; record++) {
		const entry = await send(Uint8Array.of(0x00, 0xb2, record, 0x04, 0x00));
		if (!isSuccess(entry.status)) break;
		const aid = aidOf(entry.data);
		if (aid && equalBytes(aid.subarray(0, USIM_AID.length), USIM_AID)) return aid;
	}
	return USIM_AID;
}

/** Application template 61 with the identifier 4F in it. */
function aidOf(entry: Uint8Array): Uint8Array | undefined {
	if (entry[0] !== 0x61 || entry[2] !== 0x4f) return undefined;
	return entry.slice(4, 4 + (entry[3] ?? 0));
}

async function reselect(send: Send, aid: Uint8Array): Promise<void> {
	const apdu = concatBytes(hex`00A40404`, Uint8Array.of(aid.length), aid, hex`00`);
	expectSuccess(await send(apdu), "SELECT ADF.USIM");
}

async function select(send: Send, fid: Uint8Array, command: string): Promise<void> {
	expectSuccess(await send(concatBytes(hex`00A4000402`, fid, hex`00`)), command);
}

async function readTransparent(send: Send, fid: Uint8Array, name: string): Promise<Uint8Array> {
	await select(send, fid, `SELECT ${name}`);
	const response = await send(hex`00B0000000`);
	if (response.status === SECURITY_STATUS_NOT_SATISFIED) {
		throw new NetworkError("NETWORK_PIN_REFUSED", `the card does not give ${name} without its PIN`);
	}
	return expectSuccess(response, `READ BINARY of ${name}`);
}

async function verifyPin(send: Send, pin: string): Promise<void> {
	const padded = new Uint8Array(8).fill(0xff);
	padded.set(utf8(pin).subarray(0, 8));
	const { status } = await send(concatBytes(hex`0020000108`, padded));
	if (isSuccess(status)) return;
	const answer = status.toString(16).toUpperCase();
	throw new NetworkError("NETWORK_PIN_REFUSED", `the card answered VERIFY PIN with status ${answer}`);
}

/** Fourth octet of EF.AD (TS 31.102 §4.2.18); 2 when the card does not say. */
async function readMncLength(send: Send): Promise<number> {
	const length = (await optional(() => readTransparent(send, hex`6FAD`, "EF.AD")))?.[3];
	return length !== undefined && (length & 0x0f) === 3 ? 3 : 2;
}

/** Entries of five octets: PLMN and access technologies (TS 31.102 §4.2.53). */
async function readPlmns(send: Send): Promise<string[]> {
	const contents = await optional(() => readTransparent(send, hex`6F61`, "EF.OPLMNwAcT"));
	const plmns: string[] = [];
	for (let offset = 0; offset + 5 <= (contents?.length ?? 0); offset += 5) {
		const plmn = decodePlmn(contents?.subarray(offset, offset + 3) ?? new Uint8Array(3));
		if (plmn !== undefined) plmns.push(plmn);
	}
	return plmns;
}

/** Three octets of MCC and MNC with swapped digits (TS 24.008 §10.5.1.3); undefined for an empty entry. */
export function decodePlmn(octets: Uint8Array): string | undefined {
	const [a = 0xff, b = 0xff, c = 0xff] = octets;
	const digits = [a & 15, a >> 4, b & 15, c & 15, c >> 4, b >> 4];
	if (digits.slice(0, 5).some((digit) => digit > 9)) return undefined;
	return digits.filter((digit) => digit <= 9).join("");
}

async function optional<T>(read: () => Promise<T>): Promise<T | undefined> {
	try {
		return await read();
	} catch (error) {
		if (error instanceof NetworkError && error.code === "NETWORK_CARD_REFUSED") return undefined;
		throw error;
	}
}

function invalid(message: string): NetworkError {
	return new NetworkError("NETWORK_CARD_ANSWER_INVALID", message);
}
