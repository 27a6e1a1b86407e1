import { expect, it } from "vitest";
import { parseSource, sourceFiles, visit } from "./source-files.ts";

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 60;

/** Larger files and functions, each with the reason why it is not split. Functions as `path#name`. */
const LARGER: Readonly<Record<string, string>> = {};

interface Named {
	readonly id?: { readonly name?: string } | null;
	readonly key?: { readonly name?: string };
}

const files = sourceFiles();

/** A `describe` around many short tests is long without being one function to understand. */
function isTestSuite(path: string): boolean {
	return path.endsWith(".test.ts") || path.startsWith("test/contract/");
}

it(`no file has more than ${MAX_FILE_LINES} lines, unless it is listed with its reason`, () => {
	const large = files.filter((path) => parseSource(path).text.split("\n").length - 1 > MAX_FILE_LINES);
	expect(large.filter((path) => !(path in LARGER))).toEqual([]);
});

it(`no function has more than ${MAX_FUNCTION_LINES} lines, unless it is listed with its reason`, () => {
	const large: string[] = [];
	for (const path of files.filter((file) => !isTestSuite(file))) {
		for (const { name, lines } of functionsOf(path)) {
			if (lines > MAX_FUNCTION_LINES && !(`${path}#${name}` in LARGER))
				large.push(`${path}#${name} has ${lines} lines`);
		}
	}
	expect(large).toEqual([]);
});

it("the list names only what is still too large", () => {
	const stale = Object.keys(LARGER).filter((entry) => {
		const [path = "", name] = entry.split("#");
		if (!files.includes(path)) return true;
		if (name === undefined) return parseSource(path).text.split("\n").length - 1 <= MAX_FILE_LINES;
		return !functionsOf(path).some((f) => f.name === name && f.lines > MAX_FUNCTION_LINES);
	});
	expect(stale).toEqual([]);
});

function functionsOf(path: string): { name: string; lines: number }[] {
	const { text, ast } = parseSource(path);
	const found: { name: string; lines: number }[] = [];
	const names = new Map<unknown, string>();
	visit(ast, (node) => {
		const named = node as unknown as Named;
		if (node.type === "VariableDeclarator") names.set(node.init, named.id?.name ?? "");
		if (node.type === "MethodDefinition" || node.type === "Property" || node.type === "PropertyDefinition") {
			names.set(node.value, named.key?.name ?? "");
		}
		if (/^(Function(Declaration|Expression)|ArrowFunctionExpression)$/.test(node.type)) {
			const lines = text.slice(node.start, node.end).split("\n").length;
			found.push({ name: named.id?.name ?? names.get(node) ?? "anonymous", lines });
		}
	});
	return found;
}
