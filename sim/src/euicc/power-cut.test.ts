import { segmentBoundProfilePackage } from "@iot-esim/shared/security/bound-profile-package";
import { fromHex, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { reportOf } from "./card-report.ts";
import { MemoryDisk } from "./nvm/disk.ts";
import { Nvm } from "./nvm/nvm.ts";
import { CardBench, iccidOf, testPki, tinyProfile } from "./testing/card-bench.ts";
import { TestEim } from "./testing/test-eim.ts";
import { metadataFor, TestSmdp } from "./testing/test-smdp.ts";

const A = "89000000000000000011";
const B = "89000000000000000022";
const C = "89000000000000000033";

type Step = (bench: CardBench) => Promise<unknown>;

/** The life of a device in steps of a few APDUs: association, download, switch, rollback, switch, deletion. */
function life(): Step[] {
	const eim = new TestEim();
	const smdp: { of?: TestSmdp; segments: Uint8Array[] } = { segments: [] };
	const load = async (bench: CardBench, from: number, to: number) => {
		for (const segment of smdp.segments.slice(from, to)) await bench.es10(segment);
	};
	return [
		(bench) => eim.associate(bench),
		async (bench) => {
			smdp.of = new TestSmdp(testPki());
			const { euiccSignature1 } = await smdp.of.authenticate(bench);
			const otpk = await smdp.of.prepare(bench, euiccSignature1);
			smdp.segments = segmentBoundProfilePackage(
				smdp.of.bind(otpk, { profile: tinyProfile(C), metadata: metadataFor(C) }),
			);
		},
		(bench) => load(bench, 0, 1),
		(bench) => load(bench, 1, 2),
		(bench) => load(bench, 2, 99),
		(bench) => eim.load(bench, { psmoList: [{ enable: { iccid: iccidOf(C), rollbackFlag: null } }] }),
		(bench) => bench.ask("BF58038001FF"),
		(bench) => bench.card.reset().then(() => bench.start()),
		(bench) => eim.load(bench, { psmoList: [{ delete: { iccid: iccidOf(B) } }, { enable: { iccid: iccidOf(C) } }] }),
		(bench) => bench.ask("BF3003800101"),
	];
}

function newBench(): CardBench {
	return new CardBench({
		profiles: [
			{ unprotectedProfilePackage: tinyProfile(A), isEnabled: true },
			{ unprotectedProfilePackage: tinyProfile(B), isEnabled: false },
		],
	});
}

/** What the medium holds, read as a stranger would. */
function stored({ disk }: CardBench): string {
	return JSON.stringify(reportOf(new Nvm(new MemoryDisk(disk.read() ?? new Uint8Array(0)))));
}

/** Every state that a life without power cuts goes through, write by write. */
async function uncutLife(): Promise<{ states: string[]; sizes: number[] }> {
	const bench = await newBench().start();
	const states = [stored(bench)];
	const sizes: number[] = [];
	let size = bench.disk.read()?.length ?? 0;
	const append = bench.disk.append.bind(bench.disk);
	bench.disk.append = (bytes) => {
		append(bytes);
		states.push(stored(bench));
		sizes.push((bench.disk.read()?.length ?? 0) - size);
		size = bench.disk.read()?.length ?? 0;
	};
	for (const step of life()) await step(bench);
	return { states, sizes };
}

describe("a loss of power at any write of a device's life", async () => {
	const { states, sizes } = await uncutLife();

	it("is tried at ten writes and more", () => {
		expect(sizes.length).toBeGreaterThanOrEqual(10);
		expect(JSON.parse(states.at(-1) ?? "").profiles).toMatchObject([
			{ iccid: toHex(iccidOf(A)), state: "disabled" },
			{ iccid: toHex(iccidOf(C)), state: "enabled" },
		]);
	});

	it.each(sizes.map((size, i) => [i + 1, size]))("leaves the state before or after write %i", async (write, size) => {
		for (const octets of [0, 1, 9, Math.floor(size / 2), size - 1, size]) {
			const bench = await newBench().start();
			bench.disk.cutPower({ write, octets });
			await expect(runAll(bench)).rejects.toThrow(/power/);
			const state = stored(bench);
			expect(state, `cut after ${octets} octets`).toBe(states[octets === size ? write : write - 1]);
			await expect(bench.card.transmit(fromHex("00A40000"))).rejects.toThrow(/power/);
			await bench.restart();
			expect(await bench.ask("BF3E035C015A")).toContain(bench.pki.eid);
			const { profiles, isLoadInProgress } = JSON.parse(stored(bench));
			expect(profiles.filter((profile: { state: string }) => profile.state === "enabled")).toHaveLength(1);
			expect(isLoadInProgress, "an interrupted load was reported").toBe(false);
			expect(bench.errors).toEqual([]);
		}
	});
});

async function runAll(bench: CardBench): Promise<void> {
	for (const step of life()) await step(bench);
}
