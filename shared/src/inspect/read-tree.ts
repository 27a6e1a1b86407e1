import type { Schema } from "../asn1/schema.ts";
import { EUICCResponse } from "../messages/pe/euicc-response.ts";
import { certificateReaders } from "./certificate.ts";
import type { InspectNode } from "./node.ts";
import { packageReaders, withSegments } from "./package-blocks.ts";
import { TOP, Walker, type WalkOptions } from "./walker.ts";

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

export function walkOptions({ showSecrets }: TreeOptions): WalkOptions {
	return {
		showSecrets,
		special: { ...certificateReaders, ...packageReaders },
		nested: { simaResponse: EUICCResponse },
	};
}

/** The octets of `range` as one value of this type; what follows it is shown as what it is not. */
export function readTree(
	schema: Schema<unknown> | undefined,
	name: string,
	bytes: Uint8Array,
	range: { readonly start: number; readonly end: number },
	options: TreeOptions,
): ReadTree & { readonly surplus: readonly InspectNode[] } {
	const walker = new Walker(bytes, walkOptions(options));
	const { node, next } = walker.element(schema, name, range.start, range.end);
	const surplus = next < range.end ? walker.plainElements(next, range.end, TOP) : [];
	if (surplus.length > 0) walker.misfit += 6;
	return { node: withSegments(node, bytes), surplus, misfit: walker.misfit };
}
