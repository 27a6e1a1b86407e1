/**
 * What real peers send instead of the module's forms, and how it is read. Only reading is lenient: `encode` writes the
 * strict form, and what is signed keeps the octets that were received.
 */

import { LenientDecoder, type RelaxRules, relax, type StrictForm } from "../../asn1/relax.ts";
import { Asn1Error, type DecodeLimits, type Schema } from "../../asn1/schema.ts";
import { readWholeTlv, type Tlv, tlvBytes, tlvValue } from "../../asn1/tlv-reader.ts";
import { tlv } from "../../asn1/tlv-writer.ts";
import { childrenOf, contentsOf, hasTags, partsOf, withChildren, withTag } from "./dialect/rewriting.ts";
import { differences } from "./dialect/table.ts";
import { SGP32_VERSIONS, type Sgp32Version } from "./dialect/version.ts";

export interface Lenient<T> {
	readonly value: T;
	/** Names of the types that did not have their strict form; empty for a peer that keeps to the module. */
	readonly deviations: readonly string[];
	/** Versions that have all the forms seen; absent when every form is also one of version 1.2. */
	readonly versions?: readonly Sgp32Version[];
}

const relaxed = new WeakMap<Schema<unknown>, Schema<unknown>>();

/**
 * Decodes an SGP.32 message with the deviations that peers are known for (see `rules`). A kept value's `der` may then
 * be in a deviating form itself: read it again with this function, not with `decode`.
 * @throws Asn1Error as decode
 */
export function decodeLenient<T>(schema: Schema<T>, bytes: Uint8Array, limits: DecodeLimits = {}): Lenient<T> {
	let lenient = relaxed.get(schema) as Schema<T> | undefined;
	if (!lenient) {
		lenient = relax(schema, rules);
		relaxed.set(schema, lenient);
	}
	const decoder = new LenientDecoder(bytes, limits.maxDepth ?? 32);
	const value = decodeWith(decoder, lenient, schema.typeName, limits);
	const deviations = [...decoder.deviations];
	if (decoder.notes.size === 0) return { value, deviations };
	const seen = differences.filter(({ item }) => decoder.notes.has(item));
	return {
		value,
		deviations,
		versions: SGP32_VERSIONS.filter((version) => seen.every((row) => row.versions.includes(version))),
	};
}

function decodeWith<T>(decoder: LenientDecoder, schema: Schema<T>, typeName: string, limits: DecodeLimits): T {
	const { bytes } = decoder;
	try {
		const maxBytes = limits.maxBytes ?? 1 << 20;
		if (bytes.length > maxBytes) {
			throw new Asn1Error("ASN1_LIMIT", `${bytes.length} octets, at most ${maxBytes} are allowed`);
		}
		const whole = readWholeTlv(bytes);
		if (!schema.accepts(whole.tag)) {
			throw new Asn1Error("ASN1_TAG_UNEXPECTED", `another tag than ${schema.expectation()}`);
		}
		return schema.decodeAt(decoder, whole.tag, 0, whole.valueStart, whole.end);
	} catch (error) {
		throw error instanceof Asn1Error && typeName !== "" ? error.within(typeName) : error;
	}
}

/** EuiccPackageResult without its arm: `BF51{30{30,5F37}}`, `BF51{30,5F37}`, and the arm around a whole SEQUENCE. */
function strictEuiccPackageResult(received: Uint8Array): Uint8Array {
	const parts = partsOf(received);
	const [first] = parts.children;
	if (first === undefined) return received;
	const inner = first.tag === 0x80 ? [] : childrenOf(received, first);
	const [only] = inner;
	if (first.tag === 0xa0 || first.tag === 0xa1 || first.tag === 0xa2) {
		const isWrapped = inner.length === 1 && only?.tag === 0x30;
		return isWrapped ? tlv(parts.whole.tag, tlv(first.tag, tlvValue(received, only))) : received;
	}
	if (first.tag === 0x80) return tlv(parts.whole.tag, tlv(0xa2, contentsOf(parts)));
	if (first.tag !== 0x30) return received;
	if (parts.children.length > 1) return tlv(parts.whole.tag, tlv(armOfSigned(received, first), contentsOf(parts)));
	const arm = only?.tag === 0x30 ? armOfSigned(received, only) : 0xa2;
	return tlv(parts.whole.tag, tlv(arm, tlvValue(received, first)));
}

