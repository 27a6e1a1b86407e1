import { describe, expect, it } from "vitest";
import { importsOf, parseSource, sourceFiles } from "./source-files.ts";

/**
 * Who may import whom; what is not listed is forbidden, and a zone may import itself. A name with `types:` in front
 * allows only `import type`: the interface, not the implementation. Type imports count everywhere else.
 */
const ZONES: Readonly<Record<string, readonly string[]>> = {
	"shared/src/util": [],
	"shared/src/ids": ["shared/src/util"],
	"shared/src/asn1": ["shared/src/util"],
	"shared/src/crypto": ["shared/src/util"],
	"shared/src/runtime": ["shared/src/util"],
	"shared/src/messages": ["shared/src/asn1", "shared/src/ids", "shared/src/util"],
	"shared/src/pki": [
		"shared/src/asn1",
		"shared/src/crypto",
		"shared/src/ids",
		"shared/src/util",
		"types:shared/src/runtime",
	],
	"shared/src/security": standard("messages", "pki", "crypto", "asn1", "ids", "util", "types:runtime"),
	"shared/src/profile": standard("messages", "pki", "crypto", "asn1", "ids", "util"),
	"shared/src/inspect": standard("messages", "profile", "security", "pki", "asn1", "ids", "util"),
	"shared/src/transport": standard("runtime", "util"),
	"eim/src/domain": standard("ids", "util"),
	"eim/src/keys": standard("crypto", "pki", "util", "runtime"),
	"eim/src/storage": ["eim/src/domain", ...standard("ids", "util", "runtime")],
	"eim/src/esipa": [
		"eim/src/domain",
		"types:eim/src/es9plus",
		"types:eim/src/keys",
		"types:eim/src/storage",
		...sharedWithoutTransport(),
	],
	"eim/src/es9plus": ["eim/src/domain", "types:eim/src/storage", ...sharedWithoutTransport()],
	"eim/src/bindings": ["eim/src/esipa", ...standard("transport", "messages", "asn1", "runtime", "ids", "util")],
	"eim/src/wake": ["eim/src/domain", "types:eim/src/storage", ...standard("ids", "util", "runtime")],
	"eim/src/jobs": [
		"eim/src/domain",
		"eim/src/esipa",
		"eim/src/es9plus",
		"types:eim/src/wake",
		"types:eim/src/keys",
		"types:eim/src/storage",
		...standard("ids", "util", "runtime"),
	],
	"eim/src/observability": ["eim/src/domain", ...standard("util", "runtime")],
	"eim/src/api": [
		"eim/src/domain",
		"eim/src/observability",
		"types:eim/src/esipa",
		"types:eim/src/keys",
		"types:eim/src/storage",
		...standard("ids", "util", "runtime", "inspect"),
	],
	"eim/src/admin": [
		"eim/src/config",
		"eim/src/storage",
		"eim/src/keys",
		"eim/src/domain",
		...standard("runtime", "util"),
	],
	"eim/src/cli": ["eim/src/admin", ...standard("inspect", "util", "runtime")],
	"eim/src/console": [],
	"eim/src": ["eim/src/*", "shared/src/*"],
	"ipa/src/card": ["shared/src/*"],
	"ipa/src/esipa": ["shared/src/*"],
	"ipa/src/es9plus": ["shared/src/*"],
	"ipa/src/state": ["shared/src/*"],
	"ipa/src/procedures": [
		"types:ipa/src/card",
		"types:ipa/src/esipa",
		"types:ipa/src/es9plus",
		"types:ipa/src/state",
		"shared/src/*",
	],
	"ipa/src/lpa": [
		"types:ipa/src/card",
		"types:ipa/src/esipa",
		"types:ipa/src/es9plus",
		"types:ipa/src/state",
		"shared/src/*",
	],
	"ipa/src/cli": ["ipa/src/*", "shared/src/*"],
	"ipa/src": ["ipa/src/*", "shared/src/*"],
	"sim/src/pki": ["shared/src/*"],
	"sim/src/rsp-server": ["shared/src/*", "sim/src/pki"],
	"sim/src/smds": ["shared/src/*", "sim/src/pki", "sim/src/rsp-server"],
	"sim/src/network": ["shared/src/*"],
	"sim/src/euicc/ipae": ["shared/src/*", "sim/src/pki", "sim/src/euicc", "ipa/src/index"],
	"sim/src/euicc": ["shared/src/*", "sim/src/pki", "sim/src/euicc/ipae"],
	"sim/src/smdp": ["shared/src/*", "sim/src/pki", "sim/src/rsp-server"],
	test: ["*"],
	examples: ["*"],
};

function standard(...rooms: readonly string[]): string[] {
	return rooms.map((room) => (room.startsWith("types:") ? `types:shared/src/${room.slice(6)}` : `shared/src/${room}`));
}

function sharedWithoutTransport(): string[] {
	return standard("asn1", "crypto", "ids", "inspect", "messages", "pki", "profile", "runtime", "security", "util");
}

/** The longest zone that holds a path; unit tests beside the code and configuration at the top count as `test`. */
function zoneOf(path: string): string | undefined {
	if (/\.test(\.ts)?$/.test(path) || /^[^/]+\.config\.ts$/.test(path)) return "test";
	return Object.keys(ZONES)
		.filter((zone) => path === zone || path.startsWith(`${zone}/`))
		.sort((a, b) => b.length - a.length)[0];
}

function allows(rule: string, zone: string, target: string, typeOnly: boolean): boolean {
	if (rule.startsWith("types:")) return typeOnly && allows(rule.slice(6), zone, target, typeOnly);
	if (rule === "*") return true;
	if (rule.endsWith("/*")) return target.startsWith(rule.slice(0, -1));
	return target === rule || target.startsWith(`${rule}/`);
}

describe("the import table", () => {
	const files = sourceFiles();

	it("knows the zone of every file", () => {
		expect(files.length).toBeGreaterThan(20);
		expect(files.filter((file) => zoneOf(file) === undefined)).toEqual([]);
	});

	it("is kept by every import, type imports included", () => {
		const broken: string[] = [];
		for (const path of files) {
			const zone = zoneOf(path);
			for (const { target, internal, typeOnly } of importsOf(parseSource(path))) {
				if (!internal || zone === undefined || zoneOf(target) === zone) continue;
				const isAllowed = (ZONES[zone] ?? []).some((rule) => allows(rule, zone, target, typeOnly));
				if (!isAllowed) broken.push(`${path} imports ${target}${typeOnly ? " (type)" : ""}: not allowed in ${zone}`);
			}
		}
		expect(broken).toEqual([]);
	});

	it("finds a forbidden import when there is one", () => {
		expect(zoneOf("eim/src/domain/device.ts")).toBe("eim/src/domain");
		const rules = ZONES["eim/src/domain"] ?? [];
		expect(rules.some((rule) => allows(rule, "eim/src/domain", "shared/src/messages/x", true))).toBe(false);
		expect(
			(ZONES["eim/src/esipa"] ?? []).some((rule) => allows(rule, "eim/src/esipa", "eim/src/storage/store", false)),
		).toBe(false);
	});
});
