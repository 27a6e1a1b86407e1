import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { addonPaths, loadFrom, platformName } from "./addon.ts";

const folder = mkdtempSync(join(tmpdir(), "iot-esim-addon-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("looks for what was built here before the prebuilt one, beside the sources", () => {
	const paths = addonPaths("linux-x64");
	expect(paths.map((path) => path.replace(/.*native\/dtls\//, ""))).toEqual([
		"build/linux-x64/dtls.node",
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

it("the prebuilt binaries are for glibc 2.28 and newer, and link nothing but the C library", () => {
	for (const platform of ["linux-x64", "linux-arm64"]) {
		const prebuilt = addonPaths(platform).filter((path) => path.includes("prebuilds") && existsSync(path));
		expect(prebuilt.length).toBe(1);
		const text = readFileSync(prebuilt[0] as string, "latin1");
		const versions = [...text.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
		expect(versions.length).toBeGreaterThan(0);
		expect(Math.max(...versions)).toBeLessThanOrEqual(28);
		const libraries = [...text.matchAll(/[\w+-]+\.so\.\d+/g)].map(([name]) => name);
		expect(libraries.filter((name) => !/^(libc|ld-linux-aarch64)\.so/.test(name))).toEqual([]);
	}
});
