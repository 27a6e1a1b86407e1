/** One line of an inspection: an element with its place in the octets, its meaning, and what is inside of it. */
export interface InspectNode {
	/** Field name of the module, "[3]" in lists, or what stands for it where there is no name. */
	readonly name: string;
	/** Name of the ASN.1 type, or of another format. */
	readonly type?: string;
	/** Identifier octets in hex. */
	readonly tag?: string;
	/** Where it begins, counted from 0 in the octets that `origin` of the nearest node above says, else in the input. */
	readonly offset: number;
	/** Octets that are there, header included. */
	readonly length: number;
	/** What the octets mean, for people. */
	readonly value?: string;
	/** Contents in hex, of what has no parts; absent when masked. */
	readonly hex?: string;
	/** Something to know: not part of the type, encrypted ... */
	readonly note?: string;
	/** What is wrong, with the offset. */
	readonly error?: string;
	/** A secret that is not shown. */
	readonly isMasked?: true;
	/** Set where offsets below count in other octets: joined blocks, decoded base64. */
	readonly origin?: string;
	readonly children?: readonly InspectNode[];
}

/** All nodes of a tree, from the top down. */
export function* nodesOf(node: InspectNode): Generator<InspectNode> {
	yield node;
	for (const child of node.children ?? []) yield* nodesOf(child);
}
