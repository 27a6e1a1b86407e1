import { readTlvs, readWholeTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { fromBase64, fromHex } from "@iot-esim/shared/util/bytes";
import { decodeEimConfiguration, type EimConfiguration } from "../card/eim-configuration.ts";
import { IpaCliError } from "./errors.ts";

/** What a file for AddInitialEim holds. */
export interface EimConfigurationFile {
	/** The request for the card: BF57. */
	readonly addInitialEimRequest: Uint8Array;
	readonly configurations: readonly EimConfiguration[];
}

const SEQUENCE = 0x30;
const LIST = 0xa0;
const ADD_INITIAL_EIM = 0xbf57;
const GET_EIM_CONFIGURATION = 0xbf55;

/**
 * Reads an eIM configuration as eIMs hand it out: DER, PEM, base64 or hex of an AddInitialEimRequest (BF57), of an
 * answer to GetEimConfigurationData (BF55), or of one or more bare EimConfigurationData (30). What is in it goes to
 * the card octet by octet.
 * @throws IpaCliError IPA_FILE_INVALID
 */
export function parseEimConfigurationFile(contents: Uint8Array, name: string): EimConfigurationFile {
	try {
		const der = derOf(contents);
		const entries = entriesOf(der);
		if (entries.length === 0) throw new Error("it holds no eIM configuration");
		return {
			addInitialEimRequest: tlv(ADD_INITIAL_EIM, tlv(LIST, ...entries)),
			configurations: entries.map(decodeEimConfiguration),
		};
	} catch (cause) {
		const reason = cause instanceof Error ? cause.message : String(cause);
		const advice = "take it from the eIM (GET /api/v1/eim-configuration), as DER or PEM";
		const message = `${name} is not an eIM configuration: ${reason}; ${advice}`;
		throw new IpaCliError("IPA_FILE_INVALID", message, { cause });
	}
}

function entriesOf(der: Uint8Array): Uint8Array[] {
	const outer = readTlvs(der);
	const [first] = outer;
	if (first?.tag === SEQUENCE) return outer.map((entry) => tlvBytes(der, entry));
	const whole = readWholeTlv(der);
	if (whole.tag !== ADD_INITIAL_EIM && whole.tag !== GET_EIM_CONFIGURATION) {
		throw new Error(`it begins with tag ${whole.tag.toString(16).toUpperCase()}, not BF57, BF55 or 30`);
	}
	const [list] = readTlvs(der, whole.valueStart, whole.end);
	if (list?.tag !== LIST) throw new Error("the list of configurations (A0) is missing");
	return readTlvs(der, list.valueStart, list.end).map((entry) => tlvBytes(der, entry));
}

/** Octets of a file: binary as they are, text as PEM, hex or base64. */
function derOf(contents: Uint8Array): Uint8Array {
	const isText = contents.every(
		(octet) => (octet >= 0x20 && octet < 0x7f) || octet === 0x09 || octet === 0x0a || octet === 0x0d,
	);
	if (!isText) return contents;
	const text = new TextDecoder().decode(contents);
	const pem = /-----BEGIN [^-]+-----([\s\S]+?)-----END [^-]+-----/.exec(text);
	if (pem?.[1] !== undefined) return fromBase64(pem[1]);
	const compact = text.replace(/\s+/g, "");
	return /^([0-9A-Fa-f]{2})+$/.test(compact) ? fromHex(compact) : fromBase64(compact);
}