/** A signed error ends in an INTEGER, a signed result in the SEQUENCE of results. */
function armOfSigned(bytes: Uint8Array, data: Tlv): number {
	return childrenOf(bytes, data).at(-1)?.tag === 0x02 ? 0xa1 : 0xa0;
}

/** The list of eIMs without its arm, and the address result as a universal INTEGER. */
function strictEuiccResultData(received: Uint8Array): Uint8Array {
	const tag = received[0];
	if (tag === 0xab) return strictList(received, 0x30, 0x80);
	if (tag === 0xbf && received[1] === 0x65) return withTag(received, 0x02, 0x80);
	return received;
}

/**
 * CHOICE { list SEQUENCE OF, error INTEGER } without its arms: elements with `elementTag` bare or in a SEQUENCE, the
 * error as a universal INTEGER. `memberTag` tells an element that is itself a SEQUENCE from a list of elements.
 */
function strictList(received: Uint8Array, elementTag: number, memberTag?: number): Uint8Array {
	const parts = partsOf(received);
	const [first] = parts.children;
	if (first === undefined) return tlv(parts.whole.tag, tlv(0xa0));
	if (hasTags(parts.children, 0x02)) return tlv(parts.whole.tag, tlv(0x81, tlvValue(received, first)));
	if (first.tag === 0x30 && parts.children.length === 1) {
		const isElement = memberTag !== undefined && childrenOf(received, first)[0]?.tag === memberTag;
		if (!isElement) return tlv(parts.whole.tag, tlv(0xa0, tlvValue(received, first)));
	}
	return first.tag === elementTag ? tlv(parts.whole.tag, tlv(0xa0, contentsOf(parts))) : received;
}

/** IpaEuiccDataResponse without its arm: bare members, or members in a SEQUENCE. */
function strictIpaEuiccDataResponse(received: Uint8Array): Uint8Array {
	const parts = partsOf(received);
	const { children, whole } = parts;
	const [only] = children;
	if (only !== undefined && children.length === 1) {
		if (only.tag === 0xa1) return received;
		if (only.tag === 0xa0) {
			// The arm, unless it is the notification list of bare data: its members are notifications.
			const inner = childrenOf(received, only)[0]?.tag;
			return inner === 0xbf37 || inner === 0x30 ? tlv(whole.tag, tlv(0xa0, contentsOf(parts))) : received;
		}
		if (only.tag === 0x30) return strictIpaEuiccDataResponse(tlv(whole.tag, tlvValue(received, only)));
	}
	return tlv(whole.tag, tlv(children.at(-1)?.tag === 0x02 ? 0xa1 : 0xa0, contentsOf(parts)));
}

/** Certificates with their own tag 30 inside the component tag that should replace it. */
function strictCertificates(received: Uint8Array): Uint8Array {
	return withChildren(partsOf(received), (child) => {
		if (child.tag !== 0xa5 && child.tag !== 0xa6) return undefined;
		const inner = childrenOf(received, child);
		const [only] = inner;
		return inner.length === 1 && only?.tag === 0x30 ? tlv(child.tag, tlvValue(received, only)) : undefined;
	});
}

function strictGetCertsResponse(received: Uint8Array): Uint8Array {
	const parts = partsOf(received);
	return withChildren(parts, (child) => {
		if (child.tag !== 0xa0) return undefined;
		const arm = tlvBytes(received, child);
		const strict = strictCertificates(arm);
		return strict === arm ? undefined : strict;
	});
}

/** Keys and certificates of an eIM in any of three forms: `A5{A0{alg,key}}`, `A5{A0{30{alg,key}}}`, `A5{30{alg,key}}`. */
function strictEimConfigurationData(received: Uint8Array): Uint8Array {
	return withChildren(partsOf(received), (child) =>
		child.tag === 0xa5 || child.tag === 0xa6 ? strictKeyArm(received, child) : undefined,
	);
}

function strictKeyArm(bytes: Uint8Array, component: Tlv): Uint8Array | undefined {
	const [arm] = childrenOf(bytes, component);
	if (arm === undefined) return undefined;
	const members = childrenOf(bytes, arm);
	const [only] = members;
	if (arm.tag === 0xa0 || arm.tag === 0xa1) {
		const isNested = members.length === 1 && only?.tag === 0x30;
		return isNested ? tlv(component.tag, tlv(arm.tag, tlvValue(bytes, only))) : undefined;
	}
	if (arm.tag !== 0x30) return undefined;
	// A key is algorithm and BIT STRING, a certificate has its contents before them.
	if (hasTags(members, 0x30, 0x03)) return tlv(component.tag, tlv(0xa0, tlvValue(bytes, arm)));
	return hasTags(members, 0x30, 0x30, 0x03) ? tlv(component.tag, tlv(0xa1, tlvValue(bytes, arm))) : undefined;
}

