import { toHex } from "../util/bytes.ts";
import { guessTypes } from "./message-types.ts";
import type { InspectNode } from "./node.ts";
import { readTree, type TreeOptions } from "./read-tree.ts";
import { maskedText } from "./secrets.ts";
import { statusWords } from "./status-words.ts";
import { knownAid } from "./values.ts";

/** Instructions of ETSI TS 102 221 and GlobalPlatform that a card of RSP meets. */
const INSTRUCTIONS: Readonly<Record<number, string>> = {
	4: "DEACTIVATE FILE",
	16: "TERMINAL PROFILE",
	18: "FETCH",
	20: "TERMINAL RESPONSE",
	32: "VERIFY PIN",
	36: "CHANGE PIN",
	38: "DISABLE PIN",
	40: "ENABLE PIN",
	44: "UNBLOCK PIN",
	50: "INCREASE",
	68: "ACTIVATE FILE",
	112: "MANAGE CHANNEL",
	115: "MANAGE SECURE CHANNEL",
	117: "TRANSACT DATA",
	118: "SUSPEND UICC",
	120: "GET IDENTITY",
	130: "EXTERNAL AUTHENTICATE",
	132: "GET CHALLENGE",
	136: "AUTHENTICATE",
	137: "AUTHENTICATE",
	162: "SEARCH RECORD",
	164: "SELECT",
	170: "TERMINAL CAPABILITY",
	176: "READ BINARY",
	178: "READ RECORD",
	192: "GET RESPONSE",
	194: "ENVELOPE",
	202: "GET DATA",
	203: "RETRIEVE DATA",
	214: "UPDATE BINARY",
	216: "PUT KEY",
	219: "SET DATA",
	220: "UPDATE RECORD",
	226: "STORE DATA",
	242: "STATUS",
};
const PIN_INSTRUCTIONS: ReadonlySet<number> = new Set([0x20, 0x24, 0x26, 0x28, 0x2c, 0xd8]);
export const STORE_DATA = 0xe2;
const LAST_BLOCK = 0x80;

/** Parts of a command APDU; undefined when octets are none. */
export interface Command {
	readonly cla: number;
	readonly ins: number;
	readonly p1: number;
	readonly p2: number;
	readonly dataStart: number;
	readonly dataEnd: number;
	/** Octets of Lc; 0 without data. */
	readonly lcLength: number;
	readonly leStart: number | undefined;
}

/** Cases 1 to 4 with short lengths, and extended ones. */
export function commandOf(bytes: Uint8Array): Command | undefined {
	const [cla = 0, ins = 0, p1 = 0, p2 = 0, lc = 0] = bytes;
	if (bytes.length < 4 || !isClass(cla) || INSTRUCTIONS[ins] === undefined) return undefined;
	const head = { cla, ins, p1, p2 };
	const without = { ...head, lcLength: 0 };
	if (bytes.length === 4) return { ...without, dataStart: 4, dataEnd: 4, leStart: undefined };
	if (bytes.length === 5) return { ...without, dataStart: 4, dataEnd: 4, leStart: 4 };
	if (lc !== 0) return withData(bytes, head, 5, lc, 1);
	if (bytes.length === 7) return { ...without, dataStart: 4, dataEnd: 4, leStart: 4 };
	return withData(bytes, head, 7, (bytes[5] ?? 0) * 256 + (bytes[6] ?? 0), 3);
}

function withData(
	bytes: Uint8Array,
	head: Pick<Command, "cla" | "ins" | "p1" | "p2">,
	dataStart: number,
	length: number,
	lcLength: number,
): Command | undefined {
	const dataEnd = dataStart + length;
	const behind = bytes.length - dataEnd;
	if (behind < 0 || behind > 3) return undefined;
	return { ...head, dataStart, dataEnd, lcLength, leStart: behind === 0 ? undefined : dataEnd };
}

/** Interindustry and proprietary classes on any logical channel; A0 is the class of 2G. */
function isClass(cla: number): boolean {
	return (
		cla <= 0x0f ||
		(cla >= 0x40 && cla <= 0x4f) ||
		(cla >= 0x80 && cla <= 0x8f) ||
		cla === 0xa0 ||
		(cla >= 0xc0 && cla < 0xff)
	);
}

