import type { Bench, BenchReport } from "./bench.ts";

const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
	codec: async () => (await import("./codec.ts")).codec,
	cycle: async () => (await import("./cycle.ts")).cycle,
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

const args = process.argv.slice(2);
const json = args.includes("--json");
const names = args.filter((arg) => !arg.startsWith("--"));
const unknown = names.filter((name) => !(name in BENCHES));
if (names.length === 0 || unknown.length > 0) {
	console.error(`usage: npm run bench -- ${Object.keys(BENCHES).join("|")} [--json]`);
	process.exitCode = 2;
} else {
	for (const name of names) {
		const bench = await (BENCHES[name] as () => Promise<Bench>)();
		const report = await bench();
		console.log(json ? JSON.stringify(report) : show(report));
	}
}
