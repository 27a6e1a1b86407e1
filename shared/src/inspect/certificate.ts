import { isConstructed } from "../asn1/tlv-reader.ts";
import { toHex } from "../util/bytes.ts";
import { type Header, readHeader } from "./lenient-tlv.ts";
import type { InspectNode } from "./node.ts";
import { objectIdentifier } from "./plain-values.ts";
import type { Scope, SpecialReader, Walker } from "./walker.ts";

/** The names of what stands in a structure, in order; `tags` are the identifiers a part may have. */
interface Shape {
	readonly name: string;
	readonly tags: readonly number[];
	readonly parts?: readonly Shape[];
	readonly isOptional?: boolean;
	/** Shape of each element of a list. */
	readonly each?: Shape;
	/** Reads the whole element into one line. */
	readonly text?: (walker: Walker, header: Header) => string | undefined;
	/** Reads the element in its own way. */
	readonly read?: (walker: Walker, header: Header, scope: Scope) => InspectNode;
}

const SEQUENCE = 0x30;
const time = (name: string): Shape => ({ name, tags: [0x17, 0x18] });
const optional = (shape: Shape): Shape => ({ ...shape, isOptional: true });
const algorithm = (name: string): Shape => ({
	...{ name, tags: [SEQUENCE] },
	parts: [{ name: "algorithm", tags: [0x06] }, optional({ name: "parameters", tags: [0x06, 0x05, SEQUENCE] })],
});
const name = (field: string): Shape => ({ name: field, tags: [SEQUENCE], text: distinguishedName });
const extension: Shape = { name: "extension", tags: [SEQUENCE], read: readExtension };
const extensions = (field: string, tag: number): Shape => ({
	...{ name: field, tags: [tag] },
	parts: [{ name: "extensions", tags: [SEQUENCE], each: extension }],
});

const publicKeyInfo: Shape = {
	...{ name: "subjectPublicKeyInfo", tags: [SEQUENCE] },
	parts: [algorithm("algorithm"), { name: "subjectPublicKey", tags: [0x03] }],
};

const tbsCertificate: Shape = {
	...{ name: "tbsCertificate", tags: [SEQUENCE] },
	parts: [
		optional({ name: "version", tags: [0xa0], text: versionText }),
		{ name: "serialNumber", tags: [0x02] },
		algorithm("signature"),
		name("issuer"),
		{ name: "validity", tags: [SEQUENCE], parts: [time("notBefore"), time("notAfter")] },
		name("subject"),
		publicKeyInfo,
		optional({ name: "issuerUniqueID", tags: [0x81] }),
		optional({ name: "subjectUniqueID", tags: [0x82] }),
		optional(extensions("extensions", 0xa3)),
	],
};

const tbsCertList: Shape = {
	...{ name: "tbsCertList", tags: [SEQUENCE] },
	parts: [
		optional({ name: "version", tags: [0x02] }),
		algorithm("signature"),
		name("issuer"),
		time("thisUpdate"),
		optional(time("nextUpdate")),
		optional({
			...{ name: "revokedCertificates", tags: [SEQUENCE] },
			each: {
				...{ name: "revoked", tags: [SEQUENCE] },
				parts: [
					{ name: "userCertificate", tags: [0x02] },
					time("revocationDate"),
					optional({ name: "crlEntryExtensions", tags: [SEQUENCE], each: extension }),
				],
			},
		}),
		optional(extensions("crlExtensions", 0xa0)),
	],
};

const signed = (tbs: Shape): readonly Shape[] => [
	tbs,
	algorithm("signatureAlgorithm"),
	{ name: "signatureValue", tags: [0x03] },
];

/** Certificates, lists of revoked ones and public keys, which the schemas of the messages keep whole. */
export const certificateReaders: Readonly<Record<string, SpecialReader>> = {
	Certificate: reader("Certificate", { name: "Certificate", tags: [], parts: signed(tbsCertificate) }, oneLine),
	CertificateList: reader("CertificateList", { name: "CertificateList", tags: [], parts: signed(tbsCertList) }),
	SubjectPublicKeyInfo: reader("SubjectPublicKeyInfo", publicKeyInfo),
};

/** A strange certificate says little about the type of the message that it is in. */
const HEAVIEST_MISFIT = 1;

function reader(
	type: string,
	shape: Shape,
	summary: (walker: Walker, header: Header) => { readonly value?: string } = () => ({}),
): SpecialReader {
	return (walker, header, field, scope) => {
		const before = walker.misfit;
		const node = shaped(walker, { ...shape, name: field || type }, header, scope);
		if (scope.depth > 0) walker.misfit = Math.min(walker.misfit, before + HEAVIEST_MISFIT);
		return { ...node, type, ...summary(walker, header) };
	};
}

