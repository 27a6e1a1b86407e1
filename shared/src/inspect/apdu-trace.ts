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
	const join = (parts: readonly Part[], direction: Direction) => {
		if (parts.length < 2) return;
		for (const { at, data } of parts) nodes[at] = withoutTree(nodes[at] as InspectNode, data.length);
		nodes.push(joined(parts, direction, options));
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
			join(request, "request");
			request = [];
			continue;
		}
		nodes.push(inspectResponse(line, options) as InspectNode);
		if (line.length > 2) response.push({ at, data: line.subarray(0, -2) });
		if (line.at(-2) === MORE_DATA) continue;
		join(response, "response");
		response = [];
	}
	return nodes;
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
