import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { iotFunctions } from "@iot-esim/sim/euicc/es10/functions";
import { describe, expect, it } from "vitest";
import { projectRoot, scriptCommands } from "../support/compose.ts";
import { projectText, sourceOf, understand } from "../support/program-lines.ts";

/** What people copy from: scripts and pages hold against the programs, without running them. */
const SCRIPTS = readdirSync(path.join(projectRoot, "examples/operations")).map((name) => `examples/operations/${name}`);
const PAGES = [
	"README.md",
	"docs/quickstart.md",
	"docs/protocol.md",
	"docs/operations/eim.md",
	"docs/operations/ipa.md",
	"docs/operations/by-hand.md",
];

describe("examples/operations", () => {
	it.each(SCRIPTS.filter((name) => !name.endsWith("common.sh")))("%s uses commands that exist", async (script) => {
		const text = projectText(script);
		const named = text
			.split("\n")
			.flatMap((line) => /(?:^|\s)eim ((?:[a-z-]+ ?)+.*)$/.exec(line.split("#")[0] ?? "")?.[1] ?? []);
		for (const line of named) await understand(["deploy/eim", ...arguments_(line)]);
		const programs = scriptCommands(script).map(rooted);
		for (const line of programs) await understand(line);
		for (const [, url = ""] of text.matchAll(/api (?:GET|POST|PATCH|DELETE) "?(\/[^\s"?]+)/g)) {
			expect(
				API_PATHS.some((known) => known.test(url)),
				`${script} calls ${url}`,
			).toBe(true);
		}
		expect(named.length + programs.length, `${script} runs nothing of ours`).toBeGreaterThan(0);
	});
});

/** The paths of the operator API that the scripts use, as its own document names them. */
const API_PATHS = [
	"devices",
	"devices/[^/]+/profiles",
	"devices/[^/]+/operations",
	"operations/[^/]+",
	"events",
	"eim-configuration",
	"eim-keys(/updates)?",
].map((name) => new RegExp(`^/api/v1/${name}$`));

/** Words of a line of a script; a variable is given a value that every option takes. */
function arguments_(line: string): string[] {
	const all = [...line.matchAll(/"([^"]*)"|'([^']*)'|([^\s"']+)/g)].map((m) => m[1] ?? m[2] ?? m[3] ?? "");
	return all.map((word) => (word.startsWith("$") ? "1" : word));
}

function rooted(line: readonly string[]): string[] {
	return line.map((word) => word.replace(/^\$ROOT\//, ""));
}

describe("the pages for people", () => {
	it.each(PAGES)("%s names scripts of package.json, programs and files that exist", async (page) => {
		const text = projectText(page);
		const { scripts } = JSON.parse(projectText("package.json")) as { scripts: Record<string, string> };
		for (const [, name = ""] of text.matchAll(/npm run (?:(?:-s|--silent) )?([\w:-]+)/g))
			expect(scripts, page).toHaveProperty(name);
		for (const [, program = ""] of text.matchAll(/node ((?:(?:eim|ipa|sim)\/)?dist\/[\w/-]+\.js)/g)) {
			expect(existsSync(path.join(projectRoot, sourceOf(program))), `${page}: ${program}`).toBe(true);
		}
		for (const [, link = ""] of text.matchAll(/\]\(([^)#:]+)\)/g)) {
			expect(existsSync(path.join(projectRoot, path.dirname(page), link)), `${page}: ${link}`).toBe(true);
		}
	});

	it.each(PAGES)("%s gives command lines that the eIM's command line takes", async (page) => {
		const lines = [
			...projectText(page).matchAll(/(?:npm run (?:-s )?eim --|exec eim deploy\/eim|^eim) ([a-z][^`|>\n#]*)/gm),
		];
		for (const [, line = ""] of lines) {
			const words = arguments_(line.replace(/[[\]]/g, "").trim()).map((word) =>
				/^(NUMBER|\.\.\.)$/.test(word) ? "1" : word.replace(/[,;.]$/, ""),
			);
			if (LOCAL.has(words[0] ?? "")) continue;
			const [first, second] = words;
			// A group by itself, as `npm run eim -- device`, is named but not run.
			await understand(["deploy/eim", ...(first === "device" && second === "show" ? words.slice(0, 3) : words)]);
		}
		if (/eim\.md|by-hand\.md/.test(page)) expect(lines.length).toBeGreaterThan(5);
	});

	it("docs/operations/ipa.md quotes examples/ipa-library.ts as it is", () => {
		const quoted = /```ts\n([\s\S]*?)```/.exec(projectText("docs/operations/ipa.md"))?.[1];
		expect(projectText("examples/ipa-library.ts").split("\n").slice(2).join("\n")).toBe(quoted);
	});
});

/** Commands that work without the server, or ask for help. */
const LOCAL = new Set(["config", "admin", "serve", "--help"]);

describe("docs/protocol.md", () => {
	const text = projectText("docs/protocol.md");
	const rows = text.split("\n").filter((line) => line.startsWith("| "));
	const tagsIn = (section: string) => {
		const part = text.slice(text.indexOf(section)).split("\n## ")[0] ?? "";
		return [...part.matchAll(/^\|[^|]+\| ((?:BF[0-9A-F]{2}(?:, )?)+) \|/gm)].flatMap(([, tags = ""]) =>
			tags.split(", "),
		);
	};

	it("names files that exist, in every row", () => {
		const named = [...text.matchAll(/`((?:shared|eim|ipa|sim|test)\/[\w./-]+\.ts)`/g)].map(([, file = ""]) => file);
		expect(named.length).toBeGreaterThan(60);
		expect(named.filter((file) => !existsSync(path.join(projectRoot, file)))).toEqual([]);
		for (const row of rows.filter((line) => !/^\| (---|function|what|inside)/.test(line)))
			expect(row).toMatch(/`[a-z]/);
	});

	it("has a row for every ESipa function that the eIM dispatches, and for no other", () => {
		const handler = projectText("eim/src/esipa/handler.ts");
		const tags = [...handler.matchAll(/^\t\t(\d{5}): /gm)].map(([, tag = ""]) =>
			Number(tag).toString(16).toUpperCase(),
		);
		expect(tags.length).toBeGreaterThan(5);
		expect(tagsIn("## ESipa").sort()).toEqual(tags.sort());
	});

	it("has a row for every ES10 function of the card, and for no other", () => {
		const tags = [...iotFunctions.keys()].map((tag) => tag.toString(16).toUpperCase());
		// The segments of a bound profile package are not dispatched as one command.
		expect(tagsIn("## ES10a").sort()).toEqual([...tags, "BF36"].sort());
	});

	it("each ESipa file of the eIM handles the function that its row says", () => {
		for (const row of rows.filter((line) => line.includes("`eim/src/esipa/") && /\| BF/.test(line))) {
			const [, name = "", , file = ""] = row.split("|").map((cell) => cell.trim().replaceAll("`", ""));
			const source = readFileSync(path.join(projectRoot, file), "utf8");
			expect(source, row).toMatch(new RegExp(`function ${name[0]?.toLowerCase()}${name.slice(1)}\\b`));
		}
	});
});
