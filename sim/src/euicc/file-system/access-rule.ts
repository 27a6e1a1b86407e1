/** Access rules in expanded form, as records of EF.ARR hold them (ETSI TS 102 221 §9.2). */

import { readTlvs, type Tlv, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { ancestry, childByFid, contentsOf, type FileId, type FileSystem, fileOf, MASTER_FILE } from "./file-system.ts";

/** Bits of the access mode octet for files; for directories they mean other things (TS 102 221 §9.2.2). */
export const AccessMode = {
	read: 0x01,
	update: 0x02,
	deactivate: 0x08,
	activate: 0x10,
} as const;

/** What is to be done: a bit of the access mode octet, or the INS of a command that has no bit. */
export type Access = { readonly mode: number } | { readonly ins: number };

/** Answers whether the PIN of a key reference was given. */
export type PinCheck = (keyReference: number) => boolean;

const MODE = 0x80;
const MODE_BY_HEADER = { first: 0x81, last: 0x8f };
const INS_PRESENT = 0x04;
const ALWAYS = 0x90;
const OR = 0xa0;
const CONTROL_REFERENCE = 0xa4;
const AND = 0xaf;
const KEY_REFERENCE = 0x83;

/**
 * True when the rule of a file allows the access. A file without a readable rule allows nothing.
 */
export function isAllowed(fs: FileSystem, id: FileId, access: Access, isPinGiven: PinCheck): boolean {
	const rule = ruleRecord(fs, id);
	if (!rule) return false;
	try {
		return evaluate(rule, access, isPinGiven);
	} catch {
		// A record that is no row of TLVs is as good as none.
		return false;
	}
}

/** The file identifier of the EF.ARR that a reference without one means (TCA, Fcp.securityAttributesReferenced). */
export function ruleFileOf(fs: FileSystem, id: FileId): number {
	const { accessRule, kind, parent } = fileOf(fs, id);
	if (accessRule.ruleFile !== undefined) return accessRule.ruleFile;
	return kind === "mf" || kind === "adf" || parent === MASTER_FILE ? 0x2f06 : 0x6f06;
}

/** The rule's TLVs: EF.ARR is looked for in the directory of the file, then upwards. */
function ruleRecord(fs: FileSystem, id: FileId): Uint8Array | undefined {
	const file = fileOf(fs, id);
	const fid = ruleFileOf(fs, id);
	for (const directory of ancestry(fs, file.parent)) {
		const ruleFile = childByFid(fs, directory, fid);
		if (ruleFile === undefined) continue;
		const length = fileOf(fs, ruleFile).recordLength ?? 0;
		const start = (file.accessRule.record - 1) * length;
		const contents = contentsOf(fs, ruleFile);
		if (length === 0 || start < 0 || start + length > contents.length) return undefined;
		return withoutFiller(contents.subarray(start, start + length));
	}
	return undefined;
}

function withoutFiller(record: Uint8Array): Uint8Array {
	let end = record.length;
	while (end > 0 && record[end - 1] === 0xff) end--;
	return record.subarray(0, end);
}

/** A rule is a row of access modes, each followed by its condition; where a mode stands twice, either will do. */
function evaluate(rule: Uint8Array, access: Access, isPinGiven: PinCheck): boolean {
	const tlvs = readTlvs(rule);
	for (let at = 0; at < tlvs.length; ) {
		let applies = false;
		while (at < tlvs.length && isMode(tlvs[at] as Tlv)) {
			const tlv = tlvs[at++] as Tlv;
			applies ||= modeMatches(tlv.tag, tlvValue(rule, tlv), access);
		}
		const condition = tlvs[at++];
		if (applies && condition !== undefined && isSatisfied(rule, condition, isPinGiven)) return true;
	}
	return false;
}

function isMode({ tag }: Tlv): boolean {
	return tag === MODE || (tag >= MODE_BY_HEADER.first && tag <= MODE_BY_HEADER.last);
}

/** Tags 81 to 8F name octets of a command header; their low bits say which: CLA 8, INS 4, P1 2, P2 1. */
function modeMatches(tag: number, value: Uint8Array, access: Access): boolean {
	if (tag === MODE) return "mode" in access && ((value[0] ?? 0) & access.mode) !== 0;
	if (!("ins" in access) || (tag & INS_PRESENT) === 0) return false;
	const width = [8, 4, 2, 1].filter((bit) => tag & bit).length;
	const offset = tag & 0x08 ? 1 : 0;
	for (let at = offset; at < value.length; at += width) if (value[at] === access.ins) return true;
	return false;
}

function isSatisfied(rule: Uint8Array, condition: Tlv, isPinGiven: PinCheck): boolean {
	const inner = () => readTlvs(rule, condition.valueStart, condition.end);
	switch (condition.tag) {
		case ALWAYS:
			return true;
		case CONTROL_REFERENCE: {
			const reference = inner().find((tlv) => tlv.tag === KEY_REFERENCE);
			return reference !== undefined && isPinGiven(rule[reference.valueStart] ?? 0);
		}
		case OR:
			return inner().some((tlv) => isSatisfied(rule, tlv, isPinGiven));
		case AND:
			return inner().every((tlv) => isSatisfied(rule, tlv, isPinGiven));
		default:
			// 97 is "never"; conditions that need keys over a secure channel are not met by a PIN.
			return false;
	}
}
