import { decode } from "../asn1/schema.ts";
import { findTlv, readTlvs, readWholeTlv, tlvValue } from "../asn1/tlv-reader.ts";
import { StoreMetadataRequest } from "../messages/sgp32/profile-info.ts";
import { concatBytes, equalBytes } from "../util/bytes.ts";

const MAC_OCTETS = 8;
const SEQUENCE_OF_88 = 0xa1;

/**
 * The metadata that a Bound Profile Package will store: its 88 blocks have a MAC but are not encrypted.
 * @returns undefined when they cannot be read; the card judges them then
 */
export function metadataOfBoundProfilePackage(boundProfilePackage: Uint8Array): Uint8Array | undefined {
	const whole = readWholeTlv(boundProfilePackage);
	const sequence = findTlv(readTlvs(boundProfilePackage, whole.valueStart, whole.end), SEQUENCE_OF_88);
	if (sequence === undefined) return undefined;
	const blocks = readTlvs(boundProfilePackage, sequence.valueStart, sequence.end);
	const parts = blocks.map((block) => {
		const contents = tlvValue(boundProfilePackage, block);
		return contents.subarray(0, Math.max(0, contents.length - MAC_OCTETS));
	});
	return concatBytes(...parts);
}

/**
 * Compares the metadata shown before the download with those in the package. What the eUICC does not store is not part
 * of the package.
 * @returns the first member that differs, or undefined when they are the same
 */
export function metadataDifference(shown: Uint8Array, packed: Uint8Array): string | undefined {
	if (equalBytes(shown, packed)) return undefined;
	let before: StoreMetadataRequest;
	let after: StoreMetadataRequest;
	try {
		before = decode(StoreMetadataRequest, shown);
		after = decode(StoreMetadataRequest, packed);
	} catch {
		return "the encoding";
	}
	const members = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof StoreMetadataRequest>;
	members.delete("serviceSpecificDataNotStoredInEuicc");
	for (const member of members) {
		if (JSON.stringify(comparable(before[member])) !== JSON.stringify(comparable(after[member]))) return member;
	}
	return undefined;
}

function comparable(value: unknown): unknown {
	if (value instanceof Uint8Array) return [...value];
	if (Array.isArray(value)) return value.map(comparable);
	if (typeof value !== "object" || value === null) return value;
	return Object.entries(value)
		.map(([name, member]) => [name, comparable(member)])
		.sort(([a], [b]) => String(a).localeCompare(String(b)));
}