/** A command APDU as a tree; undefined when the octets are none. */
export function inspectCommand(bytes: Uint8Array, options: TreeOptions): InspectNode | undefined {
	const command = commandOf(bytes);
	if (command === undefined) return undefined;
	const { cla, ins, dataStart, dataEnd, lcLength, leStart } = command;
	const octet = (name: string, offset: number, value?: string): InspectNode => {
		const hex = toHex(bytes.subarray(offset, offset + 1));
		return { name, offset, length: 1, hex, ...(value === undefined ? {} : { value }) };
	};
	const children = [octet("CLA", 0, classText(cla)), octet("INS", 1, INSTRUCTIONS[ins])];
	children.push(octet("P1", 2, p1Text(command)), octet("P2", 3, p2Text(command)));
	if (lcLength > 0) {
		const hex = toHex(bytes.subarray(4, 4 + lcLength));
		children.push({ name: "Lc", offset: 4, length: lcLength, hex, value: `${dataEnd - dataStart} octets` });
		children.push(...commandData(bytes, command, options));
	}
	if (leStart !== undefined) {
		const le = bytes.subarray(leStart);
		const wanted = le.length === 1 && le[0] !== 0 ? `${le[0]} octets` : "as many as there are";
		children.push({ name: "Le", offset: leStart, length: le.length, hex: toHex(le), value: wanted });
	}
	return { name: `${INSTRUCTIONS[ins]}`, type: "command APDU", offset: 0, length: bytes.length, children };
}

function classText(cla: number): string {
	if (cla === 0xa0) return "2G class";
	const isProprietary = (cla & 0x80) !== 0;
	const channel = (cla & 0x40) === 0 ? cla & 0x03 : 4 + (cla & 0x0f);
	return `${isProprietary ? "proprietary" : "interindustry"}, ${channel === 0 ? "basic channel" : `channel ${channel}`}`;
}

/** Of a chain of STORE DATA. */
export function isLastBlock({ p1 }: Command): boolean {
	return (p1 & LAST_BLOCK) !== 0;
}

function p1Text(command: Command): string | undefined {
	const { ins, p1 } = command;
	if (ins === STORE_DATA) return isLastBlock(command) ? "last block" : "more blocks follow";
	if (ins === 0x70) return p1 === 0x80 ? "close" : "open";
	if (ins === 0xa4) return SELECTIONS[p1];
	return undefined;
}

const SELECTIONS: Readonly<Record<number, string>> = {
	0: "by file identifier",
	3: "parent directory",
	4: "by AID",
	8: "by path from the MF",
	9: "by path from here",
};

function p2Text({ ins, p1, p2 }: Command): string | undefined {
	if (ins === STORE_DATA) return `block ${p2}`;
	if (ins === 0x70) return p1 === 0x80 || p2 !== 0 ? `channel ${p2}` : "the card chooses the channel";
	return undefined;
}

function commandData(bytes: Uint8Array, command: Command, options: TreeOptions): InspectNode[] {
	const { ins, p2, dataStart: start, dataEnd: end } = command;
	const octets = bytes.subarray(start, end);
	const data = { name: "data", offset: start, length: octets.length };
	if (PIN_INSTRUCTIONS.has(ins) && !options.showSecrets) {
		return [{ ...data, isMasked: true, value: maskedText(octets.length) }];
	}
	if (ins === STORE_DATA && p2 === 0) return es10(bytes, { start, end }, !isLastBlock(command), options);
	const value = ins === 0xa4 ? (knownAid(octets) ?? FILES[toHex(octets)]) : undefined;
	if ([0xaa, 0xc2, 0x14].includes(ins)) {
		const { node, surplus } = readTree(undefined, "", bytes, { start, end }, options);
		return [{ ...data, children: [node, ...surplus] }];
	}
	const note = ins === STORE_DATA ? "goes on from the block before" : undefined;
	return [{ ...data, hex: toHex(octets), ...(value ? { value } : {}), ...(note ? { note } : {}) }];
}

const FILES: Readonly<Record<string, string>> = {
	"3F00": "MF",
	"2FE2": "EF.ICCID",
	"2F00": "EF.DIR",
	"7FFF": "current ADF",
};

function es10(
	bytes: Uint8Array,
	range: { readonly start: number; readonly end: number },
	hasMore: boolean,
	options: TreeOptions,
): InspectNode[] {
	const [best] = guessTypes(bytes, range, options, "request");
	const found = best ?? readTree(undefined, "data", bytes, range, options);
	const first = hasMore ? { ...found.node, note: "goes on in the next block" } : found.node;
	return [first, ...found.surplus];
}

/** A response APDU: data, if any, and a status; undefined when the octets do not end in one. */
export function inspectResponse(bytes: Uint8Array, options: TreeOptions): InspectNode | undefined {
	const at = bytes.length - 2;
	if (at < 0) return undefined;
	const words = statusWords(bytes[at] as number, bytes[at + 1] as number);
	if (words === undefined) return undefined;
	const children: InspectNode[] = [];
	if (at > 0) {
		const range = { start: 0, end: at };
		const [best] = guessTypes(bytes, range, options, "response");
		const found = best ?? readTree(undefined, "data", bytes, range, options);
		children.push(found.node, ...found.surplus);
	}
	children.push({ name: "SW", offset: at, length: 2, hex: toHex(bytes.subarray(at)), value: words });
	return { name: "response APDU", offset: 0, length: bytes.length, children };
}
