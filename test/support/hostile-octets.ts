import { Asn1Error, decode, encode, type Schema } from "@iot-esim/shared/asn1/schema";
import { equalBytes, toHex } from "@iot-esim/shared/util/bytes";

/**
 * What is wrong with how the codec takes these octets, or undefined: they must end in a typed error, or in a value that
 * encodes to exactly the same octets.
 */
export function complaint(schema: Schema<unknown>, bytes: Uint8Array): string | undefined {
	try {
		const again = encode(schema, decode(schema, bytes));
		return equalBytes(again, bytes) ? undefined : `decoded, but encodes to ${toHex(again)}`;
	} catch (error) {
		return error instanceof Asn1Error ? undefined : `untyped error ${String(error)}`;
	}
}

/** Complaints about all prefixes of `bytes`, `step` octets apart; a prefix that decodes is one too. */
export function truncationComplaints(schema: Schema<unknown>, bytes: Uint8Array, step: number): string[] {
	const found: string[] = [];
	for (let length = 0; length < bytes.length; length += step) {
		try {
			decode(schema, bytes.subarray(0, length));
			found.push(`${length} of ${bytes.length} octets are taken for the whole`);
		} catch (error) {
			if (!(error instanceof Asn1Error)) found.push(`${length} octets: untyped error ${String(error)}`);
		}
	}
	return found;
}

/** Complaints about `bytes` with one octet changed: at every `step`th place, to each of what `variants` makes of it. */
export function mutationComplaints(
	schema: Schema<unknown>,
	bytes: Uint8Array,
	step: number,
	variants: (octet: number) => readonly number[],
): string[] {
	const found: string[] = [];
	const changed = bytes.slice();
	for (let at = 0; at < bytes.length; at += step) {
		const original = bytes[at] as number;
		for (const variant of variants(original)) {
			changed[at] = variant;
			const wrong = complaint(schema, changed);
			if (wrong !== undefined) found.push(`octet ${at} as ${variant}: ${wrong}`);
		}
		changed[at] = original;
	}
	return found;
}

/** The octet with each of its bits turned. */
export const bitFlips = (octet: number): number[] => [1, 2, 4, 8, 16, 32, 64, 128].map((bit) => octet ^ bit);

/** All other octets. */
export const allOthers = (octet: number): number[] =>
	Array.from({ length: 256 }, (_, other) => other).filter((other) => other !== octet);
