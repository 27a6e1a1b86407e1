/**
 * Loss, latency and rate against time, for `docs/wire.md`: WIRE_DOCS=write npx vitest run --config vitest.long.config.ts
 * test/e2e/bad-links-table writes the table; without it what is measured must be what the table says.
 */

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { dtlsAvailable } from "@iot-esim/shared/transport/native/dtls/dtls-available";
import { Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { root } from "../architecture/source-files.ts";
import { requireExternal } from "../support/externals.ts";
import type { RelayConditions } from "../support/relay.ts";
import { PROCEDURES, performAll } from "./bad-links-procedures.ts";
import { BadLinkScene, type Outcome } from "./bad-links-scene.ts";

const PAGE = path.join(root, "docs/wire.md");
const [BEGIN, END] = ["<!-- bad links -->", "<!-- end of bad links -->"];
/** Of links that are named by one harm alone. */
const QUICK = Seconds(0.1);
/** Each link is tried with so many seeds; the table has the time in the middle. */
const SEEDS = [1, 2, 3];

const LINKS: readonly (readonly [string, Omit<RelayConditions, "seed">])[] = [
	["nothing is lost", { delay: QUICK }],
	["5 % lost", { loss: 0.05, delay: QUICK }],
	["10 % lost", { loss: 0.1, delay: QUICK }],
	["20 % lost", { loss: 0.2, delay: QUICK }],
	["30 % lost", { loss: 0.3, delay: QUICK }],
	["latency of 2 s", { delay: Seconds(2) }],
	["latency of 5 s", { delay: Seconds(5) }],
	["latency of 10 s", { delay: Seconds(10) }],
	["1 kB/s", { rate: 1000, delay: QUICK }],
	["20 % doubled, 20 % reordered", { duplicates: 0.2, reorder: 0.2, delay: QUICK }],
	["outages of 60 s, one every 5 minutes", { delay: QUICK, outages: outages(Seconds(60), Seconds(300)) }],
	["10 % lost, 2 s, 1 kB/s", { loss: 0.1, delay: Seconds(2), rate: 1000 }],
	["30 % lost, 5 s, 1 kB/s, 10 % doubled", { loss: 0.3, delay: Seconds(5), rate: 1000, duplicates: 0.1 }],
];

function outages(lasts: ReturnType<typeof Seconds>, every: ReturnType<typeof Seconds>) {
	return Array.from({ length: 200 }, (_, turn) => ({ after: Seconds(3 + (turn * every) / 1000), lasts }));
}

const isThere = await requireExternal("the DTLS addon (a C++ compiler)", () =>
	dtlsAvailable().available ? true : undefined,
);

describe.skipIf(!isThere)("the table of bad links", () => {
	const rows: string[] = [];

	it.each(LINKS)("%s: every procedure succeeds", async (name, conditions) => {
		const tries: Awaited<ReturnType<typeof performAll>>[] = [];
		const octets: number[] = [];
		for (const seed of SEEDS) {
			const scene = await BadLinkScene.open({ ...conditions, seed });
			tries.push(await performAll(scene));
			octets.push(scene.relay.counts.octets);
			scene.relay.expectHarm();
			await scene.close();
		}
		const cells = PROCEDURES.map((procedure) => {
			const outcomes = tries.map((one) => one[procedure]);
			for (const { state } of outcomes) expect([procedure, state]).toEqual([procedure, "succeeded"]);
			return time(outcomes);
		});
		rows.push(`| ${name} | ${cells.join(" | ")} | ${kilobytes(middle(octets))} |`);
	});

	it("stands in docs/wire.md", () => {
		const head = `| link | ${PROCEDURES.join(" | ")} | all octets |\n| --- |${" ---: |".repeat(PROCEDURES.length + 1)}`;
		const page = readFileSync(PAGE, "utf8");
		const [from, to] = [page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END)];
		if (process.env.WIRE_DOCS === "write") {
			writeFileSync(PAGE, `${page.slice(0, from)}\n${head}\n${rows.join("\n")}\n${page.slice(to)}`);
			return;
		}
		const written = page.slice(from, to).trim().split("\n");
		expect(written.slice(0, 2)).toEqual(head.split("\n"));
		expect(written.slice(2).map((row) => row.split("|")[1])).toEqual(rows.map((row) => row.split("|")[1]));
		const far = rows.flatMap((row, at) => farCells(row, written[at + 2] ?? ""));
		expect(far).toEqual([]);
	});
});

/**
 * Cells whose first figure is more than a tenth and a second (or kB) from the one in the page. Losses and timers come from seeds; what
 * is left to chance is an octet of a signature.
 */
function farCells(measured: string, written: string): string[] {
	const [[, name = "", ...now], [, , ...then]] = [measured.split("|"), written.split("|")];
	return now.flatMap((cell, at) => {
		const column = PROCEDURES[at] ?? "all octets";
		const [a, b] = [Number.parseFloat(cell), Number.parseFloat(then[at] ?? "")];
		return cell === "" || Math.abs(a - b) <= b / 10 + 1
			? []
			: [`${name.trim()}: ${column}${cell}, and in the page${then[at]}`];
	});
}

function middle(values: readonly number[]): number {
	return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** The time in the middle, and the longest; how many rounds failed in the worst one. */
function time(outcomes: readonly Outcome[]): string {
	const times = outcomes.map(({ took }) => took / 1000);
	const failures = Math.max(...outcomes.map((one) => one.failures));
	const longest = Math.max(...times);
	const spread = longest > middle(times) * 1.2 ? ` (at most ${seconds(longest)})` : "";
	return `${seconds(middle(times))}${spread}${failures > 0 ? `, ${failures} retried` : ""}`;
}

const seconds = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
const kilobytes = (octets: number) => `${(octets / 1000).toFixed(1)} kB`;
