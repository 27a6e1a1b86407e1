import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { addonPaths, loadFrom, platformName } from "./addon.ts";

const folder = mkdtempSync(join(tmpdir(), "iot-esim-addon-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("looks for what was built here before the prebuilt one, beside the sources and from dist", () => {
	const paths = addonPaths("linux-x64");
	expect(paths.map((path) => path.replace(/.*native\/dtls\//, ""))).toEqual([
		"build/linux-x64/dtls.node",
		"build/linux-x64/dtls.node",
		"prebuilds/linux-x64/dtls.node",
		"prebuilds/linux-x64/dtls.node",
	]);
	expect(platformName()).toMatch(/^[a-z0-9]+-[a-z0-9]+(-musl)?$/);
});

it("says for which machine nothing is there, and what to do", () => {
	const loaded = loadFrom(addonPaths("linux-riscv64-musl"), "linux-riscv64-musl");
	expect(loaded).toEqual({ reason: expect.stringMatching(/linux-riscv64-musl.*npm run dtls:build/) });
});

it("says why a binary that is there does not load", () => {
	const broken = join(folder, "dtls.node");
	writeFileSync(broken, "not a binary");
	expect(loadFrom([broken], "linux-x64")).toEqual({ reason: expect.stringMatching(/dtls\.node.*npm run dtls:build/s) });
});
