import { fromBase64, fromHex } from "../util/bytes.ts";
import { EsimError } from "../util/errors.ts";

/** What was given to inspect, as octets or as a JSON value. */
export type InspectInput =
	| { readonly form: "octets"; readonly bytes: Uint8Array; readonly encoding: "binary" | "hex" | "base64" | "PEM" }
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
		const digits = trimmed.replace(/0x/gi, "").replace(/[\s:,-]/g, "");
		if (digits.length > 0 && digits.length % 2 === 0 && /^[0-9a-fA-F]+$/.test(digits)) {
			return { form: "octets", bytes: fromHex(digits), encoding: "hex" };
		}
	}
	try {
		const bytes = fromBase64(base64);
		if (bytes.length > 0) return { form: "octets", bytes, encoding: pem === null ? "base64" : "PEM" };
	} catch (error) {
		if (!(error instanceof EsimError)) throw error;
	}
	return undefined;
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
