import { afterEach, expect, it, vi } from "vitest";
import { requireExternal } from "./externals.ts";

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
