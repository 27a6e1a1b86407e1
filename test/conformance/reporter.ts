import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Reporter, TestModule } from "vitest/node";
import "./claim.ts";
import { claimedTwice, conformanceLines, conformancePage, lineOf, type Proof } from "./page.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const PAGE = path.join(root, "docs/conformance.md");
/** The page's contents line by line, so that a run can be held against them. */
const LINES = path.join(root, "test/conformance/proven.tsv");

/**
 * Holds the conformance page against the tests that ran: a proof that the page does not have, or one of the page whose test
 * ran and no longer gives it, fails the run. With CONFORMANCE=write the page is written instead.
 */
export default class ConformanceReporter implements Reporter {
	onTestRunEnd(modules: readonly TestModule[]): void {
		const proofs: Proof[] = [];
		const passed = new Set<string>();
		for (const module of modules) {
			const file = path.relative(root, module.moduleId);
			for (const test of module.children.allTests()) {
				const name = `${file} › ${test.fullName.replaceAll(" > ", " › ")}`;
				if (test.result().state !== "passed") continue;
				passed.add(name);
				for (const claim of test.meta().conformance ?? []) proofs.push({ ...claim, test: name });
			}
		}
		const twice = claimedTwice(proofs);
		if (twice.length > 0) {
			console.error(`a procedure has one test:\n  ${twice.join("\n  ")}`);
			process.exitCode = 1;
		}
		if (process.env.CONFORMANCE === "write") {
			writeFileSync(PAGE, conformancePage(proofs));
			writeFileSync(LINES, conformanceLines(proofs));
			console.log(`docs/conformance.md: ${new Set(proofs.map(lineOf)).size} proofs of ${passed.size} passed tests`);
			return;
		}
		const problems = differences(proofs, passed);
		if (problems.length === 0) return;
		console.error(
			`docs/conformance.md is not what was just seen; write it with npm run conformance:\n${problems.join("\n")}`,
		);
		process.exitCode = 1;
	}
}

function differences(proofs: readonly Proof[], passed: ReadonlySet<string>): string[] {
	const written = new Set(
		readFileSync(LINES, "utf8")
			.split("\n")
			.filter((line) => line !== ""),
	);
	const seen = new Set(proofs.map(lineOf));
	const missing = [...seen].filter((line) => !written.has(line)).map((line) => `  not on the page: ${line}`);
	const lost = [...written]
		.filter((line) => passed.has(line.split("\t").at(-1) ?? "") && !seen.has(line))
		.map((line) => `  no longer shown: ${line}`);
	const notRun = [...written].filter((line) => !passed.has(line.split("\t").at(-1) ?? "")).length;
	if (process.env.CI_REQUIRE_EXTERNALS === "1" && notRun > 0) {
		console.log(`docs/conformance.md: ${notRun} proofs stand on tests that did not run or did not pass here`);
	}
	return [...missing, ...lost];
}