/** Who the certificate is of, beside its first line. */
function oneLine(walker: Walker, header: Header): { readonly value?: string } {
	const tbs = readHeader(walker.bytes, header.valueStart, header.end);
	if ("error" in tbs) return {};
	const names: Header[] = [];
	for (let at = tbs.valueStart; at < tbs.end; ) {
		const part = readHeader(walker.bytes, at, tbs.end);
		if ("error" in part) return {};
		if (part.tag === SEQUENCE) names.push(part);
		at = part.end;
	}
	// signature, issuer, validity, subject
	const subject = names[3] && distinguishedName(walker, names[3]);
	return subject === undefined ? {} : { value: subject };
}

function shaped(walker: Walker, shape: Shape, header: Header, scope: Scope): InspectNode {
	if (shape.read !== undefined) return shape.read(walker, header, scope);
	const text = shape.text?.(walker, header);
	if (text !== undefined) return walker.node(shape.name, header, { value: text });
	if (shape.parts === undefined && shape.each === undefined) return walker.plain(shape.name, header, scope);
	const { parts, each } = shape;
	const children: InspectNode[] = [];
	const missing: string[] = [];
	let index = 0;
	for (let at = header.valueStart; at < header.end; ) {
		const part = readHeader(walker.bytes, at, header.end);
		if ("error" in part) {
			children.push(walker.rest("", at, header.end, part.error, scope));
			break;
		}
		const next = parts?.findIndex(({ tags }, place) => place >= index && tags.includes(part.tag)) ?? -1;
		const found = each === undefined ? parts?.[next] : { ...each, name: `[${children.length}]` };
		if (found === undefined) {
			walker.misfit += 3;
			children.push({ ...walker.plain("", part, scope), note: `no part of ${shape.name}` });
		} else {
			missing.push(...mandatoryParts(parts, index, next));
			index = next + 1;
			children.push(shaped(walker, found, part, scope));
		}
		at = part.end;
	}
	missing.push(...mandatoryParts(parts, index, parts?.length ?? 0));
	if (header.missing > 0 || missing.length === 0) return walker.node(shape.name, header, { children });
	walker.misfit += 4 * missing.length;
	const error = `without ${missing.join(", ")} (offset ${header.start})`;
	return walker.node(shape.name, header, { children, error });
}

function mandatoryParts(parts: readonly Shape[] | undefined, from: number, to: number): string[] {
	return (parts ?? [])
		.slice(from, Math.max(from, to))
		.flatMap(({ name: part, isOptional }) => (isOptional ? [] : [part]));
}

function versionText(walker: Walker, header: Header): string | undefined {
	const value = walker.bytes[header.end - 1];
	return header.end - header.valueStart === 3 && value !== undefined ? `v${value + 1}` : undefined;
}

const SHORT: Readonly<Record<string, string>> = {
	commonName: "CN",
	organization: "O",
	organizationalUnit: "OU",
	country: "C",
	locality: "L",
	stateOrProvince: "ST",
};

/** "CN=..., O=..., serialNumber=..." */
function distinguishedName(walker: Walker, header: Header): string | undefined {
	const { bytes } = walker;
	const parts: string[] = [];
	for (const set of elementsOf(bytes, header)) {
		for (const pair of elementsOf(bytes, set)) {
			const [type, value] = elementsOf(bytes, pair);
			if (type === undefined || value === undefined) return undefined;
			const oid = objectIdentifier(bytes.subarray(type.valueStart, type.end)) ?? "?";
			const field = /\((.*)\)$/.exec(oid)?.[1] ?? oid;
			parts.push(`${SHORT[field] ?? field}=${new TextDecoder().decode(bytes.subarray(value.valueStart, value.end))}`);
		}
	}
	return parts.length === 0 ? undefined : parts.join(", ");
}

/** Elements of a constructed one; those before the first that cannot be read. */
function elementsOf(bytes: Uint8Array, { valueStart, end }: Pick<Header, "valueStart" | "end">): Header[] {
	const found: Header[] = [];
	for (let at = valueStart; at < end; ) {
		const header = readHeader(bytes, at, end);
		if ("error" in header) break;
		found.push(header);
		at = header.end;
	}
	return found;
}

