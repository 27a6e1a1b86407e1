import { fromBase64, fromHex } from "../util/bytes.ts";
import { EsimError } from "../util/errors.ts";
import { readHeader } from "./lenient-tlv.ts";

/** What was given to inspect, as octets or as a JSON value. */
export type InspectInput =
	| { readonly form: "octets"; readonly bytes: Uint8Array; readonly encoding: "binary" | "hex" | "base64" | "PEM" }
	/** One APDU a line, when there is more than one line; `whole` is all of it in one. */
	| { readonly form: "lines"; readonly lines: readonly Uint8Array[]; readonly whole: Uint8Array }
	| { readonly form: "json"; readonly value: unknown; readonly length: number };

/** Hex (with white space, colons or 0x), base64, PEM or JSON; undefined when a text is none of them. */
export function readText(text: string): InspectInput | undefined {
	const trimmed = text.trim();
	if (/^[[{]/.test(trimmed)) {
		const value = parseJson(trimmed);
		if (value !== undefined) return { form: "json", value, length: text.length };
	}
	const pem = /-----BEGIN [^-]+-----([^-]*)-----END /.exec(trimmed);
	const base64 = pem?.[1] ?? trimmed;
	if (pem === null) {
		const digits = bareDigits(trimmed);
		if (digits.length > 0 && digits.length % 2 === 0 && /^[0-9a-fA-F]+$/.test(digits)) {
			const lines = hexLines(trimmed);
			if (lines.length > 1) return { form: "lines", lines, whole: fromHex(digits) };
			return { form: "octets", bytes: fromHex(digits), encoding: "hex" };
		}
	}
	try {
		const bytes = fromBase64(base64);
		const isLikely = pem !== null || base64.length >= SHORTEST_BASE64 || isOneTlv(bytes);
		if (bytes.length > 0 && isLikely) return { form: "octets", bytes, encoding: pem === null ? "base64" : "PEM" };
	} catch (error) {
		if (!(error instanceof EsimError)) throw error;
	}
	return undefined;
}

/** Marks of direction in front of a line, "0x", and what separates octets. */
function bareDigits(text: string): string {
	return text
		.replace(/^\s*([<>]|[-=]>|<[-=])/gm, "")
		.replace(/0x/gi, "")
		.replace(/[\s:,-]/g, "");
}

/** The lines as octets, when each of them has whole octets. */
function hexLines(text: string): readonly Uint8Array[] {
	const lines = text.split("\n").map(bareDigits);
	const given = lines.filter((line) => line.length > 0);
	return given.every((line) => line.length % 2 === 0) ? given.map(fromHex) : [];
}

/** A shorter text is rather a word, unless it happens to give exactly one TLV. */
const SHORTEST_BASE64 = 16;

function isOneTlv(bytes: Uint8Array): boolean {
	const header = readHeader(bytes, 0, bytes.length);
	return !("error" in header) && header.missing === 0 && header.end === bytes.length;
}

/** Contents of a file: a text when it looks like one that can be read, else the octets themselves. */
export function readFileOctets(bytes: Uint8Array): InspectInput {
	return (
		(isAsciiText(bytes) ? readText(new TextDecoder().decode(bytes)) : undefined) ?? {
			form: "octets",
			bytes,
			encoding: "binary",
		}
	);
}

function isAsciiText(bytes: Uint8Array): boolean {
	return bytes.every((octet) => (octet >= 0x20 && octet <= 0x7e) || octet === 0x09 || octet === 0x0a || octet === 0x0d);
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text) as unknown;
	} catch {
		return undefined;
	}
}
