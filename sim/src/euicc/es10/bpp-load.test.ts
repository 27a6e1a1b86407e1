import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { generateKeyPair, signRaw } from "@iot-esim/shared/crypto/ecdsa";
import { PprIds } from "@iot-esim/shared/messages/sgp22/profile-info";
import { ProfileInstallationResult } from "@iot-esim/shared/messages/sgp22/profile-installation-result";
import { ProfileInfoListResponse, StoreMetadataRequest } from "@iot-esim/shared/messages/sgp32/profile-info";
import { segmentBoundProfilePackage } from "@iot-esim/shared/security/bound-profile-package";
import { concatBytes, fromHex, hex, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import type { BenchOptions } from "../testing/card-bench.ts";
import { CardBench, iccidOf, testPki, tinyProfile } from "../testing/card-bench.ts";
import { type DownloadOptions, isSignedByCard, metadataFor, SMDP_ADDRESS, TestSmdp } from "../testing/test-smdp.ts";

const ICCID = "89000000000000000011";
const OTHER = "89000000000000000022";
const good: DownloadOptions = { profile: tinyProfile(ICCID), metadata: metadataFor(ICCID) };

/** The result with its signature verified. */
function resultOf(der: Uint8Array, curve: "P-256" | "brainpoolP256r1" = "P-256") {
	const { profileInstallationResultData: data, euiccSignPIR } = decode(ProfileInstallationResult, der);
	expect(toHex(data.der).slice(0, 4)).toBe("BF27");
	expect(isSignedByCard(testPki(curve).euicc.certificate, data.der, euiccSignPIR)).toBe(true);
	return data.value;
}

async function profilesOf(bench: CardBench) {
	const list = decode(ProfileInfoListResponse, fromHex(await bench.ask("BF2D00")));
	if (!("profileInfoListOk" in list)) throw new Error("no list");
	return list.profileInfoListOk;
}

/** Expects this error, an empty card afterwards, and the signed result among the notifications. */
async function expectFailure(
	options: DownloadOptions,
	expected: { bppCommandId: number; errorReason: number; simaResponse?: Uint8Array },
	benchOptions: BenchOptions = {},
) {
	const bench = await new CardBench(benchOptions).start();
	const before = await profilesOf(bench);
	const result = await new TestSmdp(testPki()).download(bench, options);
	expect(resultOf(result).finalResult).toEqual({ errorResult: expected });
	expect(await profilesOf(bench)).toEqual(before);
	expect(await bench.ask("BF2B00")).toContain(toHex(result));
	expect(await bench.send("81E2910004A10288AA")).toBe("6A88");
	expect(bench.errors).toEqual([]);
	return bench;
}

describe("the load of a Bound Profile Package", () => {
	it.each(["P-256", "brainpoolP256r1"] as const)("installs a profile on %s and signs the result", async (curve) => {
		const bench = await new CardBench({ pkis: [testPki(curve)] }).start();
		const smdp = new TestSmdp(testPki(curve));
		const result = resultOf(await smdp.download(bench, good), curve);
		expect(result.transactionId).toEqual(smdp.transactionId);
		expect(result.smdpOid).toBe("2.999.10");
		expect(result.notificationMetadata).toMatchObject({ seqNumber: 1, notificationAddress: SMDP_ADDRESS });
		expect(toHex(result.notificationMetadata.iccid ?? hex``)).toBe(toHex(iccidOf(ICCID)));
		expect(result.finalResult).toEqual({
			successResult: { aid: hex`A0000005591010FFFFFFFF8900001000`, simaResponse: hex`3007A0053003800100` },
		});
		const [profile] = await profilesOf(bench);
		expect(profile).toMatchObject({ profileState: 0, profileName: "Profile 011", profileClass: 2 });
	});

	it("uses both curves of one card, each with its own keys", async () => {
		const brainpool = testPki("brainpoolP256r1");
		const bench = await new CardBench({ pkis: [testPki(), brainpool] }).start();
		resultOf(await new TestSmdp(testPki()).download(bench, good));
		const second = { profile: tinyProfile(OTHER), metadata: metadataFor(OTHER) };
		resultOf(await new TestSmdp(brainpool).download(bench, second), "brainpoolP256r1");
		expect(await profilesOf(bench)).toHaveLength(2);
	});

	it("takes profile protection keys, many blocks, and segments of any cut", async () => {
		const long = { ...good, metadata: metadataFor(ICCID, { iconType: 1, icon: new Uint8Array(1024).fill(7) }) };
		const keys = { senc: hex`00000000000000000000000000000001`, smac: hex`02020202020202020202020202020202` };
		const binding = { profileProtectionKeys: { ...keys, initialMcv: new Uint8Array(16) } };
		const padding = new Uint8Array(5000).fill(0xaa);
		const profile = concatBytes(
			tinyProfile(ICCID).subarray(0, -7),
			hex`8F821388`,
			padding,
			tinyProfile(ICCID).slice(-7),
		);
		const cuts = [undefined, (bpp: Uint8Array) => [bpp.subarray(0, 40_000)]];
		for (const cut of cuts) {
			const bench = await new CardBench().start();
			const options = { ...long, profile, binding, ...(cut ? { cut } : {}) };
			expect(resultOf(await new TestSmdp(testPki()).download(bench, options)).finalResult).toHaveProperty(
				"successResult",
			);
		}
	});

	it("keeps ConfigureISDP data and shows it when asked for", async () => {
		const bench = await new CardBench().start();
		const binding = { configureISDP: { dpProprietaryData: { dpOid: "2.999.10" } } };
		await new TestSmdp(testPki()).download(bench, { ...good, binding });
		expect(await bench.ask("BF2D035C01B8")).toBe("BF2D0BA009E307B805800388370A");
	});

	it("gives the next profile the next AID and every notification its own number", async () => {
		const bench = await new CardBench().start();
		await new TestSmdp(testPki()).download(bench, good);
		const metadata = metadataFor(OTHER, {
			notificationConfigurationInfo: [
				{ profileManagementOperation: "1", notificationAddress: "other.example.com" },
				{ profileManagementOperation: "1", notificationAddress: SMDP_ADDRESS },
			],
		});
		const result = resultOf(await new TestSmdp(testPki()).download(bench, { profile: tinyProfile(OTHER), metadata }));
		expect(result.finalResult).toMatchObject({ successResult: { aid: hex`A0000005591010FFFFFFFF8900001100` } });
		const list = await bench.ask("BF2800");
		expect(list.match(/BF2F/g)).toHaveLength(3);
		expect(list).toContain(toHex(new TextEncoder().encode("other.example.com")));
	});

	it("reports a loss of power in mid-load as an interruption, and the second try uses the same one-time key", async () => {
		const bench = await new CardBench().start();
		const smdp = new TestSmdp(testPki());
		const otpk = await smdp.prepare(bench, (await smdp.authenticate(bench)).euiccSignature1);
		const segments = segmentBoundProfilePackage(smdp.bind(otpk, good));
		for (const [sent, bppCommandId] of [
			[1, 1],
			[2, 1],
			[3, 2],
			[4, 2],
			[5, 5],
		] as const) {
			for (const segment of segments.slice(0, sent)) await bench.es10(segment);
			await bench.restart();
			const pending = await bench.ask("BF2B00");
			const result = resultOf(fromHex(pending.slice(pending.indexOf("BF37"))));
			expect(result.finalResult).toEqual({ errorResult: { bppCommandId, errorReason: 11 } });
			expect(result.transactionId).toEqual(smdp.transactionId);
			expect(await profilesOf(bench)).toEqual([]);
			await bench.ask(`BF3003${toHex(Uint8Array.of(0x80, 1, result.notificationMetadata.seqNumber))}`);
			const again = await smdp.prepare(bench, (await smdp.authenticate(bench)).euiccSignature1, otpk);
			expect(toHex(again)).toBe(toHex(otpk));
		}
		expect(resultOf(await smdp.load(bench, smdp.bind(otpk, good))).finalResult).toHaveProperty("successResult");
		const fresh = await smdp.prepare(bench, (await smdp.authenticate(bench)).euiccSignature1, otpk);
		expect(toHex(fresh), "a used key is gone").not.toBe(toHex(otpk));
	});

	it("is ended by any other function, and by the start of another package", async () => {
		const bench = await new CardBench().start();
		const smdp = new TestSmdp(testPki());
		const otpk = await smdp.prepare(bench, (await smdp.authenticate(bench)).euiccSignature1);
		const [first, second] = segmentBoundProfilePackage(smdp.bind(otpk, good)) as [Uint8Array, Uint8Array];
		await bench.es10(first);
		expect(await bench.ask("BF2B00")).toContain("BF37");
		expect((await bench.es10(second)).status).toBe(0x6a88);
		expect((await bench.es10(first)).status).toBe(0x6985);
	});

	describe("reports each failure with its command and reason", () => {
		it("InitialiseSecureChannel: a signature of another key (0, 2)", () =>
			expectFailure(
				{ ...good, binding: { privateKey: generateKeyPair("P-256").privateKey } },
				{ bppCommandId: 0, errorReason: 2 },
			));
		it("InitialiseSecureChannel: another transaction (0, 3)", () =>
			expectFailure({ ...good, binding: { transactionId: hex`FF` } }, { bppCommandId: 0, errorReason: 3 }));
		it("InitialiseSecureChannel: octets that are no request (0, 1)", () =>
			expectFailure(
				{ ...good, tamper: (bpp) => changed(bpp, indexOf(bpp, hex`820101`), 0x8f) },
				{ bppCommandId: 0, errorReason: 1 },
			));
		it.each([
			["another key type than AES (0, 4)", hex`A60C800188`, 4, 0x80, 4],
			["another key length than 16 (0, 4)", hex`810110`, 2, 0x18, 4],
			["another operation than installing (0, 5)", hex`820101`, 2, 0x02, 5],
		])("InitialiseSecureChannel: %s", async (_what, part, offset, value, errorReason) => {
			const bench = await new CardBench().start();
			const smdp = new TestSmdp(testPki());
			const otpk = await smdp.prepare(bench, (await smdp.authenticate(bench)).euiccSignature1);
			const bpp = smdp.bind(otpk, good);
			const result = await smdp.load(bench, resigned(changed(bpp, indexOf(bpp, part) + offset, value), otpk, bench));
			expect(resultOf(result).finalResult).toEqual({ errorResult: { bppCommandId: 0, errorReason } });
		});
		it("ConfigureISDP: a changed MAC (1, 8)", () =>
			expectFailure(
				{ ...good, tamper: (bpp) => flipped(bpp, indexOf(bpp, hex`A01A87`) + 10) },
				{ bppCommandId: 1, errorReason: 8 },
			));
		it("ConfigureISDP: another host's keys (1, 8)", () =>
			expectFailure({ ...good, binding: { eid: new Uint8Array(16) } }, { bppCommandId: 1, errorReason: 8 }));
		it("ConfigureISDP: a block of another tag (1, 7)", () =>
			expectFailure(
				{ ...good, tamper: (bpp) => changed(bpp, indexOf(bpp, hex`A01A87`) + 2, 0x86) },
				{ bppCommandId: 1, errorReason: 7 },
			));
		it("StoreMetadata: changed octets (2, 8)", () =>
			expectFailure(
				{ ...good, tamper: (bpp) => flipped(bpp, indexOf(bpp, encode(StoreMetadataRequest, good.metadata)) + 20) },
				{ bppCommandId: 2, errorReason: 8 },
			));
		it("StoreMetadata: octets that are no metadata (2, 1)", () =>
			expectFailure({ ...good, binding: { storeMetadataDer: hex`BF25025A00` } }, { bppCommandId: 2, errorReason: 1 }));
		it("StoreMetadata: an icon without its type (2, 1)", () =>
			expectFailure({ ...good, metadata: metadataFor(ICCID, { icon: hex`01` }) }, { bppCommandId: 2, errorReason: 1 }));
		it("StoreMetadata: a class that the card does not take (2, 6)", async () => {
			const test = { ...good, metadata: metadataFor(ICCID, { profileClass: 0 }) };
			await expectFailure(test, { bppCommandId: 2, errorReason: 6 }, { card: { supportsTestProfiles: false } });
			const bench = await new CardBench().start();
			expect(resultOf(await new TestSmdp(testPki()).download(bench, test)).finalResult).toHaveProperty("successResult");
		});
		it("StoreMetadata: an ICCID that is there already (2, 9)", () =>
			expectFailure(
				good,
				{ bppCommandId: 2, errorReason: 9 },
				{ profiles: [{ unprotectedProfilePackage: tinyProfile(ICCID), isEnabled: false }] },
			));
		it("StoreMetadata: a policy rule that the RAT gives to others only (2, 15)", async () => {
			const rulesAuthorisationTable = [
				{ pprIds: "01", allowedOperators: [{ mccMnc: hex`62F07E` }], consentRequired: false },
			];
			const of = (mccMnc: Uint8Array, ...rules: ("ppr1" | "ppr2")[]) => ({
				...good,
				metadata: metadataFor(ICCID, { profilePolicyRules: PprIds.of(...rules), profileOwner: { mccMnc } }),
			});
			const card = { rulesAuthorisationTable };
			await expectFailure(of(hex`62F612`, "ppr1"), { bppCommandId: 2, errorReason: 15 }, { card });
			await expectFailure(of(hex`62F071`, "ppr1", "ppr2"), { bppCommandId: 2, errorReason: 15 }, { card });
			const bench = await new CardBench({ card }).start();
			const result = resultOf(await new TestSmdp(testPki()).download(bench, of(hex`62F071`, "ppr1")));
			expect(result.finalResult).toHaveProperty("successResult");
		});
		it("LoadProfileElements: a changed block (5, 8)", () =>
			expectFailure({ ...good, tamper: (bpp) => flipped(bpp, bpp.length - 20) }, { bppCommandId: 5, errorReason: 8 }));
		it("LoadProfileElements: more than the card has room for (5, 10)", () =>
			expectFailure(good, { bppCommandId: 5, errorReason: 10 }, { card: { profileMemory: 60 } }));
		it("LoadProfileElements: elements that cannot be installed (5, 12), with the EUICCResponse", () =>
			expectFailure(
				{ ...good, profile: tinyProfile(ICCID).subarray(0, -7) },
				{ bppCommandId: 5, errorReason: 12, simaResponse: hex`3007A0053003800103` },
			));
		it("LoadProfileElements: the profile of another ICCID (5, 13)", () =>
			expectFailure({ ...good, profile: tinyProfile(OTHER) }, { bppCommandId: 5, errorReason: 13 }));
	});
});

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
	const at = toHex(bytes).indexOf(toHex(part)) / 2;
	if (!Number.isInteger(at) || at < 0) throw new Error(`${toHex(part)} is not in the package`);
	return at;
}

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
	const copy = bytes.slice();
	copy[at] = value;
	return copy;
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
	return changed(bytes, at, (bytes[at] as number) ^ 0xff);
}

/** The package with a good signature over its changed InitialiseSecureChannel. */
function resigned(bpp: Uint8Array, otpk: Uint8Array, { pki }: CardBench): Uint8Array {
	const start = indexOf(bpp, hex`BF23`);
	const signature = indexOf(bpp, hex`5F3740`);
	const contents = bpp.subarray(start + 4, signature);
	const signed = concatBytes(contents[0] === 0x82 ? contents : bpp.subarray(start + 3, signature), hex`5F4941`, otpk);
	const copy = bpp.slice();
	copy.set(signRaw(pki.dpPb.privateKey, signed), signature + 3);
	return copy;
}
