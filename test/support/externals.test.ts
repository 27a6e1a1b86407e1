import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { root } from "../architecture/source-files.ts";
import { BY_HAND, externalByHand, requireExternal } from "./externals.ts";

afterEach(() => {
	vi.unstubAllEnvs();
	vi.restoreAllMocks();
});

it("gives what is there", async () => {
	expect(await requireExternal("a program", () => "/usr/bin/program")).toBe("/usr/bin/program");
});

it("says aloud what is missing", async () => {
	vi.stubEnv("CI_REQUIRE_EXTERNALS", "");
	const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
	expect(await requireExternal("a program", () => undefined)).toBeUndefined();
	expect(log.mock.calls.join()).toContain("a program is missing");
});

it("fails where everything has to be there", async () => {
	vi.stubEnv("CI_REQUIRE_EXTERNALS", "1");
	await expect(requireExternal("a program", async () => undefined)).rejects.toThrow("a program is missing");
});

it("says aloud, and no more, where a program is missing that CI cannot have", () => {
	vi.stubEnv("CI_REQUIRE_EXTERNALS", "1");
	const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
	expect(externalByHand("Eclipse Wakaama", () => undefined)).toBeUndefined();
	expect(log.mock.calls.join()).toContain("SKIPPED: Eclipse Wakaama is run by hand only");
	expect(externalByHand("Eclipse Wakaama", () => "esipa-client")).toBe("esipa-client");
});

it("docs/interop.md says of each program by hand which tests play octets of it in CI, and they do", () => {
	const [, part = ""] = textOf("docs/interop.md").split("## By hand only");
	const rows = part
		.split("\n## ")[0]
		?.split("\n")
		.filter((line) => line.startsWith("| "))
		.slice(2)
		.map((line) => line.split("|").map((cell) => cell.trim()));
	expect(rows?.map(([, name]) => name)).toEqual(Object.keys(BY_HAND));
	for (const [, name = "", tests = "", played = ""] of rows ?? []) {
		const [test = "", variable = ""] = quoted(tests);
		expect(textOf(test)).toContain(`externalByHand("${name}"`);
		expect(BY_HAND[name as keyof typeof BY_HAND]).toContain(`${variable}=`);
		if (played === "nothing") continue;
		const [vectors = "", ...players] = quoted(played);
		expect(existsSync(path.join(root, vectors, "README.md"))).toBe(true);
		for (const player of players)
			expect([player, textOf(player)]).toEqual([player, expect.stringContaining(path.basename(vectors))]);
	}
});

function textOf(file: string): string {
	return readFileSync(path.join(root, file), "utf8");
}

function quoted(cell: string): string[] {
	return [...cell.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text);
}
