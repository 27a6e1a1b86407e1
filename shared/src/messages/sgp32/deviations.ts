/**
 * What real peers send instead of the module's forms, and how it is read. Only reading is lenient: `encode` writes the
 * strict form, and what is signed keeps the octets that were received.
 */

import { LenientDecoder, type RelaxRules, relax } from "../../asn1/relax.ts";
import { Asn1Error, type DecodeLimits, type Schema } from "../../asn1/schema.ts";
import { readTlvs, readWholeTlv, type Tlv, tlvBytes, tlvValue } from "../../asn1/tlv-reader.ts";
import { tlv } from "../../asn1/tlv-writer.ts";

export interface Lenient<T> {
	readonly value: T;
	/** Names of the types that did not have their strict form; empty for a peer that keeps to the module. */
	readonly deviations: readonly string[];
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
	return { value: decodeWith(decoder, lenient, schema.typeName, limits), deviations: [...decoder.deviations] };
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

/** A TLV taken apart: its own header and the TLVs in it. */
interface Parts {
	readonly bytes: Uint8Array;
	readonly whole: Tlv;
	readonly children: readonly Tlv[];
}

function partsOf(bytes: Uint8Array): Parts {
	const whole = readWholeTlv(bytes);
	return { bytes, whole, children: readTlvs(bytes, whole.valueStart, whole.end) };
}

const childrenOf = (bytes: Uint8Array, parent: Tlv): Tlv[] => readTlvs(bytes, parent.valueStart, parent.end);
const contentsOf = ({ bytes, whole }: Parts): Uint8Array => tlvValue(bytes, whole);
const hasTags = (tlvs: readonly Tlv[], ...tags: readonly number[]): boolean =>
	tlvs.length === tags.length && tlvs.every((item, i) => item.tag === tags[i]);

/** The same TLV with some children replaced; the very same octets when none is. */
function withChildren(parts: Parts, replace: (child: Tlv) => Uint8Array | undefined): Uint8Array {
	let isChanged = false;
	const members = parts.children.map((child) => {
		const replaced = replace(child);
		if (replaced) isChanged = true;
		return replaced ?? tlvBytes(parts.bytes, child);
	});
	return isChanged ? tlv(parts.whole.tag, ...members) : parts.bytes;
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

/** IpaEuiccDataResponse without its arm: bare members, members in a SEQUENCE, an error of version 1.0. */
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
		if (only.tag === 0x81 && only.end - only.valueStart === 1) {
			return tlv(whole.tag, tlv(0xa1, tlv(0x02, tlvValue(received, only))));
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

/** Errors as a bare INTEGER (1.0) or as a primitive 80 around a SEQUENCE, notifications under BF2B (1.0). */
function strictProvideEimPackageResult(received: Uint8Array): Uint8Array {
	return withChildren(partsOf(received), (child) => {
		if (child.tag === 0x02) return tlv(0xa0, tlvBytes(received, child));
		if (child.tag === 0x80) {
			const value = tlvValue(received, child);
			return tlv(0xa0, value[0] === 0x30 ? tlvValue(value, readWholeTlv(value)) : tlv(0x02, value));
		}
		if (child.tag !== 0x30) return undefined;
		const sequence = partsOf(tlvBytes(received, child));
		const strict = withChildren(sequence, (member) => {
			if (member.tag !== 0xbf2b) return undefined;
			const inner = childrenOf(sequence.bytes, member);
			const list = hasTags(inner, 0xa0) ? (inner[0] as Tlv) : member;
			return tlv(0xa0, tlvValue(sequence.bytes, list));
		});
		return strict === sequence.bytes ? undefined : strict;
	});
}

/** The only child under another tag, when it has `from`. */
function withTag(received: Uint8Array, from: number, to: number): Uint8Array {
	return withChildren(partsOf(received), (child) =>
		child.tag === from ? tlv(to, tlvValue(received, child)) : undefined,
	);
}

const refreshFlag = (received: Uint8Array): Uint8Array => withTag(received, 0x01, 0x80);

/** By type: what is accepted beside the strict form. */
const rules: RelaxRules = {
	EuiccPackageResult: strictEuiccPackageResult,
	EuiccResultData: strictEuiccResultData,
	ProfileInfoListResponse: (received) => strictList(received, 0xe3),
	IpaEuiccDataResponse: strictIpaEuiccDataResponse,
	IpaEuiccData: strictCertificates,
	GetCertsResponse: strictGetCertsResponse,
	EimConfigurationData: strictEimConfigurationData,
	ProvideEimPackageResult: strictProvideEimPackageResult,
	/** Version 1.0 says ok with an empty value. */
	ProvideEimPackageResultResponse: (received) =>
		readWholeTlv(received).valueStart === received.length ? tlv(0xbf50, tlv(0x30)) : received,
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
