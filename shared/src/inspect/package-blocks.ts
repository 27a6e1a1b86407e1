import { BoundProfilePackage88tlv, BoundProfilePackageSequenceOf88 } from "../messages/sgp22/bound-profile-package.ts";
import { StoreMetadataRequest } from "../messages/sgp32/profile-info.ts";
import { segmentBoundProfilePackage } from "../security/bound-profile-package.ts";
import { concatBytes } from "../util/bytes.ts";
import { EsimError } from "../util/errors.ts";
import { type Header, readHeader } from "./lenient-tlv.ts";
import type { InspectNode } from "./node.ts";
import { octetsText } from "./secrets.ts";
import { type Scope, type SpecialReader, Walker } from "./walker.ts";

/** Octets of the MAC at the end of every block (SGP.22 section 2.5.4). */
const MAC_LENGTH = 8;

/** Tag of StoreMetadataRequest; blocks of another make of package hold something else. */
const STORE_METADATA = [0xbf, 0x25] as const;

/** Blocks of a Bound Profile Package: what is encrypted is said to be, StoreMetadata is put together and read. */
export const packageReaders: Readonly<Record<string, SpecialReader>> = {
	"BoundProfilePackage-87tlv": encryptedBlock,
	"BoundProfilePackage-86tlv": encryptedBlock,
	"BoundProfilePackage-SequenceOf88": storeMetadataBlocks,
};

function encryptedBlock(walker: Walker, header: Header, name: string): InspectNode {
	walker.hasBlocks = true;
	const octets = header.end - header.valueStart - MAC_LENGTH;
	return walker.node(name, header, {
		value: octets > 0 ? `${octetsText(octets)}, encrypted` : "too short for a block",
		type: header.tag === 0x87 ? "BoundProfilePackage-87tlv" : "BoundProfilePackage-86tlv",
	});
}

/** The commands in the blocks are only protected by a MAC; one command may take several blocks. */
function storeMetadataBlocks(walker: Walker, header: Header, name: string, scope: Scope): InspectNode {
	const children: InspectNode[] = [];
	const parts: Uint8Array[] = [];
	for (let at = header.valueStart; at < header.end; ) {
		const block = readHeader(walker.bytes, at, header.end);
		if ("error" in block || !BoundProfilePackage88tlv.accepts(block.tag)) {
			children.push(...walker.plainElements(at, header.end, scope));
			break;
		}
		const octets = Math.max(0, block.end - block.valueStart - MAC_LENGTH);
		parts.push(walker.bytes.subarray(block.valueStart, block.valueStart + octets));
		const value = `${octetsText(octets)}, in clear`;
		children.push(walker.node(`[${children.length}]`, block, { type: BoundProfilePackage88tlv.typeName, value }));
		at = block.end;
	}
	const joined = concatBytes(...parts);
	if (joined[0] === STORE_METADATA[0] && joined[1] === STORE_METADATA[1]) {
		const inner = new Walker(joined, walker.options);
		const { node } = inner.element(StoreMetadataRequest, "StoreMetadataRequest", 0, joined.length);
		children.push({ ...node, origin: "the joined blocks" });
	}
	return walker.node(name, header, { type: BoundProfilePackageSequenceOf88.typeName, children });
}

/** The segments that go to the eUICC one by one (SGP.22 section 2.5.5), noted at the elements that they begin with. */
export function withSegments(node: InspectNode, bytes: Uint8Array): InspectNode {
	if (node.origin !== undefined || node.children === undefined) return node;
	if (node.type === "BoundProfilePackage") {
		const starts = segmentStarts(bytes.subarray(node.offset, node.offset + node.length), node.offset);
		return starts === undefined ? node : { ...marked(node, starts), value: `${starts.size} segments for the eUICC` };
	}
	return { ...node, children: node.children.map((child) => withSegments(child, bytes)) };
}

function segmentStarts(bpp: Uint8Array, offset: number): ReadonlyMap<number, number> | undefined {
	try {
		let at = offset;
		const starts = new Map<number, number>();
		for (const segment of segmentBoundProfilePackage(bpp)) {
			starts.set(at, starts.size + 1);
			at += segment.length;
		}
		return starts;
	} catch (error) {
		if (error instanceof EsimError) return undefined;
		throw error;
	}
}

function marked(node: InspectNode, starts: ReadonlyMap<number, number>): InspectNode {
	if (node.origin !== undefined) return node;
	const number = starts.get(node.offset);
	const children = node.children?.map((child) => marked(child, starts));
	const isSegment = number !== undefined && number > 1;
	return {
		...node,
		...(isSegment ? { note: `segment ${number}` } : {}),
		...(children === undefined ? {} : { children }),
	};
}
