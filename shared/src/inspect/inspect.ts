import { ChoiceSchema } from "../asn1/choice.ts";
import { Asn1Error } from "../asn1/schema.ts";
import { readWholeTlv } from "../asn1/tlv-reader.ts";
import { ProfileElement } from "../messages/pe/profile-element.ts";
import { toHex } from "../util/bytes.ts";
import { inspectCommand, inspectResponse } from "./apdu.ts";
import { inspectTrace, isApduTrace } from "./apdu-trace.ts";
import { InspectError } from "./errors.ts";
import type { InspectInput } from "./input.ts";
import { inspectJson } from "./json-body.ts";
import { readHeader } from "./lenient-tlv.ts";
import { guessTypes, similarTypeNames, typeNamed } from "./message-types.ts";
import { type InspectNode, nodesOf } from "./node.ts";
import { isElementTag, looksLikeProfile, readTree, type TreeOptions, walkOptions } from "./read-tree.ts";
import { Walker } from "./walker.ts";

export interface InspectOptions {
	/** Shows keys, PINs and codes; otherwise they are masked. */
	readonly showSecrets?: boolean;
	/** Name of the type instead of a guess: "EuiccPackageRequest", "sgp22:AuthenticateServerResponse", "UPP", "APDU". */
	readonly as?: string;
}

/** What octets are, as far as they could be read. */
export interface Inspection {
	/** For people: "EuiccPackageRequest", "profile package", "command APDU". */
	readonly kind: string;
	/** Other types that the octets fit as well. */
	readonly alternatives: readonly string[];
	readonly nodes: readonly InspectNode[];
	/** Everything that is wrong, first to last. */
	readonly errors: readonly string[];
}

/** Names besides those of types that `as` takes. */
export const INSPECT_KINDS = ["UPP", "APDU", "TLV"] as const;

/**
 * Looks into anything that passes between eIM, IPA, eUICC, SM-DP+ and SM-DS: messages of ESipa, ES9+, ES10 and ES11,
 * Bound Profile Packages, profile packages, certificates, APDUs, bodies in JSON. It does not throw on octets, whatever
 * they are: it shows how far it got.
 * @throws InspectError INSPECT_TYPE_UNKNOWN when `as` names no type
 */
export function inspect(input: InspectInput, options: InspectOptions = {}): Inspection {
	const tree: TreeOptions = { showSecrets: options.showSecrets ?? false };
	if (input.form === "json") return inspection("JSON body", [inspectJson(input.value, tree, input.length)]);
	if (input.form === "lines" && options.as === undefined && isApduTrace(input.lines, tree)) {
		return inspection("APDU trace", inspectTrace(input.lines, tree));
	}
	const bytes = input.form === "lines" ? input.whole : input.bytes;
	if (bytes.length === 0) return inspection("no octets", [{ name: "no octets", offset: 0, length: 0 }]);
	if (options.as !== undefined) return inspectAs(bytes, options.as, tree);
	return guessed(bytes, tree);
}

function inspectAs(bytes: Uint8Array, as: string, options: TreeOptions): Inspection {
	switch (as.toUpperCase()) {
		case "UPP":
			return inspection("profile package", [profilePackage(bytes, options).node]);
		case "TLV":
			return inspection("TLV", plain(bytes, options));
		case "APDU": {
			const apdu = inspectCommand(bytes, options) ?? inspectResponse(bytes, options);
			return apdu === undefined ? inspection("TLV", plain(bytes, options)) : inspection(apdu.name, [apdu]);
		}
	}
	const entry = typeNamed(as);
	if (entry === undefined) throw new InspectError("INSPECT_TYPE_UNKNOWN", unknownType(as));
	const { node, surplus } = readTree(entry.schema, entry.name, bytes, { start: 0, end: bytes.length }, options);
	return inspection(entry.name, [node, ...following(surplus)]);
}