/** An error as a primitive 80 around a SEQUENCE. */
function strictResultError(received: Uint8Array): Uint8Array {
	return withChildren(partsOf(received), (child) => {
		if (child.tag !== 0x80) return undefined;
		const value = tlvValue(received, child);
		return tlv(0xa0, value[0] === 0x30 ? tlvValue(value, readWholeTlv(value)) : tlv(0x02, value));
	});
}

/** Octets that were taken over from JSON together with their own tag and length: `5F37 43 5F3740..`, `04 16 0414..`. */
function withoutEnvelopes(received: Uint8Array): Uint8Array {
	return withChildren(partsOf(received), (child) => {
		if (child.tag !== 0x5f37 && child.tag !== 0x04) return undefined;
		const value = tlvValue(received, child);
		const header = child.tag === 0x04 ? [0x04, value.length - 2] : [0x5f, 0x37, value.length - 3];
		const isEnveloped = value.length > header.length + 16 && header.every((octet, i) => value[i] === octet);
		return isEnveloped ? value : undefined;
	});
}

const refreshFlag = (received: Uint8Array): Uint8Array => withTag(received, 0x01, 0x80);

/** By type: what real peers send that no version of the module has. */
const mistakes: Readonly<Record<string, StrictForm>> = {
	EuiccPackageResult: strictEuiccPackageResult,
	EuiccResultData: strictEuiccResultData,
	ProfileInfoListResponse: (received) => strictList(received, 0xe3),
	IpaEuiccDataResponse: strictIpaEuiccDataResponse,
	IpaEuiccData: strictCertificates,
	GetCertsResponse: strictGetCertsResponse,
	EimConfigurationData: strictEimConfigurationData,
	ProvideEimPackageResult: strictResultError,
	InitiateAuthenticationOkEsipa: withoutEnvelopes,
	AuthenticateClientOkDPEsipa: withoutEnvelopes,
	/** Search criteria without the A0 of the CHOICE. */
	RetrieveNotificationsListRequest: (received) => {
		const parts = partsOf(received);
		const tag = parts.children[0]?.tag;
		return tag === 0x80 || tag === 0x81 || tag === 0x82 ? tlv(0xbf2b, tlv(0xa0, contentsOf(parts))) : received;
	},
	/** rollbackFlag as if the list were tagged automatically. */
	Psmo: (received) => (received[0] === 0xa3 ? withTag(received, 0x81, 0x05) : received),
	SetDefaultDpAddressRequest: (received) => withTag(received, 0x0c, 0x80),
	SetDefaultDpAddressResponse: (received) => withTag(received, 0x02, 0x80),
	GetConnectivityParametersResponse: (received) => withTag(received, 0x80, 0x81),
	ImmediateEnableRequest: refreshFlag,
	ProfileRollbackRequest: refreshFlag,
	ExecuteFallbackMechanismRequest: refreshFlag,
	ReturnFromFallbackRequest: refreshFlag,
	EnableEmergencyProfileRequest: refreshFlag,
	DisableEmergencyProfileRequest: refreshFlag,
};

/** The forms of other versions first: what is left then is a mistake. */
function rulesOf(): RelaxRules {
	const types = new Set([...Object.keys(mistakes), ...differences.flatMap(({ type }) => type ?? [])]);
	return Object.fromEntries([...types].map((type) => [type, ruleOf(type)]));
}

function ruleOf(type: string): RelaxRules[string] {
	const rows = differences.filter((row) => row.type === type && row.read !== undefined);
	const mistake = Object.hasOwn(mistakes, type) ? mistakes[type] : undefined;
	return {
		read: (received, note) => {
			let strict = received;
			for (const { item, read } of rows) {
				const before = strict;
				strict = read?.(before) ?? before;
				if (strict !== before) note(item);
			}
			return mistake?.(strict) ?? strict;
		},
		otherTags: rows.flatMap(({ otherTag }) => otherTag ?? []),
	};
}

const rules = rulesOf();
