/** An unprotected profile package (UPP): profile elements one after another, without a wrapper (TCA section 6). */

import { decode, encode } from "../asn1/schema.ts";
import { readTlvs, tlvBytes } from "../asn1/tlv-reader.ts";
import type { File } from "../messages/pe/file.ts";
import { ProfileElement } from "../messages/pe/profile-element.ts";
import type { ProfileHeader } from "../messages/pe/profile-header.ts";
import { concatBytes } from "../util/bytes.ts";
import { ProfileError } from "./errors.ts";

/** Alternatives of `ProfileElement`, and "unknown" for an element of a later version. */
export type ElementKind = KeysOf<ProfileElement> | "unknown";
type KeysOf<U> = U extends unknown ? keyof U : never;

export interface PackageElement {
	readonly kind: ElementKind;
	/** The whole TLV as received. */
	readonly der: Uint8Array;
	/** Absent for an unknown element. */
	readonly value?: ProfileElement;
	/** Number of the element; absent in the profile header. */
	readonly identification?: number;
	/** True when a card that does not know the element must refuse the package. */
	readonly isMandated: boolean;
}

export interface ProfilePackage {
	readonly elements: readonly PackageElement[];
}

const KNOWN_TAGS = new Set(ProfileElement.identifiers);
const MAX_ELEMENT = 1 << 20;

/**
 * Reads a package; an element of an unknown kind is kept as octets.
 * @throws ProfileError PROFILE_PACKAGE_INVALID
 */
export function parseProfilePackage(der: Uint8Array): ProfilePackage {
	const tlvs = attempt("the package", () => readTlvs(der));
	if (tlvs.length === 0) throw new ProfileError("PROFILE_PACKAGE_INVALID", "the package is empty");
	const elements = tlvs.map((tlv, i) => {
		const octets = tlvBytes(der, tlv);
		if (!KNOWN_TAGS.has(tlv.tag)) return { kind: "unknown", der: octets, isMandated: false } as const;
		const value = attempt(`element ${i + 1}`, () => decode(ProfileElement, octets, { maxBytes: MAX_ELEMENT }));
		return packageElement(value, octets);
	});
	return { elements };
}

/** The octets of a package; those received stay as they were. */
export function encodeProfilePackage(profile: ProfilePackage): Uint8Array {
	return concatBytes(...profile.elements.map((element) => element.der));
}

/** An element for a package, with its DER unless the received octets are given. */
export function packageElement(value: ProfileElement, der: Uint8Array = encode(ProfileElement, value)): PackageElement {
	const [kind, contents] = Object.entries(value)[0] as [ElementKind, Record<string, unknown>];
	const header = elementHeader(contents);
	return {
		kind,
		der,
		value,
		isMandated: kind === "header" || header?.mandated !== undefined,
		...(header && { identification: header.identification }),
	};
}

interface ElementHeader {
	readonly mandated?: null;
	readonly identification: number;
}

/** PEHeader of an element; the module gives it another component name in almost every type. */
function elementHeader(contents: Record<string, unknown>): ElementHeader | undefined {
	const name = Object.keys(contents).find((key) => /-header$/i.test(key));
	return name === undefined ? undefined : (contents[name] as ElementHeader);
}

/** The element's value when it is of this kind. */
export function contentsOf<K extends KeysOf<ProfileElement>>(
	element: PackageElement,
	kind: K,
): ElementValue<K> | undefined {
	const { value } = element;
	return value && kind in value ? (value as unknown as Record<K, ElementValue<K>>)[kind] : undefined;
}
export type ElementValue<K extends PropertyKey> = Extract<ProfileElement, Record<K, unknown>>[K];

/** The profile header, which is the first element of every valid package. */
export function headerOf(profile: ProfilePackage): ProfileHeader | undefined {
	const first = profile.elements[0];
	return first && contentsOf(first, "header");
}

/** A PE that makes files: its template and its files by component name, in the order of the module. */
export interface FileElement {
	readonly templateId: string;
	readonly files: ReadonlyMap<string, File>;
}

/** Files of an element that uses a template; undefined for every other element. */
export function fileElementOf(element: PackageElement): FileElement | undefined {
	if (!element.value) return undefined;
	const contents = Object.values(element.value)[0] as Record<string, unknown>;
	if (typeof contents.templateID !== "string") return undefined;
	const files = Object.entries(contents).filter((entry): entry is [string, File] => Array.isArray(entry[1]));
	return { templateId: contents.templateID, files: new Map(files) };
}

function attempt<T>(what: string, read: () => T): T {
	try {
		return read();
	} catch (cause) {
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new ProfileError("PROFILE_PACKAGE_INVALID", `${what} is not a profile element: ${reason}`, { cause });
	}
}
