import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { AddInitialEimRequest } from "@iot-esim/shared/messages/sgp32/eim-configuration";
import { EuiccPackageResult } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { VpcdReaderSide } from "@iot-esim/shared/transport/vpcd";
import { concatBytes, fromHex, toHex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { savePki } from "../pki/pki-directory.ts";
import { reportOf } from "./card-report.ts";
import { FileDisk } from "./nvm/disk.ts";
import { Nvm } from "./nvm/nvm.ts";
import { CardBench, iccidOf, testPki } from "./testing/card-bench.ts";
import { TestEim } from "./testing/test-eim.ts";
import { metadataFor, TestSmdp } from "./testing/test-smdp.ts";

const MAIN = fileURLToPath(new URL("../../dist/euicc/main.js", import.meta.url));
const KILLS = 25;
const A = "89000000000000000011";
const KEYS = { algorithm: "usim-test", ki: "00112233445566778899AABBCCDDEEFF" };

let directory: string;
let card: string;
let listener: Awaited<ReturnType<typeof VpcdReaderSide.listen>>;
let arrived: (reader: VpcdReaderSide) => void = () => undefined;

beforeAll(async () => {
	if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: npm run build`);
	directory = mkdtempSync(join(tmpdir(), "euicc-kill-"));
	card = join(directory, "card");
	savePki(join(directory, "pki"), testPki());
	writeFileSync(join(directory, "a.der"), buildProfilePackage({ iccid: A, imsi: "001010000000011", ...KEYS }));
	const options = { clock: systemClock, timeout: Seconds(20) };
	listener = await VpcdReaderSide.listen({ host: "127.0.0.1", port: 0 }, options, (reader) => arrived(reader));
	const init = ["init", "--dir", card, "--pki", join(directory, "pki"), "--bootstrap", join(directory, "a.der")];
	await finished(spawn(process.execPath, [MAIN, ...init]));
});
afterAll(async () => {
	await listener.close();
	rmSync(directory, { recursive: true, force: true });
});

function finished(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
	return new Promise((resolve) => child.once("exit", () => resolve()));
}

async function startCard(): Promise<{ child: ChildProcess; reader: VpcdReaderSide }> {
	const reader = new Promise<VpcdReaderSide>((resolve) => (arrived = resolve));
	const child = spawn(process.execPath, [
		MAIN,
		"run",
		"--dir",
		card,
		"--connect",
		`127.0.0.1:${listener.address.port}`,
	]);
	return { child, reader: await reader };
}

async function es10(reader: VpcdReaderSide, request: Uint8Array): Promise<{ data: Uint8Array; status: number }> {
	let answer: Uint8Array = new Uint8Array(0);
	for (let at = 0, block = 0; at < request.length; at += 250, block++) {
		const data = request.subarray(at, at + 250);
		const p1 = at + 250 >= request.length ? 0x91 : 0x11;
		answer = await reader.transmit(concatBytes(Uint8Array.of(0x80, 0xe2, p1, block, data.length), data));
	}
	let data = answer.subarray(0, -2);
	while (answer.at(-2) === 0x61) {
		answer = await reader.transmit(Uint8Array.of(0, 0xc0, 0, 0, answer.at(-1) as number));
		data = concatBytes(data, answer.subarray(0, -2));
	}
	return { data, status: ((answer.at(-2) as number) << 8) | (answer.at(-1) as number) };
}

async function powerUp(reader: VpcdReaderSide): Promise<void> {
	await reader.powerOn();
	await reader.transmit(fromHex("00A4040010A0000005591010FFFFFFFF8900000100"));
}

/** A sequence that is the same in every run. */
function seeded(seed: number): () => number {
	let state = seed;
	return () => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return state / 2 ** 32;
	};
}

describe("a card process killed with -9", () => {
	it(`keeps what it answered and uses no counter twice, over ${KILLS} kills`, async () => {
		const random = seeded(20261122);
		const eim = new TestEim();
		const bench = new CardBench();
		const first = await startCard();
		await powerUp(first.reader);
		const associated = await es10(
			first.reader,
			encode(AddInitialEimRequest, { eimConfigurationDataList: [eim.configuration()] }),
		);
		eim.token = associated.data.at(-1) as number;
		first.child.kill("SIGKILL");
		await finished(first.child);
		let answered = 0;
		const accepted: number[] = [];
		for (let kill = 0; kill < KILLS; kill++) {
			const { child, reader } = await startCard();
			await powerUp(reader);
			let timer: NodeJS.Timeout | undefined;
			const delay = Math.floor(random() * 60);
			try {
				for (;;) {
					const request = eim.request(bench, {
						psmoList: [{ setDefaultDpAddress: { defaultDpAddress: `dp${eim.counter}.example.com` } }],
					});
					const result = decode(EuiccPackageResult, (await es10(reader, request)).data);
					if (!("euiccPackageResultSigned" in result)) throw new TypeError("the counter was known already");
					const { counterValue } = result.euiccPackageResultSigned.euiccPackageResultDataSigned.value;
					accepted.push(counterValue);
					answered = counterValue;
					// From the first answer on: a busy machine would be killed before it has one.
					timer ??= setTimeout(() => child.kill("SIGKILL"), delay);
				}
			} catch (error) {
				if (error instanceof TypeError) throw error;
			}
			clearTimeout(timer);
			child.kill("SIGKILL");
			await finished(child);
			const nvm = new Nvm(new FileDisk(card));
			const report = reportOf(nvm);
			nvm.close();
			expect(report.eims[0]?.counter).toBeGreaterThanOrEqual(answered);
			const results = report.packageResults.map(({ counter }) => counter);
			expect(new Set(results).size).toBe(results.length);
			expect(
				accepted.every((counter) => results.includes(counter)),
				"every answered result is kept",
			).toBe(true);
			expect(report.profiles).toMatchObject([{ iccid: toHex(iccidOf(A)), state: "enabled" }]);
		}
		console.log(`${KILLS} kills; ${accepted.length} packages answered, the last counter is ${answered}`);
		expect(accepted.length).toBeGreaterThan(KILLS);
	});

	it(`installs a profile whole or not at all, over ${KILLS} kills in the load`, async () => {
		const random = seeded(1);
		let interrupted = 0;
		for (let kill = 0; kill < KILLS; kill++) {
			const iccid = `890000000000000010${10 + kill}`;
			const profile = buildProfilePackage({ iccid, imsi: "001010000000022", ...KEYS });
			const { child, reader } = await startCard();
			await powerUp(reader);
			const link = { es10: (request: Uint8Array) => es10(reader, request) };
			const smdp = new TestSmdp(testPki());
			const { euiccSignature1 } = await smdp.authenticate(link);
			const bpp = smdp.bind(await smdp.prepare(link, euiccSignature1), { profile, metadata: metadataFor(iccid) });
			const timer = setTimeout(() => child.kill("SIGKILL"), Math.floor(random() * 40));
			const result = await smdp.load(link, bpp).catch(() => undefined);
			clearTimeout(timer);
			child.kill("SIGKILL");
			await finished(child);
			const nvm = new Nvm(new FileDisk(card));
			const { profiles, isLoadInProgress } = reportOf(nvm);
			nvm.close();
			const isThere = profiles.some((found) => found.iccid === toHex(iccidOf(iccid)));
			if (result !== undefined) expect(isThere).toBe(true);
			else expect(isThere && isLoadInProgress).toBe(false);
			const again = await startCard();
			await powerUp(again.reader);
			if (isLoadInProgress) {
				interrupted++;
				const pending = toHex((await es10(again.reader, fromHex("BF2B00"))).data);
				expect(pending, "an interruption is reported").toContain("81010B");
			}
			again.child.kill("SIGKILL");
			await finished(again.child);
		}
		console.log(`${KILLS} kills, ${interrupted} of them in the middle of the load`);
		expect(interrupted).toBeGreaterThan(KILLS / 4);
	});
});
