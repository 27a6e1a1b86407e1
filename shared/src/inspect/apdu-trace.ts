import { concatBytes } from "../util/bytes.ts";
import { commandOf, inspectCommand, inspectResponse, isLastBlock, STORE_DATA } from "./apdu.ts";
import { type Direction, guessTypes } from "./message-types.ts";
import type { InspectNode } from "./node.ts";
import { readTree, type TreeOptions } from "./read-tree.ts";

const GET_RESPONSE = 0xc0;
const MORE_DATA = 0x61;

/** True when lines are commands and responses of a card, the first one being a command. */
export function isApduTrace(lines: readonly Uint8Array[], options: TreeOptions): boolean {
	const [first, ...others] = lines;
	if (first === undefined || others.length === 0 || commandOf(first) === undefined) return false;
	return others.every((line) => commandOf(line) !== undefined || inspectResponse(line, options) !== undefined);
}

/**
 * Commands and responses in their order. A message that came in several blocks, or in several answers, is put together
 * and shown behind the last of them.
 */
export function inspectTrace(lines: readonly Uint8Array[], options: TreeOptions): InspectNode[] {
	const nodes: InspectNode[] = [];
	let request: Part[] = [];
	let response: Part[] = [];
	/** A Bound Profile Package comes in several messages, each with blocks of its own. */
	let profile: Part[] = [];
	const join = (parts: readonly Part[], direction: Direction) => {
		if (parts.length < 2) return;
		for (const { at, data } of parts) nodes[at] = withoutTree(nodes[at] as InspectNode, data.length);
		nodes.push(joined(parts, direction, options));
	};
	const joinProfile = () => {
		join(profile, "request");
		profile = [];
	};
	for (const line of lines) {
		const command = commandOf(line);
		const at = nodes.length;
		if (command !== undefined) {
			nodes.push(inspectCommand(line, options) as InspectNode);
			if (command.ins !== GET_RESPONSE) response = [];
			if (command.ins !== STORE_DATA) continue;
			request.push({ at, data: line.subarray(command.dataStart, command.dataEnd) });
			if (!isLastBlock(command)) continue;
			if (profile.length > 0 || isBeginningOfProfile(request)) {
				profile.push(...request);
				if (lengthOf(profile) >= announcedLength(profile)) joinProfile();
			} else join(request, "request");
			request = [];
			continue;
		}
		nodes.push(inspectResponse(line, options) as InspectNode);
		// An answer with data ends the loading, also before its end.
		if (line.length > 2) joinProfile();
		if (line.length > 2) response.push({ at, data: line.subarray(0, -2) });
		if (line.at(-2) === MORE_DATA) continue;
		join(response, "response");
		response = [];
	}
	joinProfile();
	return nodes;
}

const lengthOf = (parts: readonly Part[]) => parts.reduce((sum, { data }) => sum + data.length, 0);

/** The first blocks of a BoundProfilePackage (BF36) that goes on in further messages. */
function isBeginningOfProfile(parts: readonly Part[]): boolean {
	const [first, second] = parts[0]?.data ?? [];
	return first === 0xbf && second === 0x36 && lengthOf(parts) < announcedLength(parts);
}

/** Octets of the element that begins with these parts, header included, as its header says. */
function announcedLength(parts: readonly Part[]): number {
	const bytes = concatBytes(...parts.map(({ data }) => data));
	const [, , first = 0] = bytes;
	if (first < 0x80) return 3 + first;
	const count = first & 0x7f;
	return bytes.subarray(3, 3 + count).reduce((sum, octet) => sum * 256 + octet, 0) + 3 + count;
}

/** One block of a message, and the place of its APDU among the nodes. */
interface Part {
	readonly at: number;
	readonly data: Uint8Array;
}

/** What is shown as a whole behind its last block is not shown in pieces too, which look broken by themselves. */
function withoutTree(apdu: InspectNode, length: number): InspectNode {
	const children = apdu.children ?? [];
	const isHeader = ({ name }: InspectNode) => AROUND_DATA.has(name);
	const data = children.find((child) => !isHeader(child));
	const piece = { name: "data", offset: data?.offset ?? 0, length, value: `${length} octets of the message below` };
	const before = children.filter((child) => isHeader(child) && child.offset < piece.offset);
	return {
		...apdu,
		children: [...before, piece, ...children.filter((child) => isHeader(child) && !before.includes(child))],
	};
}

const AROUND_DATA = new Set(["CLA", "INS", "P1", "P2", "Lc", "Le", "SW"]);

function joined(parts: readonly Part[], direction: Direction, options: TreeOptions): InspectNode {
	const bytes = concatBytes(...parts.map(({ data }) => data));
	const range = { start: 0, end: bytes.length };
	const [best] = guessTypes(bytes, range, options, direction);
	const { node } = best ?? readTree(undefined, "data", bytes, range, options);
	return { ...node, origin: `${parts.length} joined blocks` };
}
