import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { requireExternal } from "../../../../../test/support/externals.ts";
import { findProgram } from "../../../../../test/support/find-program.ts";
import { loadFrom, platformName } from "./addon.ts";

const here = dirname(fileURLToPath(import.meta.url));
const work = mkdtempSync(join(tmpdir(), "iot-esim-dtls-core-"));
afterAll(() => rmSync(work, { recursive: true }));

const has = (...programs: string[]) =>
	programs.every((name) => findProgram(name)) && existsSync("/usr/include/openssl/ssl.h") ? true : undefined;
const checkers = await requireExternal("g++, libssl-dev, openssl and valgrind", () =>
	has("g++", "openssl", "valgrind"),
);
const fuzzer = await requireExternal("clang, libclang-rt-14-dev, libssl-dev and openssl", () => {
	const probe = spawnSync("clang++", ["-print-file-name=libclang_rt.fuzzer-x86_64.a"], { encoding: "utf8" });
	return probe.status === 0 ? has("clang++", "openssl") : undefined;
});
const compilers = await requireExternal("g++ and g++-aarch64-linux-gnu", () =>
	findProgram("g++") && findProgram("aarch64-linux-gnu-g++") ? true : undefined,
);

function script(name: string, ...parameters: string[]): string {
	const env = { ...process.env, FUZZ_WORK: work };
	return execFileSync(join(here, "fuzz", name), parameters, {
		encoding: "utf8",
		env,
		stdio: ["ignore", "pipe", "pipe"],
	});
}

it.skipIf(!checkers)("the core is clean under AddressSanitizer, UndefinedBehaviorSanitizer and valgrind", () => {
	expect(script("check.sh")).toContain("clean under AddressSanitizer, UndefinedBehaviorSanitizer and valgrind");
});

it.skipIf(!fuzzer)("half a minute of fuzzing from recorded handshakes finds nothing", () => {
	expect(() => script("run.sh", "30")).not.toThrow();
});

it.skipIf(!compilers)("npm run dtls:build makes a binary for this machine, which loads", () => {
	const copy = join(work, "copy");
	cpSync(here, copy, { recursive: true, filter: (from) => !/\/(build|prebuilds|fuzz)$/.test(from) });
	const said = execFileSync(process.execPath, [join(copy, "build.mjs")], { encoding: "utf8" });
	expect(said).toContain(`for OpenSSL ${process.versions.openssl.split("+")[0]}`);
	expect(loadFrom([join(copy, "build", platformName(), "dtls.node")], platformName())).toHaveProperty("addon");
});

it.skipIf(!compilers)(
	"the prebuilt binaries are what these sources give, octet by octet, with the compiler named",
	() => {
		const { status, stdout } = spawnSync(process.execPath, [join(here, "build.mjs"), "--compare"], {
			encoding: "utf8",
		});
		console.log(stdout.trim());
		expect(stdout).not.toContain("DIFFERENT");
		// 3: another compiler or other headers than those named in made-with.json, which it has said.
		expect([0, 3]).toContain(status);
	},
);
