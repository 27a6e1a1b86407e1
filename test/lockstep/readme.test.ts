import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const readme = readFileSync(path.join(root, "test/lockstep/README.md"), "utf8");

/** Every mishap that has to be shown. */
const MISHAPS = [
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
	it.each(MISHAPS)("%s: has tests at every side, and every test that it names exists", (mishap) => {
		const named = [...sectionOf(mishap).matchAll(/^- ([^:]+): `([^`]+)` "([^"]+)"$/gm)];
		expect(named.map(([, side]) => side?.split(",")[0])).toContain("all");
		for (const [, , file = "", title = ""] of named) {
			expect(existsSync(path.join(root, file)), file).toBe(true);
			expect(readFileSync(path.join(root, file), "utf8"), `${file} has no "${title}"`).toContain(`"${title}`);
		}
	});

	it("has no line that is not checked", () => {
		const lines = readme.split("\n").filter((line) => line.startsWith("- "));
		expect(lines.filter((line) => !/^- [^:]+: `[^`]+` "[^"]+"$/.test(line))).toEqual([]);
	});
});
