import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "vite";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** Every TypeScript file that git tracks or would track, relative to the root. */
export function sourceFiles(): string[] {
	const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.ts", "*.tsx"], {
		cwd: root,
		encoding: "utf8",
	});
	return listed.split("\n").filter((file) => file !== "" && !file.endsWith(".d.ts"));
}

interface Node {
	readonly type: string;
	readonly start: number;
	readonly end: number;
	readonly [key: string]: unknown;
}

export interface SourceFile {
	readonly path: string;
	readonly text: string;
	readonly ast: Node;
}

export function parseSource(path: string): SourceFile {
	const text = readFileSync(join(root, path), "utf8");
	return { path, text, ast: parseAst(text, { lang: "ts" }) as unknown as Node };
}

/** Visits every node of a syntax tree, parents first. */
export function visit(node: unknown, see: (node: Node) => void): void {
	if (Array.isArray(node)) {
		for (const item of node) visit(item, see);
	} else if (typeof node === "object" && node !== null) {
		if (typeof (node as Node).type === "string") see(node as Node);
		for (const value of Object.values(node)) visit(value, see);
	}
}

export interface Import {
	/** Target as a path without extension from the root (`shared/src/util/bytes`), or the bare package name. */
	readonly target: string;
	readonly internal: boolean;
	readonly typeOnly: boolean;
}

/** Static and dynamic imports and re-exports of a file, with the workspaces' names resolved. */
export function importsOf(file: SourceFile): Import[] {
	const found: Import[] = [];
	visit(file.ast, (node) => {
		const isStatic = /^(Import|ExportNamed|ExportAll)Declaration$/.test(node.type);
		if (!isStatic && node.type !== "ImportExpression" && node.type !== "TSImportType") return;
		const source = (node.source ?? node.argument) as { value?: unknown; literal?: { value?: unknown } } | null;
		const specifier = source?.value ?? source?.literal?.value;
		if (typeof specifier !== "string") return;
		found.push({ ...resolve(file.path, specifier), typeOnly: isTypeOnly(node) });
	});
	return found;
}

function isTypeOnly(node: Node): boolean {
	if (node.type === "TSImportType" || node.importKind === "type" || node.exportKind === "type") return true;
	const specifiers = node.specifiers as readonly Node[] | undefined;
	return !!specifiers?.length && specifiers.every((s) => s.importKind === "type" || s.exportKind === "type");
}

function resolve(from: string, specifier: string): { target: string; internal: boolean } {
	if (specifier.startsWith(".")) {
		return { target: relative(root, join(root, dirname(from), specifier)).replace(/\.tsx?$/, ""), internal: true };
	}
	const workspace = /^@iot-esim\/(shared|eim|ipa|sim)\/(.*)$/.exec(specifier);
	return workspace
		? { target: `${workspace[1]}/src/${workspace[2]}`, internal: true }
		: { target: specifier, internal: false };
}