/** Named by its identifier, with its value taken out of the octet string. */
function readExtension(walker: Walker, header: Header, scope: Scope): InspectNode {
	const { bytes } = walker;
	const [id, ...others] = elementsOf(bytes, header);
	const oid = id && objectIdentifier(bytes.subarray(id.valueStart, id.end));
	const contents = others.find(({ tag }) => tag === 0x04);
	if (oid === undefined || contents === undefined) return walker.plain("extension", header, scope);
	const field = /\((.*)\)$/.exec(oid)?.[1] ?? oid;
	const isCritical = others.some(({ tag, valueStart }) => tag === 0x01 && bytes[valueStart] === 0xff);
	const children = walker.plainElements(contents.valueStart, contents.end, scope);
	const summary = SUMMARIES[field]?.(bytes, contents);
	return walker.node(field, header, {
		...(summary === undefined ? {} : { value: summary }),
		...(isCritical ? { note: "critical" } : {}),
		...(summary === undefined ? { children } : { hex: toHex(bytes.subarray(contents.valueStart, contents.end)) }),
	});
}

type Summary = (bytes: Uint8Array, contents: Header) => string | undefined;

const KEY_USAGES = [
	...["digitalSignature", "contentCommitment", "keyEncipherment", "dataEncipherment", "keyAgreement"],
	...["keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"],
];

const SUMMARIES: Readonly<Record<string, Summary>> = {
	keyUsage(bytes, { valueStart, end }) {
		const bits = [...bytes.subarray(valueStart + 3, end)].map((octet) => octet.toString(2).padStart(8, "0")).join("");
		return KEY_USAGES.filter((_usage, index) => bits[index] === "1").join(", ");
	},
	basicConstraints(bytes, contents) {
		const [whole] = elementsOf(bytes, contents);
		const parts = whole === undefined ? [] : elementsOf(bytes, whole);
		const isCa = parts.some(({ tag, valueStart }) => tag === 0x01 && bytes[valueStart] === 0xff);
		const length = parts.find(({ tag }) => tag === 0x02);
		const limit = length === undefined ? "" : `, at most ${bytes[length.valueStart]} below`;
		return isCa ? `CA${limit}` : "no CA";
	},
	subjectKeyIdentifier: (bytes, { valueStart, end }) => toHex(bytes.subarray(valueStart + 2, end)),
	authorityKeyIdentifier(bytes, contents) {
		const [whole] = elementsOf(bytes, contents);
		const key = whole && elementsOf(bytes, whole).find(({ tag }) => tag === 0x80);
		return key && toHex(bytes.subarray(key.valueStart, key.end));
	},
	crlDistributionPoints: addressesIn,
	issuingDistributionPoint: addressesIn,
	extendedKeyUsage: identifiersIn,
	certificatePolicies: identifiersIn,
	subjectAltName(bytes, contents) {
		const [whole] = elementsOf(bytes, contents);
		const names = whole === undefined ? [] : elementsOf(bytes, whole);
		const words = names.map(({ tag, valueStart, end }) => generalName(tag, bytes.subarray(valueStart, end)));
		return words.length > 0 ? words.join(", ") : undefined;
	},
};

/** The URIs in a structure of names, however deep. */
function addressesIn(bytes: Uint8Array, contents: Header): string | undefined {
	const found = elementsOf(bytes, contents).flatMap((element): string[] => {
		if (element.tag === URI) return [new TextDecoder().decode(bytes.subarray(element.valueStart, element.end))];
		return isConstructed(element.tag) ? [addressesIn(bytes, element) ?? ""] : [];
	});
	const text = found.filter((address) => address !== "").join(", ");
	return text === "" ? undefined : text;
}

const URI = 0x86;

function identifiersIn(bytes: Uint8Array, contents: Header): string | undefined {
	const [whole] = elementsOf(bytes, contents);
	const entries = whole === undefined ? [] : elementsOf(bytes, whole);
	const oids = entries.map((entry) => {
		const id = entry.tag === 0x06 ? entry : elementsOf(bytes, entry)[0];
		return id && objectIdentifier(bytes.subarray(id.valueStart, id.end));
	});
	return oids.length > 0 && oids.every((oid) => oid !== undefined) ? oids.join(", ") : undefined;
}

function generalName(tag: number, octets: Uint8Array): string {
	if (tag === 0x88) return `registered ID ${objectIdentifier(octets) ?? toHex(octets)}`;
	const text = new TextDecoder().decode(octets);
	if (tag === 0x82) return `DNS ${text}`;
	return tag === URI ? `URI ${text}` : `[${tag & 0x1f}] ${toHex(octets)}`;
}
