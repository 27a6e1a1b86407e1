import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { root } from "../../examples/demo/program.ts";
import type { Bench, BenchPage, BenchReport } from "./bench.ts";

const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
	codec: async () => (await import("./codec.ts")).codec,
	cycle: async () => (await import("./cycle.ts")).cycle,
	wire: async () => (await import("./wire/wire.ts")).wire,
	download: async () => (await import("./download.ts")).download,
};

function show(report: BenchReport): string {
	const verdict =
		report.ratio === undefined || report.target === undefined
			? ""
			: `: ratio ${report.ratio.toFixed(2)}, target ${report.target}${report.ratio >= report.target ? "" : " (missed)"}`;
	const width = Math.max(...Object.keys(report.figures).map((name) => name.length));
	return [
		`${report.name}${verdict}`,
		...Object.entries(report.figures).map(([n, v]) => `  ${n.padEnd(width)}  ${v}`),
	].join("\n");
}

/** @throws Error when the page has no such part */
function writePage({ file, part, text }: BenchPage): void {
	const place = path.join(root, file);
	const page = readFileSync(place, "utf8");
	const [begin, end] = [`<!-- bench ${part} -->`, `<!-- end of bench ${part} -->`];
	const [from, to] = [page.indexOf(begin), page.indexOf(end)];
	if (from < 0 || to < from) throw new Error(`${file} has no part "${part}"`);
	writeFileSync(place, `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`);
}

const args = process.argv.slice(2);
const json = args.includes("--json");
const writesDocs = args.includes("--docs");
const names = args.filter((arg) => !arg.startsWith("--"));
const unknown = names.filter((name) => !(name in BENCHES));
if (names.length === 0 || unknown.length > 0) {
	console.error(`usage: npm run bench -- ${Object.keys(BENCHES).join("|")} [--json] [--docs]`);
	process.exitCode = 2;
} else {
	for (const name of names) {
		const bench = await (BENCHES[name] as () => Promise<Bench>)();
		const report = await bench();
		const { page, ...shown } = report;
		console.log(json ? JSON.stringify(shown) : show(report));
		if (writesDocs && page !== undefined) writePage(page);
	}
}
