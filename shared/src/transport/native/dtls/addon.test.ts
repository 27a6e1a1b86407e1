import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { addonPaths, loadFrom, platformName } from "./addon.ts";

const folder = mkdtempSync(join(tmpdir(), "iot-esim-addon-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PREBUILT = ["linux-x64", "linux-arm64"];

it("looks for what was built beside the sources before the package that npm has installed for this machine", () => {
	const isPrebuilt = PREBUILT.includes(platformName());
	if (!isPrebuilt) console.log(`there is no package for ${platformName()}`);
	for (const platform of PREBUILT) {
		const packaged = platform === platformName() ? [`prebuilds/${platform}/dtls.node`] : [];
		const paths = addonPaths(platform).map((path) => path.replace(/.*native\/dtls\//, ""));
		expect([...new Set(paths)]).toEqual([`build/${platform}/dtls.node`, ...packaged]);
	}
	expect(platformName()).toMatch(/^[a-z0-9]+-[a-z0-9]+(-musl)?$/);
});

it("says for which machine nothing is there, which package would be it, and what to do", () => {
	const loaded = loadFrom(addonPaths("linux-riscv64-musl"), "linux-riscv64-musl");
	const words = /linux-riscv64-musl.*@iot-esim\/dtls-linux-riscv64-musl is not installed.*npm run dtls:build/;
	expect(loaded).toEqual({ reason: expect.stringMatching(words) });
});

it("each prebuilt binary is a package of its own, optional for npm and only for its machine, in the version of this one", () => {
	const read = (file: string) => JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8"));
	const shared = read("../../../../package.json");
	for (const platform of PREBUILT) {
		const [os, cpu] = platform.split("-");
		const { name, version } = { name: `@iot-esim/dtls-${platform}`, version: shared.version };
		const fits = { os: [os], cpu: [cpu], libc: ["glibc"] };
		expect(read(`./prebuilds/${platform}/package.json`)).toMatchObject({ name, version, main: "dtls.node", ...fits });
		expect(shared.optionalDependencies[name]).toBe(`file:src/transport/native/dtls/prebuilds/${platform}`);
	}
});

it("says why a binary that is there does not load", () => {
	const broken = join(folder, "dtls.node");
	writeFileSync(broken, "not a binary");
	expect(loadFrom([broken], "linux-x64")).toEqual({ reason: expect.stringMatching(/dtls\.node.*npm run dtls:build/s) });
});

it("the prebuilt binaries are for glibc 2.28 and newer, and link nothing but the C library", () => {
	for (const platform of PREBUILT) {
		const text = readFileSync(new URL(`./prebuilds/${platform}/dtls.node`, import.meta.url), "latin1");
		const versions = [...text.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
		expect(versions.length).toBeGreaterThan(0);
		expect(Math.max(...versions)).toBeLessThanOrEqual(28);
		const libraries = [...text.matchAll(/[\w+-]+\.so\.\d+/g)].map(([name]) => name);
		expect(libraries.filter((name) => !/^(libc|ld-linux-aarch64)\.so/.test(name))).toEqual([]);
	}
});