/** What fits best: a command, a profile package, a message, a message with a status behind it. */
function guessed(bytes: Uint8Array, options: TreeOptions): Inspection {
	const command = isTlv(bytes) ? undefined : inspectCommand(bytes, options);
	if (command !== undefined) return inspection("command APDU", [command]);
	if (beginsLikeProfile(bytes) || looksLikeProfile(bytes)) {
		return inspection("profile package", [profilePackage(bytes, options).node]);
	}
	const response = responseOf(bytes, options);
	if (response !== undefined) return inspection("response APDU", [response]);
	const range = { start: 0, end: bytes.length };
	const [best, ...others] = guessTypes(bytes, range, options);
	// Keys may be in what is none of the messages, so it is read as what is masked.
	if (beginsWithElement(bytes) && (best?.misfit ?? UNFIT) >= DOUBTFUL) {
		return inspection("profile elements", [profilePackage(bytes, options).node]);
	}
	if (best === undefined || best.misfit >= UNFIT) return inspection("TLV", plain(bytes, options));
	// That a CHOICE has this type among its alternatives is nothing new.
	const rivals = others.filter(
		({ misfit, entry }) => misfit === best.misfit && !(entry.schema instanceof ChoiceSchema),
	);
	const equals = rivals.map(({ entry }) => entry.name);
	const alternatives = [...new Set(equals)].filter((name) => name !== best.entry.name);
	return { ...inspection(best.entry.name, [best.node, ...following(best.surplus)]), alternatives };
}

/** One element of a profile package, or several without the header. */
function beginsWithElement(bytes: Uint8Array): boolean {
	const header = readHeader(bytes, 0, bytes.length);
	return !("error" in header) && isElementTag(header.tag);
}

/** From here on a message is hardly one. */
const DOUBTFUL = 2;
/** From so much that does not fit on, no type is better than this one. */
const UNFIT = 30;

/** True when the octets are exactly one TLV. */
function isTlv(bytes: Uint8Array): boolean {
	try {
		readWholeTlv(bytes);
		return true;
	} catch (error) {
		if (error instanceof Asn1Error) return false;
		throw error;
	}
}

/** Octets whose TLV ends two octets before their end, or two octets alone, are what a card answered. */
function responseOf(bytes: Uint8Array, options: TreeOptions): InspectNode | undefined {
	const header = readHeader(bytes, 0, bytes.length);
	const endsEarly = !("error" in header) && header.missing === 0 && header.end === bytes.length - 2;
	return endsEarly || (bytes.length === 2 && !isTlv(bytes)) ? inspectResponse(bytes, options) : undefined;
}

/** A package begins with its header, which tells the version and the ICCID: A0 .. 80 01 .. 81 01. */
function beginsLikeProfile(bytes: Uint8Array): boolean {
	const header = readHeader(bytes, 0, bytes.length);
	if ("error" in header || header.tag !== 0xa0) return false;
	const start = toHex(bytes.subarray(header.valueStart, header.valueStart + 6));
	return /^8001..8101/.test(start);
}

function profilePackage(bytes: Uint8Array, options: TreeOptions) {
	const walker = new Walker(bytes, walkOptions(options, bytes));
	const children: InspectNode[] = [];
	for (let at = 0; at < bytes.length; ) {
		const name = `[${children.length}]`;
		const scope = { ...walker.top, isProfile: true };
		const before = walker.misfit;
		const { node, next } = walker.element(ProfileElement, name, at, bytes.length, scope);
		const isDamaged = walker.misfit > before;
		children.push(isDamaged && !options.showSecrets ? hidden(walker, name, at, bytes.length) : node);
		at = next;
	}
	const count = children.length === 1 ? "1 element" : `${children.length} elements`;
	const node = { name: "profile package", offset: 0, length: bytes.length, value: count, children };
	return { node };
}

/** In a damaged element any octets may be a key: its structure is shown, its contents are not. */
function hidden(walker: Walker, name: string, at: number, end: number): InspectNode {
	const scope = { ...walker.top, isProfile: true, isSecret: true };
	const { node } = walker.element(ProfileElement, name, at, end, scope);
	return { ...node, note: "damaged, so that nothing in it is shown" };
}

function plain(bytes: Uint8Array, options: TreeOptions): InspectNode[] {
	const walker = new Walker(bytes, walkOptions(options, bytes));
	return walker.plainElements(0, bytes.length);
}

function following(surplus: readonly InspectNode[]): InspectNode[] {
	return surplus.map((node) => ({ ...node, note: "follows after the value" }));
}

function inspection(kind: string, nodes: readonly InspectNode[]): Inspection {
	const errors = nodes.flatMap((node) =>
		[...nodesOf(node)].flatMap(({ name, error }) => (error === undefined ? [] : [`${name}: ${error}`])),
	);
	return { kind, alternatives: [], nodes, errors };
}

function unknownType(name: string): string {
	const similar = similarTypeNames(name);
	return `there is no type ${name}${similar.length === 0 ? "" : `; similar are ${similar.join(", ")}`}`;
}
