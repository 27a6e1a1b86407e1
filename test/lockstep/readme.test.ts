import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { PROCEDURES } from "../conformance/procedures.ts";
import { MISHAPS } from "./mishap-kinds.ts";
import { mishapTable, shownBy } from "./mishap-table.ts";
import { CELLS } from "./play-mishaps.ts";

/** Files that name their tests themselves, rather than by the cells that they play. */
const NAMED = ["mishaps-of-association", "mishaps-of-ipae"];

const root = fileURLToPath(new URL("../..", import.meta.url));
const readme = readFileSync(path.join(root, "test/lockstep/README.md"), "utf8");
const [BEGIN, END] = ["<!-- table -->\n", "<!-- end of table -->"] as const;

/** Every mishap that has to be shown. */
const NAMES = [
	"wrong eIM signature",
	"wrong EID",
	"replayed counter",
	"skipped counters",
	"lost answer",
	"duplicate result",
	"result for an unknown transaction",
	"expired certificate",
	"revoked certificate",
	"EUM outside its EID range",
	"truncated BPP",
	"wrong MAC in the third block",
	"card removed",
	"power cut between any two APDUs",
];

const sectionOf = (mishap: string) => readme.split("\n## ").find((text) => text.startsWith(`${mishap}\n`)) ?? "";

describe("the page of mishaps", () => {
	it.each(NAMES)("%s: has tests at every side, and every test that it names exists", (mishap) => {
		const named = [...sectionOf(mishap).matchAll(/^- ([^:]+): `([^`]+)` "([^"]+)"$/gm)];
		expect(named.map(([, side]) => side?.split(",")[0])).toContain("all");
		for (const [, , file = "", title = ""] of named) {
			expect(existsSync(path.join(root, file)), file).toBe(true);
			expect(readFileSync(path.join(root, file), "utf8"), `${file} has no "${title}"`).toContain(`"${title}`);
		}
	});

	it("has no line that is not checked", () => {
		const [before = "", , after = ""] = readme.split(/<!-- (?:end of )?table -->/);
		const lines = `${before}${after}`.split("\n").filter((line) => line.startsWith("- "));
		expect(lines.filter((line) => !/^- [^:]+: `[^`]+` "[^"]+"$/.test(line))).toEqual([]);
	});
});

describe("the table of procedures and mishaps", () => {
	it("has all of both", () => {
		expect(MISHAPS.map(({ name }) => name)).toEqual(NAMES);
		const played = new Set(CELLS.map(({ flow }) => flow.procedure));
		expect(PROCEDURES.filter((one) => !played.has(one))).toEqual(["3.5.2 Add Initial eIM", "3.8.4 IPAe Activation"]);
	});

	it.each(PROCEDURES)("%s: each cell names a test that exists, or why there is none", (procedure) => {
		for (const { name } of MISHAPS) {
			const shown = shownBy(procedure, name);
			if ("never" in shown) {
				expect(shown.never.length).toBeGreaterThan(20);
				continue;
			}
			const source = readFileSync(path.join(root, shown.file), "utf8");
			if (NAMED.some((file) => shown.file.includes(file))) {
				const text = shown.test
					.replace("the card is removed before APDU", "%s")
					.replace(/^.*? n, for every n/, "%s n, for every n");
				expect(
					[shown.test, text].some((title) => source.includes(`"${title}`)),
					`${shown.file}: ${shown.test}`,
				).toBe(true);
			} else expect(CELLS.some(({ flow, mishap }) => flow.procedure === procedure && mishap.name === name)).toBe(true);
		}
	});

	it("is the one on the page (--update writes it)", async () => {
		const [before = "", rest = ""] = readme.split(BEGIN);
		const [, after = ""] = rest.split(END);
		await expect(`${before}${BEGIN}${mishapTable()}${END}${after}`).toMatchFileSnapshot("README.md");
	});
});
