/** The file control parameters that SELECT and STATUS answer (ETSI TS 102 221 §11.1.1.3). */

import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import type { FileKind } from "@iot-esim/shared/profile/templates/file-template";
import { concatBytes } from "@iot-esim/shared/util/bytes";
import { ruleFileOf } from "./access-rule.ts";
import { type FileId, type FileSystem, fileOf, pinFor, sizeOf } from "./file-system.ts";

/** Second octet of every file descriptor. */
const DATA_CODING = 0x21;
const SHAREABLE = 0x40;
/** Clock stop not allowed, class C and B supported: what every UICC of this kind says of itself. */
const UICC_CHARACTERISTICS = 0x71;
const TERMINAL_CAPABILITY_SUPPORTED = 0x01;

const DESCRIPTORS: Readonly<Record<FileKind, number>> = {
	mf: 0x38,
	df: 0x38,
	adf: 0x38,
	transparent: 0x01,
	"linear-fixed": 0x02,
	cyclic: 0x06,
	"ber-tlv": 0x39,
};

const octets = (...values: number[]): Uint8Array => Uint8Array.from(values);
const u16 = (value: number): Uint8Array => octets(value >> 8, value & 0xff);

/** The FCP template (tag 62) of a file. */
export function fcpOf(fs: FileSystem, id: FileId): Uint8Array {
	const file = fileOf(fs, id);
	const isDirectory = file.kind === "mf" || file.kind === "df" || file.kind === "adf";
	const parts = [
		descriptor(fs, id),
		...(file.kind === "adf" ? [] : [tlv(0x83, u16(file.fid))]),
		...(file.aid ? [tlv(0x84, file.aid)] : []),
		isDirectory ? directoryInformation(file.kind) : fileInformation(file.specialInformation),
		tlv(0x8a, octets(file.lifeCycle)),
		tlv(0x8b, u16(ruleFileOf(fs, id)), octets(file.accessRule.record)),
		...(isDirectory ? [pinStatus(fs, id)] : sizes(fs, id)),
	];
	return tlv(0x62, ...parts);
}

function descriptor(fs: FileSystem, id: FileId): Uint8Array {
	const { kind, isShareable, recordLength } = fileOf(fs, id);
	const first = octets(DESCRIPTORS[kind] | (isShareable ? SHAREABLE : 0), DATA_CODING);
	if (recordLength === undefined) return tlv(0x82, first);
	return tlv(0x82, first, u16(recordLength), octets(sizeOf(fs, id) / recordLength));
}

function directoryInformation(kind: FileKind): Uint8Array {
	const supported = kind === "mf" ? [tlv(0x87, octets(TERMINAL_CAPABILITY_SUPPORTED))] : [];
	return tlv(0xa5, tlv(0x80, octets(UICC_CHARACTERISTICS)), ...supported);
}

function fileInformation(specialInformation: number): Uint8Array {
	return tlv(0xa5, tlv(0xc0, octets(specialInformation)));
}

/** Size, then the short file identifier; an empty one says that there is none. */
function sizes(fs: FileSystem, id: FileId): Uint8Array[] {
	const { shortFileId } = fileOf(fs, id);
	return [tlv(0x80, u16(sizeOf(fs, id))), tlv(0x88, shortFileId === undefined ? octets() : octets(shortFileId << 3))];
}

/** PIN status template: a bit for each key reference, set when the PIN is enabled (§9.5.2). */
function pinStatus(fs: FileSystem, id: FileId): Uint8Array {
	const references = [...(fileOf(fs, id).pinReferences ?? [])];
	const bits = new Uint8Array(Math.max(1, Math.ceil(references.length / 8)));
	for (const [i, reference] of references.entries()) {
		if (pinFor(fs, id, reference)?.isEnabled) bits[i >> 3] = (bits[i >> 3] as number) | (0x80 >> (i & 7));
	}
	return tlv(0xc6, concatBytes(tlv(0x90, bits), ...references.map((reference) => tlv(0x83, octets(reference)))));
}
