import { segmentBoundProfilePackage } from "@iot-esim/shared/security/bound-profile-package";
import { fromHex, hex, toHex } from "@iot-esim/shared/util/bytes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { consumerFunctions, iotFunctions } from "./es10/functions.ts";
import { profileFileSystems } from "./file-system/profile-file-systems.ts";
import { CardBench, iccidOf, testPki, tinyProfile } from "./testing/card-bench.ts";
import { TestEim } from "./testing/test-eim.ts";
import { metadataFor, TestSmdp } from "./testing/test-smdp.ts";

const A = "89000000000000000011";
const B = "89000000000000000022";
const profiles = [
	{ unprotectedProfilePackage: tinyProfile(A), isEnabled: true },
	{ unprotectedProfilePackage: tinyProfile(B), isEnabled: false },
];

/** Requests of every function that has any contents, which mutations start from. */
function requests(bench: CardBench, eim: TestEim): Uint8Array[] {
	const iccid = toHex(iccidOf(B));
	return [
		hex`BF3E035C015A`,
		hex`BF2D0BA003950102 5C045A9F7090`,
		fromHex(`BF3111A00C5A0A${iccid}8101FF`),
		fromHex(`BF330C5A0A${iccid}`),
		fromHex(`BF290F5A0A${iccid}900142`),
		hex`BF2B05A003800101`,
		hex`BF280481020410`,
		hex`BF3003800101`,
		hex`BF640482020186`,
		hex`BF59078000810388370A`,
		hex`BF5503800141`,
		eim.request(bench, { psmoList: [{ enable: { iccid: iccidOf(B) } }, { listProfileInfo: {} }] }),
		eim.request(bench, { ecoList: [{ addEim: eim.configuration() }, { listEim: {} }] }),
	];
}

describe("whatever comes in", () => {
	it("any octets as an APDU get a status word, and never disturb the card", async () => {
		const bench = await new CardBench({ profiles }).start();
		await fc.assert(
			fc.asyncProperty(fc.uint8Array({ minLength: 0, maxLength: 40 }), async (apdu) => {
				const response = await bench.card.transmit(apdu);
				expect(response.length).toBeGreaterThanOrEqual(2);
				expect(response.length).toBeLessThanOrEqual(258);
			}),
			{ numRuns: 500 },
		);
		expect(bench.errors).toEqual([]);
	});

	it("any truncation and any change of an octet of a request ends in an answer, without an inner error", async () => {
		const bench = await new CardBench({ profiles }).start();
		const eim = await new TestEim().associate(bench);
		const originals = requests(bench, eim);
		const mutation = fc.record({
			request: fc.integer({ min: 0, max: originals.length - 1 }),
			at: fc.nat(400),
			value: fc.integer({ min: 0, max: 255 }),
			isCut: fc.boolean(),
		});
		await fc.assert(
			fc.asyncProperty(mutation, async ({ request, at, value, isCut }) => {
				const original = originals[request] as Uint8Array;
				const mutated = original.slice(0, isCut ? at % original.length : original.length);
				if (!isCut) mutated[at % mutated.length] = value;
				const { status } = await bench.es10(mutated);
				expect([0x9000, 0x910b, 0x6a80, 0x6a88, 0x6985]).toContain(status);
			}),
			{ numRuns: 600 },
		);
		expect(bench.errors).toEqual([]);
	});

	it("any change of an octet of a Bound Profile Package ends in a signed error, never in a profile", async () => {
		const bench = await new CardBench().start();
		const smdp = new TestSmdp(testPki());
		const options = { profile: tinyProfile(A), metadata: metadataFor(A) };
		const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 1, max: 255 }) });
		await fc.assert(
			fc.asyncProperty(change, async ({ at, value }) => {
				const otpk = await smdp.prepare(bench, (await smdp.authenticate(bench)).euiccSignature1);
				const bpp = smdp.bind(otpk, options);
				const segments = segmentBoundProfilePackage(bpp).map((segment) => segment.slice());
				let offset = at % bpp.length;
				for (const segment of segments) {
					if (offset < segment.length) segment[offset] = (segment[offset] as number) ^ value;
					offset -= segment.length;
				}
				const answers: string[] = [];
				for (const segment of segments) {
					const { data, status } = await bench.es10(segment);
					answers.push(toHex(data) || status.toString(16));
					if (data.length > 0 || status !== 0x9000) break;
				}
				// A spoilt tag makes a segment another function, or none: the load ends then too.
				expect(answers.at(-1)).toMatch(/^(BF37|6a80|6a88|6985|9000)/);
				expect(await bench.ask("BF2D00")).toBe("BF2D02A000");
			}),
			{ numRuns: 60 },
		);
		expect(bench.errors).toEqual([]);
	});

	it("a package that is larger than the card takes is answered by sizeOverflow", async () => {
		const bench = await new CardBench().start();
		const eim = await new TestEim().associate(bench);
		const defaultDpAddress = "x".repeat(40_000);
		const answer = await bench.es10(eim.request(bench, { psmoList: [{ setDefaultDpAddress: { defaultDpAddress } }] }));
		expect(toHex(answer.data)).toContain("02010F5F37");
	});

	it("a result that would grow too large ends with resultSizeOverflow", async () => {
		const bench = await new CardBench({ fileSystems: profileFileSystems() }).start();
		const eim = await new TestEim().associate(bench);
		const psmoList = Array.from({ length: 2000 }, () => ({ getRAT: {} }));
		const { euiccResult } = await eim.load(bench, { psmoList });
		expect(euiccResult.at(-1)).toEqual({ processingTerminated: 1 });
		expect(euiccResult.length).toBeGreaterThan(500);
	});
});

describe("a terminal that goes on with a profile that is gone", () => {
	it("writes for nothing until it answers the REFRESH", async () => {
		const writing = {
			install: () => undefined,
			open: (storage: { put(key: string, value: Uint8Array): void }) => ({
				openSession: () => ({
					transmit: () => {
						storage.put("contents", hex`01`);
						return { data: hex``, status: 0x9000 };
					},
				}),
			}),
		};
		const bench = await new CardBench({ profiles, fileSystems: writing }).start();
		const eim = await new TestEim().associate(bench);
		await eim.load(bench, { psmoList: [{ enable: { iccid: iccidOf(B) } }, { delete: { iccid: iccidOf(A) } }] });
		const before = bench.disk.read()?.length;
		expect(await bench.send("00D6000001FF")).toBe("910B");
		expect(bench.disk.read()?.length).toBe(before);
		await bench.card.reset();
		expect(await bench.send("00D6000001FF")).toBe("9000");
		expect(bench.disk.read()?.length).toBeGreaterThan(before ?? 0);
	});
});

describe("the table of ES10 functions", () => {
	it("has all of SGP.22 on an IoT card too", () => {
		for (const tag of consumerFunctions.keys()) expect(iotFunctions.has(tag)).toBe(true);
		expect(iotFunctions.size).toBe(consumerFunctions.size + 14);
	});
});
