import { existsSync, readdirSync, readFileSync } from "node:fs";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { ProfileError } from "@iot-esim/shared/profile/errors";
import { encodeProfilePackage, parseProfilePackage } from "@iot-esim/shared/profile/profile-package";
import { validateProfilePackage } from "@iot-esim/shared/profile/validate-profile-package";
import { equalBytes, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { CardSecurity, FileSession } from "./file-session.ts";
import type { FileSystem } from "./file-system.ts";
import { installFileSystem } from "./install-file-system.ts";

/** A small generator with a seed, so that a failure can be replayed. */
function seeded(seed: number): (below: number) => number {
	let state = seed;
	return (below) => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return state % below;
	};
}

/** What a card does with octets: refuse them by name, refuse an element, or install. Anything else throws. */
function tryInstall(der: Uint8Array): FileSystem | undefined {
	try {
		const profile = parseProfilePackage(der);
		if (!equalBytes(encodeProfilePackage(profile), der)) throw new Error("the package encodes to other octets");
		validateProfilePackage(profile);
		const outcome = installFileSystem(profile);
		return "fileSystem" in outcome ? outcome.fileSystem : undefined;
	} catch (error) {
		if (error instanceof ProfileError) return undefined;
		throw error;
	}
}

/** Commands that touch every file of a file system. */
function useAllFiles(fs: FileSystem): void {
	const session = new FileSession(fs, new CardSecurity());
	const send = (ins: number, p1: number, p2: number, data: Uint8Array = new Uint8Array(0)) =>
		session.execute({ cla: 0, ins, p1, p2, data, le: 256 });
	for (const { fid, aid, kind } of fs.files) {
		if (kind === "adf") send(0xa4, 4, 4, aid);
		else send(0xa4, 0, 4, Uint8Array.of(fid >> 8, fid & 0xff));
		send(0xb0, 0, 0);
		send(0xb2, 1, 4);
		send(0xf2, 0, 0);
		send(0x20, 0, 1);
	}
	send(0x88, 0, 0x81, new Uint8Array(34).fill(16));
}

function damage(der: Uint8Array, random: (below: number) => number): Uint8Array {
	const copy = der.slice();
	const at = random(copy.length);
	if (random(4) === 0) return copy.subarray(0, at);
	copy[at] = random(256);
	if (random(3) === 0) copy[random(copy.length)] = random(256);
	return copy;
}

const built = buildProfilePackage({
	iccid: "89882190000000000017",
	imsi: "901700000000001",
	ki: "00".repeat(16),
	opc: "00".repeat(16),
	oplmn: ["26201"],
});

const samples = new URL("../../../../../shared/data/upp/", import.meta.url);
const files = existsSync(samples) ? readdirSync(samples).filter((name) => name.endsWith("_SUCI.der")) : [];
if (files.length === 0) console.log(`no GSMA TS.48 packages at ${samples.pathname}: none are damaged in this run`);

describe("a damaged profile package", () => {
	it.each([
		["built", built, 500],
		...files.map((name) => [name, new Uint8Array(readFileSync(new URL(name, samples))), 50] as const),
	] as const)("%s is refused by name or installs to files that can be used", (_, der, rounds) => {
		let installed = 0;
		for (let seed = 1; seed <= rounds; seed++) {
			const damaged = damage(der, seeded(seed * 7919));
			try {
				const fs = tryInstall(damaged);
				if (!fs) continue;
				installed++;
				useAllFiles(fs);
			} catch (cause) {
				throw new Error(`seed ${seed}: ${toHex(damaged).slice(0, 80)}`, { cause });
			}
		}
		expect(installed).toBeGreaterThan(rounds / 20);
	});
});
