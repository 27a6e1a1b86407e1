import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Reporter, TestModule, Vitest } from "vitest/node";
import "./claim.ts";
import { claimedTwice, conformanceLines, conformancePage, lineOf, type Proof, proofsOfLines } from "./page.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const PAGE = path.join(root, "docs/conformance.md");
/** The page's contents line by line, so that a run can be held against them. */
const LINES = path.join(root, "test/conformance/proven.tsv");

/** What a run has seen. */
interface Seen {
	readonly proofs: readonly Proof[];
	/** Names of tests that passed. */
	readonly passed: ReadonlySet<string>;
	/** Names of tests of the files that ran, whatever came of them. */
	readonly known: ReadonlySet<string>;
	/** Names of tests that were left out by their own files, not by a pattern of the run. */
	readonly leftOut: ReadonlySet<string>;
	readonly files: ReadonlySet<string>;
}

/**
 * Holds the conformance page against the tests that ran: a proof that the page does not have, or one of the page whose test
 * ran and no longer gives it, or is gone, fails the run. With CONFORMANCE=write the page is written instead: anew by a run of
 * all tests, for the files that ran by a run of some.
 */
export default class ConformanceReporter implements Reporter {
	#hasPattern = false;

	onInit({ config }: Vitest): void {
		this.#hasPattern = config.testNamePattern !== undefined;
	}

	onTestRunEnd(modules: readonly TestModule[]): void {
		const seen = seenIn(modules, this.#hasPattern);
		const twice = claimedTwice(seen.proofs);
		if (twice.length > 0) {
			console.error(`a procedure has one test:\n  ${twice.join("\n  ")}`);
			process.exitCode = 1;
		}
		if (process.env.CONFORMANCE === "write") write(seen);
		else compare(seen);
	}
}

function seenIn(modules: readonly TestModule[], hasPattern: boolean): Seen {
	const names = () => new Set<string>();
	const seen = { proofs: [] as Proof[], passed: names(), known: names(), leftOut: names(), files: names() };
	for (const module of modules) {
		const file = path.relative(root, module.moduleId);
		seen.files.add(file);
		for (const test of module.children.allTests()) {
			const name = `${file} › ${test.fullName.replaceAll(" > ", " › ")}`;
			seen.known.add(name);
			if (test.result().state === "skipped" && !hasPattern) seen.leftOut.add(name);
			if (test.result().state !== "passed") continue;
			seen.passed.add(name);
			for (const claim of test.meta().conformance ?? []) seen.proofs.push({ ...claim, test: name });
		}
	}
	return seen;
}

const fileOf = ({ test }: Proof) => test.split(" › ")[0] ?? "";

function written(): readonly Proof[] {
	return proofsOfLines(readFileSync(LINES, "utf8"));
}

function write({ proofs, passed, files }: Seen): void {
	const others = written().filter((proof) => !files.has(fileOf(proof)) && existsSync(path.join(root, fileOf(proof))));
	const all = [...others, ...proofs];
	writeFileSync(PAGE, conformancePage(all));
	writeFileSync(LINES, conformanceLines(all));
	const count = new Set(proofs.map(lineOf)).size;
	console.log(`docs/conformance.md: ${count} proofs of ${passed.size} passed tests, ${others.length} of files not run`);
}

function compare({ proofs, passed, known, leftOut, files }: Seen): void {
	const page = written();
	const onPage = new Set(page.map(lineOf));
	const shown = new Set(proofs.map(lineOf));
	const isGone = (proof: Proof) =>
		files.has(fileOf(proof)) ? !known.has(proof.test) : !existsSync(path.join(root, fileOf(proof)));
	const problems = [
		...[...shown].filter((line) => !onPage.has(line)).map((line) => `  not on the page: ${line}`),
		...page
			.filter((proof) => passed.has(proof.test) && !shown.has(lineOf(proof)))
			.map((proof) => `  no longer shown: ${lineOf(proof)}`),
		...page.filter(isGone).map((proof) => `  its test is gone: ${lineOf(proof)}`),
		// Beside a foreign program that is not there a test leaves itself out, and says so.
		...page
			.filter((proof) => leftOut.has(proof.test) && proof.foreign === undefined)
			.map((proof) => `  its test did not run: ${lineOf(proof)}`),
	];
	const notRun = page.filter((proof) => !passed.has(proof.test)).length;
	if (process.env.CI_REQUIRE_EXTERNALS === "1" && notRun > 0) {
		console.log(`docs/conformance.md: ${notRun} proofs stand on tests that did not run or did not pass here`);
	}
	if (problems.length === 0) return;
	const how = "write it with npm run conformance, or npm run conformance -- FILE for one file of tests";
	console.error(`docs/conformance.md is not what was just seen; ${how}:\n${problems.join("\n")}`);
	process.exitCode = 1;
}
