#!/usr/bin/env node
// Builds the native part of DTLS, without network and without node-gyp.
//
//   node build.mjs              for this machine, into build/<platform>; preferred over a prebuilt one
//   node build.mjs --prebuilt   for Linux x64 and arm64 (glibc), into prebuilds/<platform>; needs both compilers
//   node build.mjs --compare    builds the prebuilt ones anew and compares octet by octet
//
// OpenSSL and Node-API come from the Node that loads the result; nothing else than the C library is linked.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const SOURCES = ["first-octets.cc", "callbacks.cc", "endpoint.cc", "session.cc", "js-hooks.cc", "addon.cc"];
const FLAGS = [
	"-std=c++17 -shared -fPIC -Os -Wall -Wextra -Werror -DNAPI_VERSION=8 -D_FORTIFY_SOURCE=2 -fstack-protector-strong",
	"-fno-exceptions -fno-rtti -fvisibility=hidden -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections",
	"-Wl,--gc-sections -Wl,--build-id=none -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -s -nodefaultlibs",
].flatMap((line) => line.split(" "));
const PREBUILT = { "linux-x64": "g++", "linux-arm64": "aarch64-linux-gnu-g++" };
const MADE_WITH = join(here, "prebuilds", "made-with.json");

function fail(message) {
	console.error(message);
	process.exit(1);
}

/** First line of `--version`; undefined when there is no such compiler. */
function versionOf(compiler) {
	const { status, stdout } = spawnSync(compiler, ["--version"], { encoding: "utf8" });
	return status === 0 ? stdout.split("\n")[0] : undefined;
}

/** The headers of this Node: beside its binary, of Debian's package, or as node-gyp keeps them. */
function includeFolder() {
	const folders = [
		join(dirname(process.execPath), "../include/node"),
		"/usr/include/node",
		join(homedir(), `.cache/node-gyp/${process.versions.node}/include/node`),
	];
	const found = folders.find((folder) => existsSync(join(folder, "node_api.h")) && existsSync(join(folder, "openssl/ssl.h")));
	return found ?? fail(`no headers of Node (node_api.h, openssl/ssl.h) in ${folders.join(", ")}`);
}

function headersVersion(include) {
	const text = readFileSync(join(include, "node_version.h"), "utf8");
	return ["MAJOR", "MINOR", "PATCH"].map((part) => new RegExp(`NODE_${part}_VERSION (\\d+)`).exec(text)?.[1]).join(".");
}

function build(compiler, include, output) {
	mkdirSync(dirname(output), { recursive: true });
	execFileSync(compiler, [...FLAGS, "-I", include, ...SOURCES, "-lc", "-o", output], { cwd: here, stdio: "inherit" });
}

/** As in `platformName` of addon.ts. */
function platformName() {
	const isMusl = process.platform === "linux" && process.report.getReport().header.glibcVersionRuntime === undefined;
	return `${process.platform}-${process.arch}${isMusl ? "-musl" : ""}`;
}

function buildLocal() {
	const compiler = ["g++", "clang++", "c++"].find((name) => versionOf(name) !== undefined);
	if (compiler === undefined) fail("no C++ compiler: install g++ (Debian: apt-get install g++, Alpine: apk add g++)");
	if (process.platform !== "linux") fail("the native part of DTLS is written for Linux; use another transport here");
	const output = join(here, "build", platformName(), "dtls.node");
	build(compiler, includeFolder(), output);
	const { features } = loadBinary(output);
	console.log(`built ${output} with ${compiler} for OpenSSL ${features().openssl}`);
}

function loadBinary(path) {
	const loaded = { exports: {} };
	process.dlopen(loaded, path);
	return loaded.exports;
}

function buildPrebuilt() {
	const include = includeFolder();
	const compilers = {};
	for (const [platform, compiler] of Object.entries(PREBUILT)) {
		compilers[platform] = versionOf(compiler) ?? fail(`${compiler} is missing`);
		build(compiler, include, join(here, "prebuilds", platform, "dtls.node"));
	}
	writeFileSync(MADE_WITH, `${JSON.stringify({ node: headersVersion(include), compilers }, null, "\t")}\n`);
}

/** Prints one line for each platform; ends with 1 when a binary differs, with 3 when none could be compared. */
function compare() {
	const include = includeFolder();
	const made = JSON.parse(readFileSync(MADE_WITH, "utf8"));
	const scratch = mkdtempSync(join(tmpdir(), "dtls-"));
	let compared = 0;
	let different = 0;
	for (const [platform, compiler] of Object.entries(PREBUILT)) {
		const present = versionOf(compiler) ?? "none";
		if (present !== made.compilers[platform] || headersVersion(include) !== made.node) {
			console.log(`${platform}: not compared; made with ${made.compilers[platform]}, Node ${made.node}; here is ${present}, Node ${headersVersion(include)}`);
			continue;
		}
		const output = join(scratch, platform, "dtls.node");
		build(compiler, include, output);
		const isSame = readFileSync(output).equals(readFileSync(join(here, "prebuilds", platform, "dtls.node")));
		console.log(`${platform}: ${isSame ? "the same octets" : "DIFFERENT"}`);
		compared++;
		if (!isSame) different++;
	}
	rmSync(scratch, { recursive: true });
	process.exitCode = different > 0 ? 1 : compared === 0 ? 3 : 0;
}

const [mode] = process.argv.slice(2);
if (mode === undefined) buildLocal();
else if (mode === "--prebuilt") buildPrebuilt();
else if (mode === "--compare") compare();
else fail("usage: node build.mjs [--prebuilt | --compare]");
