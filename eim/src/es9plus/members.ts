import { readWholeTlv, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { EsimError } from "@iot-esim/shared/util/errors";
import { Es9PlusError } from "./errors.ts";

/**
 * `bytes` when it is exactly one TLV with `tag`.
 * @throws Es9PlusError ES9PLUS_ANSWER_INVALID naming the member
 */
export function wholeTlv(name: string, tag: number, bytes: Uint8Array): Uint8Array {
	try {
		const found = readWholeTlv(bytes).tag;
		if (found === tag) return bytes;
		throw invalidAnswer(
			name,
			`begins with ${found.toString(16).toUpperCase()} instead of ${tag.toString(16).toUpperCase()}`,
		);
	} catch (error) {
		if (error instanceof Es9PlusError || !(error instanceof EsimError)) throw error;
		throw invalidAnswer(name, error.message);
	}
}

/** A signature's octets, with or without the header 5F37 around them. */
export function bareSignature(name: string, bytes: Uint8Array): Uint8Array {
	if (bytes[0] === 0x5f && bytes[1] === 0x37) return tlvValue(bytes, readWholeTlv(wholeTlv(name, 0x5f37, bytes)));
	if (bytes.length === 0) throw invalidAnswer(name, "is empty");
	return bytes;
}

/** A key identifier's octets, with or without the OCTET STRING header around them. */
export function bareKeyIdentifier(bytes: Uint8Array): Uint8Array {
	return bytes[0] === 0x04 && bytes[1] === bytes.length - 2 ? bytes.subarray(2) : bytes;
}

export function invalidAnswer(name: string, what: string): Es9PlusError {
	return new Es9PlusError("ES9PLUS_ANSWER_INVALID", `the SM-DP+'s ${name} ${what}`, { context: { member: name } });
}
