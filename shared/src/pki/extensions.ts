import { DerError, type DerNode, decodeOid, decodeSmallInteger, decodeText, member, DerNode as Node } from "./der.ts";
import { decodeName, type Name } from "./name.ts";
import { oid } from "./oids.ts";

export const keyUsageBits = {
	digitalSignature: 0,
	nonRepudiation: 1,
	keyEncipherment: 2,
	dataEncipherment: 3,
	keyAgreement: 4,
	keyCertSign: 5,
	cRLSign: 6,
	encipherOnly: 7,
	decipherOnly: 8,
} as const;

export type KeyUsage = keyof typeof keyUsageBits;

/** What the extensions of a certificate say; a field is absent when its extension is. */
export interface CertificateExtensions {
	readonly subjectKeyIdentifier?: Uint8Array;
	readonly authorityKeyIdentifier?: Uint8Array;
	readonly keyUsage?: readonly KeyUsage[];
	/** Dotted object identifiers. */
	readonly extendedKeyUsage: readonly string[];
	/** Certificate policies, dotted. */
	readonly policies: readonly string[];
	/** registeredID of the subject's alternative names, dotted: the OID of an SM-DP+, SM-DS or EUM. */
	readonly registeredIds: readonly string[];
	readonly dnsNames: readonly string[];
	readonly basicConstraints?: { readonly isCa: boolean; readonly pathLength?: number };
	/** Permitted directory names; for an EUM their serialNumber is the beginning of the EIDs it may issue. */
	readonly nameConstraints?: { readonly permitted: readonly Name[] };
	/** Beginnings of the EIDs that an EUM may issue (extension 2.23.146.1.2.2.0). */
	readonly permittedEins?: readonly string[];
	readonly crlDistributionPoints: readonly string[];
	/** Critical extensions that this reader does not know, or that carry forms it does not check. */
	readonly unknownCritical: readonly string[];
}

type Draft = { -readonly [K in keyof CertificateExtensions]: CertificateExtensions[K] };

/** One reader per extension; it returns false when it met a form that it cannot check. */
const readers: Readonly<Record<string, (draft: Draft, value: DerNode) => boolean | undefined>> = {
	[oid.subjectKeyIdentifier]: (draft, value) => {
		draft.subjectKeyIdentifier = value.expect(0x04, "the subject key identifier").value;
		return true;
	},
	[oid.authorityKeyIdentifier]: (draft, value) => {
		const keyIdentifier = value.expect(0x30, "the authority key identifier").members.find((part) => part.tag === 0x80);
		if (keyIdentifier !== undefined) draft.authorityKeyIdentifier = keyIdentifier.value;
		return true;
	},
	[oid.keyUsage]: (draft, value) => {
		draft.keyUsage = readKeyUsage(value);
		return true;
	},
	[oid.extendedKeyUsage]: (draft, value) => {
		draft.extendedKeyUsage = value.expect(0x30, "the extended key usage").members.map((part) => decodeOid(part.value));
		return true;
	},
	[oid.certificatePolicies]: (draft, value) => {
		draft.policies = value
			.expect(0x30, "the certificate policies")
			.members.map((policy) => decodeOid(member(policy.expect(0x30, "a policy").members, 0, 0x06, "a policy").value));
		return true;
	},
	[oid.subjectAltName]: (draft, value) => {
		const names = value.expect(0x30, "the alternative names").members;
		draft.registeredIds = names.filter((name) => name.tag === 0x88).map((name) => decodeOid(name.value));
		draft.dnsNames = names.filter((name) => name.tag === 0x82).map((name) => decodeText(name.value));
		return true;
	},
	[oid.basicConstraints]: (draft, value) => {
		const parts = value.expect(0x30, "the basic constraints").members;
		const isCa = parts.some((part) => part.tag === 0x01 && part.value[0] !== 0);
		const length = parts.find((part) => part.tag === 0x02);
		draft.basicConstraints = length === undefined ? { isCa } : { isCa, pathLength: decodeSmallInteger(length.value) };
		return true;
	},
	[oid.nameConstraints]: (draft, value) => readNameConstraints(draft, value),
	[oid.permittedEins]: (draft, value) => {
		draft.permittedEins = value.expect(0x30, "the permitted EINs").members.map((part) => decodeText(part.value));
		return true;
	},
	[oid.crlDistributionPoints]: (draft, value) => {
		draft.crlDistributionPoints = readDistributionPoints(value);
		return true;
	},
};

/** Reads the contents of the explicit [3] of a TBSCertificate. */
export function decodeExtensions(extensions: DerNode | undefined): CertificateExtensions {
	const draft: Draft = {
		extendedKeyUsage: [],
		policies: [],
		registeredIds: [],
		dnsNames: [],
		crlDistributionPoints: [],
		unknownCritical: [],
	};
	if (extensions === undefined) return draft;
	const unknown: string[] = [];
	const seen = new Set<string>();
	for (const extension of extensions.expect(0x30, "the extensions").members) {
		const { id, isCritical, value } = readExtension(extension);
		if (seen.has(id)) throw new DerError(`the extension ${id} stands twice`);
		seen.add(id);
		const isRead = readers[id]?.(draft, Node.whole(value)) ?? false;
		if (!isRead && isCritical) unknown.push(id);
	}
	draft.unknownCritical = unknown;
	return draft;
}

/** The three parts of an Extension. */
export function readExtension(extension: DerNode): { id: string; isCritical: boolean; value: Uint8Array } {
	const parts = extension.expect(0x30, "an extension").members;
	const id = decodeOid(member(parts, 0, 0x06, "the identifier of an extension").value);
	const flag = parts[1]?.tag === 0x01 ? parts[1] : undefined;
	return {
		id,
		isCritical: flag !== undefined && flag.value[0] !== 0,
		value: member(parts, flag === undefined ? 1 : 2, 0x04, `the value of the extension ${id}`).value,
	};
}

function readKeyUsage(value: DerNode): KeyUsage[] {
	const bits = value.expect(0x03, "the key usage").value.subarray(1);
	return (Object.keys(keyUsageBits) as KeyUsage[]).filter((usage) => {
		const bit = keyUsageBits[usage];
		return ((bits[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0;
	});
}

/** Only permitted directory names can be checked here; any other form counts as not understood. */
function readNameConstraints(draft: Draft, value: DerNode): boolean {
	const permitted: Name[] = [];
	let isUnderstood = true;
	for (const part of value.expect(0x30, "the name constraints").members) {
		if (part.tag !== 0xa0) {
			isUnderstood = false;
			continue;
		}
		for (const subtree of part.members) {
			const [base] = subtree.expect(0x30, "a name constraint").members;
			const name = base?.tag === 0xa4 ? base.members[0] : undefined;
			if (name === undefined) isUnderstood = false;
			else permitted.push(decodeName(name));
		}
	}
	draft.nameConstraints = { permitted };
	return isUnderstood;
}

function readDistributionPoints(value: DerNode): string[] {
	const addresses: string[] = [];
	for (const point of value.expect(0x30, "the CRL distribution points").members) {
		for (const part of point.members) {
			if (part.tag !== 0xa0) continue;
			const fullName = part.members.find((name) => name.tag === 0xa0);
			for (const name of fullName?.members ?? []) if (name.tag === 0x86) addresses.push(decodeText(name.value));
		}
	}
	return addresses;
}
