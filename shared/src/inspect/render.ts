import type { Inspection } from "./inspect.ts";
import type { InspectNode } from "./node.ts";

/** Parts of a line that a terminal may show differently. */
export type Ink = "guide" | "name" | "type" | "value" | "hex" | "tag" | "note" | "error" | "masked" | "title";

export interface RenderOptions {
	/** Columns to fill at most. */
	readonly width: number;
	/** Colours a piece of text; plain when absent. */
	readonly paint?: (text: string, ink: Ink) => string;
	/** All octets, on as many lines as they need, instead of their beginning. */
	readonly allOctets?: boolean;
}

interface Piece {
	readonly text: string;
	readonly ink: Ink;
}

interface Line {
	/** Guides of the first line and of those that follow it. */
	readonly first: string;
	readonly next: string;
	readonly words: readonly Piece[];
	readonly tag: string;
	readonly hex: string;
}

const GAP = 2;
const NARROWEST_HEX = 26;
/** Left of the octets stands at most so much of the width. */
const LEFT_SHARE = 0.66;

/** The tree with names and meanings at the left, tags and octets at the right. */
export function renderInspection(inspection: Inspection, options: RenderOptions): string {
	const paint = options.paint ?? ((text: string) => text);
	const lines = inspection.nodes.flatMap((node) => linesOf(node, "", "", true));
	const natural = Math.max(0, ...lines.map((line) => line.first.length + lengthOf(line.words)));
	const most = Math.min(Math.floor(options.width * LEFT_SHARE), options.width - NARROWEST_HEX - GAP);
	const left = Math.max(16, Math.min(natural, most));
	const right = Math.max(8, options.width - left - GAP);
	const rows = lines.flatMap((line) => rowsOf(line, left, right, paint, options.allOctets ?? false));
	return [...head(inspection, paint), ...rows].join("\n");
}

/** What it is, unless the first line of the tree says so; what else it may be; how much is wrong. */
function head(inspection: Inspection, paint: (text: string, ink: Ink) => string): string[] {
	const { kind, alternatives, errors, nodes } = inspection;
	const isSaid = nodes[0]?.type === kind || nodes[0]?.name.toLowerCase() === kind.toLowerCase();
	if (isSaid && alternatives.length === 0 && errors.length === 0) return [];
	const also = alternatives.length === 0 ? "" : paint(`  also fits ${alternatives.join(", ")}`, "note");
	const wrong =
		errors.length === 0 ? "" : paint(`  ${errors.length === 1 ? "1 error" : `${errors.length} errors`}`, "error");
	return [paint(kind, "title") + wrong + also];
}

function linesOf(node: InspectNode, before: string, after: string, isTop: boolean): Line[] {
	const children = node.children ?? [];
	const deeper = isTop ? "" : after;
	const own: Line = {
		first: before,
		next: deeper + (children.length > 0 ? "│ " : "  "),
		words: wordsOf(node),
		tag: node.tag ?? "",
		hex: node.hex ?? "",
	};
	const below = children.flatMap((child, index) => {
		const isLast = index === children.length - 1;
		return linesOf(child, `${deeper}${isLast ? "└ " : "├ "}`, `${deeper}${isLast ? "  " : "│ "}`, false);
	});
	return [own, ...below];
}

function wordsOf(node: InspectNode): Piece[] {
	const words: Piece[] = [{ text: node.value === undefined ? node.name : `${node.name}:`, ink: "name" }];
	const showsType = node.type !== undefined && !node.name.toLowerCase().endsWith(node.type.toLowerCase());
	if (showsType && (node.children !== undefined || node.value === undefined))
		words.push({ text: node.type, ink: "type" });
	const add = (text: string, ink: Ink) => words.push(...text.split(" ").map((word) => ({ text: word, ink })));
	if (node.value !== undefined) add(node.value, node.isMasked ? "masked" : "value");
	if (node.origin !== undefined) add(`(in ${node.origin})`, "note");
	if (node.note !== undefined) add(`← ${node.note}`, "note");
	if (node.error !== undefined) add(`✗ ${node.error}`, "error");
	return words;
}

function lengthOf(words: readonly Piece[]): number {
	return words.reduce((sum, { text }) => sum + text.length + 1, -1);
}

function rowsOf(
	line: Line,
	left: number,
	right: number,
	paint: (text: string, ink: Ink) => string,
	allOctets: boolean,
): string[] {
	const isTooLong = line.first.length + lengthOf(line.words) > left;
	const words = isTooLong ? line.words.filter(({ ink }) => ink !== "type") : line.words;
	const texts = wrapped({ ...line, words }, left);
	const octets = octetRows(line, right, allOctets);
	const count = Math.max(texts.length, octets.length);
	return Array.from({ length: count }, (_, index) => {
		const row = texts[index] ?? [];
		const guide = index === 0 ? line.first : line.next;
		const length = guide.length + Math.max(0, lengthOf(row));
		const text = paint(guide, "guide") + row.map(({ text: word, ink }) => paint(word, ink)).join(" ");
		const octet = octets[index];
		if (octet === undefined) return text.trimEnd();
		return (
			text + " ".repeat(Math.max(0, left - length) + GAP) + octet.map((piece) => paint(piece.text, piece.ink)).join("")
		);
	});
}

/** Words on as many lines as the width asks for; a word longer than a line is cut into pieces. */
function wrapped({ first, next, words }: Line, left: number): Piece[][] {
	const rows: Piece[][] = [];
	let row: Piece[] = [];
	let room = left - first.length;
	const end = () => {
		rows.push(row);
		row = [];
		room = left - next.length;
	};
	for (const word of words) {
		let rest = word.text;
		if (row.length > 0 && rest.length + 1 > room) end();
		while (rest.length > Math.max(8, room) && row.length === 0) {
			row.push({ text: rest.slice(0, Math.max(8, room)), ink: word.ink });
			rest = rest.slice(Math.max(8, room));
			end();
		}
		if (rest.length === 0) continue;
		room -= rest.length + (row.length > 0 ? 1 : 0);
		row.push({ text: rest, ink: word.ink });
	}
	if (row.length > 0) rows.push(row);
	return rows;
}

/** Tag and contents; only the beginning of what is long, and how much there is of it. */
function octetRows({ tag, hex }: Line, right: number, allOctets: boolean): Piece[][] {
	const label = tag.padEnd(5);
	const room = Math.max(4, right - label.length) & ~1;
	const head: Piece = { text: label, ink: "tag" };
	if (hex === "") return tag === "" ? [] : [[{ text: tag, ink: "tag" }]];
	if (hex.length <= room) return [[head, { text: hex, ink: "hex" }]];
	if (!allOctets) {
		const more = `… ${hex.length / 2} octets`;
		const shown = Math.max(2, (room - more.length) & ~1);
		return [[head, { text: hex.slice(0, shown), ink: "hex" }, { text: more, ink: "note" }]];
	}
	const rows: Piece[][] = [];
	for (let at = 0; at < hex.length; at += room) {
		const indent: Piece = at === 0 ? head : { text: " ".repeat(label.length), ink: "tag" };
		rows.push([indent, { text: hex.slice(at, at + room), ink: "hex" }]);
	}
	return rows;
}
