import type { Schema } from "../asn1/schema.ts";
import { EUICCResponse } from "../messages/pe/euicc-response.ts";
import { ProfileElement } from "../messages/pe/profile-element.ts";
import { certificateReaders } from "./certificate.ts";
import { readHeader } from "./lenient-tlv.ts";
import type { InspectNode } from "./node.ts";
import { packageReaders, withSegments } from "./package-blocks.ts";
import { Walker, type WalkOptions } from "./walker.ts";

/** How inspections are made. */
export interface TreeOptions {
	/** Shows keys, PINs and codes; otherwise they are masked. */
	readonly showSecrets: boolean;
}

/** A range of octets as a tree, and how badly it fits the type that it was read as. */
export interface ReadTree {
	readonly node: InspectNode;
	readonly misfit: number;
}

export function walkOptions({ showSecrets }: TreeOptions, bytes: Uint8Array): WalkOptions {
	return {
		showSecrets,
		isProfile: looksLikeProfile(bytes),
		special: { ...certificateReaders, ...packageReaders },
		nested: { simaResponse: EUICCResponse },
	};
}

/**
 * The octets of `range` as one value of this type; what follows it is shown as what it is not.
 * @param giveUpAbove misfit from which on nobody wants the tree
 */
export function readTree(
	schema: Schema<unknown> | undefined,
	name: string,
	bytes: Uint8Array,
	range: { readonly start: number; readonly end: number },
	options: TreeOptions,
	giveUpAbove = Number.POSITIVE_INFINITY,
): ReadTree & { readonly surplus: readonly InspectNode[] } {
	const walker = new Walker(bytes, walkOptions(options, bytes));
	walker.giveUpAbove = giveUpAbove;
	const { node, next } = walker.element(schema, name, range.start, range.end);
	const surplus = next < range.end ? walker.plainElements(next, range.end) : [];
	if (surplus.length > 0) walker.misfit += 6;
	return { node: walker.hasBlocks ? withSegments(node, bytes) : node, surplus, misfit: walker.misfit };
}

/**
 * True for octets that look like elements of a profile package, also when some are damaged: two or more TLVs in a row of
 * which most have a tag of such an element. Messages stand alone.
 */
export function looksLikeProfile(bytes: Uint8Array): boolean {
	let elements = 0;
	let others = 0;
	for (let at = 0; at < bytes.length; ) {
		const header = readHeader(bytes, at, bytes.length);
		if ("error" in header) break;
		if (isElementTag(header.tag)) elements++;
		else others++;
		at = header.end;
	}
	return elements > 1 && elements >= others;
}

/** Tags of profile elements that are no tags of messages as well. */
export function isElementTag(tag: number): boolean {
	return tag <= 0xff && ProfileElement.accepts(tag);
}
