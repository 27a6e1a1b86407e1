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
	let request: Uint8Array[] = [];
	let response: Uint8Array[] = [];
	for (const line of lines) {
		const command = commandOf(line);
		if (command !== undefined) {
			nodes.push(inspectCommand(line, options) as InspectNode);
			if (command.ins !== GET_RESPONSE) response = [];
			if (command.ins !== STORE_DATA) continue;
			request.push(line.subarray(command.dataStart, command.dataEnd));
			if (!isLastBlock(command)) continue;
			if (request.length > 1) nodes.push(joined(request, "request", options));
			request = [];
			continue;
		}
		nodes.push(inspectResponse(line, options) as InspectNode);
		if (line.length > 2) response.push(line.subarray(0, -2));
		if (line.at(-2) === MORE_DATA) continue;
		if (response.length > 1) nodes.push(joined(response, "response", options));
		response = [];
	}
	return nodes;
}

function joined(parts: readonly Uint8Array[], direction: Direction, options: TreeOptions): InspectNode {
	const bytes = concatBytes(...parts);
	const range = { start: 0, end: bytes.length };
	const [best] = guessTypes(bytes, range, options, direction);
	const { node } = best ?? readTree(undefined, "data", bytes, range, options);
	return { ...node, origin: `${parts.length} joined blocks` };
}
