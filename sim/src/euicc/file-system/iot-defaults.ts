/** Files of an IoT Minimal Profile that its PE leaves out, made from the profile header. */

import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import type { File } from "@iot-esim/shared/messages/pe/file";
import type { ProfileHeader } from "@iot-esim/shared/messages/pe/profile-header";
import { ACCESS_RULE_RECORDS } from "@iot-esim/shared/profile/templates/access-rules";
import { concatBytes, hex } from "@iot-esim/shared/util/bytes";

/** Registered application provider of the USIM; the header gives the rest of the AID. */
const USIM_RID = hex`A000000087`;
const TEMPORARY_USIM_FID = hex`7FF0`;

/** Steps for the components of PE-IoT; those that the PE has itself come before these. */
export function iotDefaults(header: ProfileHeader): ReadonlyMap<string, File> {
	const aid = concatBytes(USIM_RID, header.iotOptions?.pix ?? new Uint8Array(0));
	const directory = (references: Uint8Array, more = {}): File => [
		{ fileDescriptor: { ...more, pinStatusTemplateDO: references } },
	];
	return new Map<string, File>([
		["mf", directory(hex`010A`)],
		["ef-iccid", [{ fillFileContent: exchanged(header.iccid) }]],
		["ef-dir", records([tlv(0x61, tlv(0x4f, aid))])],
		["ef-arr", records(ACCESS_RULE_RECORDS)],
		...(header.iotOptions
			? [["adf-usim", directory(hex`01810A`, { fileID: TEMPORARY_USIM_FID, dfName: aid })] as const]
			: []),
		["ef-arr-usim", records(ACCESS_RULE_RECORDS)],
		["ef-ust", [{ fillFileContent: new Uint8Array(17) }]],
	]);
}

/** EF.ICCID has the digits of the header two by two exchanged. */
function exchanged(octets: Uint8Array): Uint8Array {
	return octets.map((octet) => ((octet & 0x0f) << 4) | (octet >> 4));
}

function records(rows: readonly Uint8Array[]): File {
	const length = Math.max(...rows.map((row) => row.length));
	const contents = new Uint8Array(rows.length * length).fill(0xff);
	for (const [i, row] of rows.entries()) contents.set(row, i * length);
	const size =
		contents.length > 0xff
			? Uint8Array.of(contents.length >> 8, contents.length & 0xff)
			: Uint8Array.of(contents.length);
	return [
		{ fileDescriptor: { fileDescriptor: Uint8Array.of(0x42, 0x21, 0, length), efFileSize: size } },
		{ fillFileContent: contents },
	];
}
