import { Asn1Error } from "../asn1/schema.ts";
import { readWholeTlv } from "../asn1/tlv-reader.ts";
import { fromBase64, toHex } from "../util/bytes.ts";
import { EsimError } from "../util/errors.ts";
import { guessTypes, typeNamed } from "./message-types.ts";
import type { InspectNode } from "./node.ts";
import { readTree, type TreeOptions } from "./read-tree.ts";
import { isSecretField, maskedText } from "./secrets.ts";

/** Members whose name is not that of their type. */
const TYPES: Readonly<Record<string, string>> = {
	serverCertificate: "Certificate",
	smdpCertificate: "Certificate",
	profileMetadata: "StoreMetadataRequest",
	eimPackageResult: "EimPackageResult",
	provideEimPackageResult: "ProvideEimPackageResult",
	eimAcknowledgements: "EimAcknowledgements",
	transactionContents: "",
};
/** base64 of octets that are no TLV. */
const RAW: ReadonlySet<string> = new Set(["euiccChallenge", "euiccCiPKIdToBeUsed", "euiccCiPKIdentifierToBeUsed"]);

/** A body of the JSON binding of ES9+, ES11, ES2+ or ESipa: members in base64 are looked into. */
export function inspectJson(value: unknown, options: TreeOptions, length: number): InspectNode {
	return { ...jsonNode("JSON body", value, options), length };
}

function jsonNode(name: string, value: unknown, options: TreeOptions, depth = 0): InspectNode {
	const base = { name, offset: 0, length: 0 };
	if (depth > MAX_DEPTH) return { ...base, error: `nested deeper than ${MAX_DEPTH} (offset 0)` };
	if (isSecretField("", name) && value !== null && value !== undefined && !options.showSecrets) {
		return { ...base, isMasked: true, value: maskedText(typeof value === "string" ? value.length : 1) };
	}
	if (Array.isArray(value)) {
		return { ...base, children: value.map((item, index) => jsonNode(`[${index}]`, item, options, depth + 1)) };
	}
	if (typeof value === "object" && value !== null) {
		return { ...base, children: Object.entries(value).map(([key, item]) => jsonNode(key, item, options, depth + 1)) };
	}
	if (typeof value !== "string") return { ...base, value: String(value) };
	return encoded(name, value, options) ?? { ...base, value: JSON.stringify(value) };
}

const MAX_DEPTH = 32;

/** A text that is base64 of a TLV from end to end, or of octets by the name of its member. */
function encoded(name: string, text: string, options: TreeOptions): InspectNode | undefined {
	const bytes = base64Octets(text);
	if (bytes === undefined) return undefined;
	if (RAW.has(name)) return { name, offset: 0, length: bytes.length, hex: toHex(bytes), origin: "decoded base64" };
	try {
		readWholeTlv(bytes);
	} catch (error) {
		if (error instanceof Asn1Error) return undefined;
		throw error;
	}
	const range = { start: 0, end: bytes.length };
	const typeName = TYPES[name] ?? name;
	const entry = typeNamed(typeName);
	const isOfType = entry?.schema.accepts(readWholeTlv(bytes).tag) ?? false;
	const [guess] = isOfType ? [] : guessTypes(bytes, range, options);
	const { node } =
		isOfType || guess === undefined
			? readTree(isOfType ? entry?.schema : undefined, name, bytes, range, options)
			: guess;
	return { ...node, name, origin: "decoded base64" };
}

function base64Octets(text: string): Uint8Array | undefined {
	if (text.length < 4) return undefined;
	try {
		return fromBase64(text);
	} catch (error) {
		if (error instanceof EsimError) return undefined;
		throw error;
	}
}
