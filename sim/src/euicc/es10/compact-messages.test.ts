import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { readTlvs, readWholeTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { AuthenticateServerRequest, CtxParams1 } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { CancelSessionRequest } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { GetEuiccChallengeResponse } from "@iot-esim/shared/messages/sgp22/euicc-data";
import { PrepareDownloadRequest } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { AuthenticateServerResponse } from "@iot-esim/shared/messages/sgp32/authenticate-server";
import { PendingNotification } from "@iot-esim/shared/messages/sgp32/notifications";
import { PrepareDownloadResponse } from "@iot-esim/shared/messages/sgp32/prepare-download";
import {
	compactAuthenticateServerResponse,
	compactCancelSessionResponse,
	compactOtherNotification,
	compactPrepareDownloadResponse,
	compactProfileInstallationResult,
	eidOfCompactNotification,
	rebuildAuthenticateServerResponse,
	rebuildCancelSessionResponse,
	rebuildOtherNotification,
	rebuildPrepareDownloadResponse,
	rebuildProfileInstallationResult,
} from "@iot-esim/shared/security/compact";
import { SecurityError } from "@iot-esim/shared/security/errors";
import { fromHex, hex, toHex } from "@iot-esim/shared/util/bytes";
import { beforeAll, describe, expect, it } from "vitest";
import { CardBench, iccidOf, testPki, tinyProfile } from "../testing/card-bench.ts";
import { type DownloadOptions, metadataFor, SMDP_ADDRESS, TestSmdp } from "../testing/test-smdp.ts";

const ICCID = "89000000000000000011";
const SMDP_OID = "2.999.10";
const METADATA_MISMATCH = 4;

/** What the card signed in one session, whole, and what an eIM knows of it. */
type Session = Awaited<ReturnType<typeof runSession>>;

async function runSession(bench: CardBench, curve: Curve, bppEuiccOtpk?: Uint8Array, hashCc?: Uint8Array) {
	const smdp = new TestSmdp(testPki(curve));
	const { euiccChallenge } = decode(GetEuiccChallengeResponse, (await bench.es10(hex`BF2E00`)).data);
	const euiccInfo2 = (await bench.es10(hex`BF2200`)).data;
	const request = smdp.authenticateServerRequest(euiccChallenge);
	const bf38 = (await bench.es10(encode(AuthenticateServerRequest, request))).data;
	const response = decode(AuthenticateServerResponse, bf38);
	if (!("authenticateResponseOk" in response)) throw new Error("not authenticated");
	const { euiccSignature1, euiccCertificate, eumCertificate } = response.authenticateResponseOk;
	const prepared = {
		...smdp.prepareDownloadRequest(euiccSignature1, bppEuiccOtpk === undefined ? {} : { bppEuiccOtpk }),
		...(hashCc === undefined ? {} : { hashCc }),
	};
	const bf21 = (await bench.es10(encode(PrepareDownloadRequest, prepared))).data;
	const download = decode(PrepareDownloadResponse, bf21);
	if (!("downloadResponseOk" in download)) throw new Error("not prepared");
	const { transactionId } = smdp;
	return {
		smdp,
		bf38,
		authentication: {
			serverSigned1: request.serverSigned1.der,
			euiccInfo2,
			euiccCertificate,
			eumCertificate,
			ctxParams1: encode(CtxParams1, request.ctxParams1),
		},
		bf21,
		preparation: { transactionId, smdpSignature2: prepared.smdpSignature2, bppEuiccOtpk, hashCc, euiccCertificate },
		euiccOtpk: download.downloadResponseOk.euiccSigned2.value.euiccOtpk,
	};
}

type Curve = "P-256" | "brainpoolP256r1";

/** Every octet of a compact form changed once, and every truncation: none may pass for what the card has signed. */
function expectNoMutationPasses(compact: Uint8Array, rebuild: (mutated: Uint8Array) => Uint8Array): void {
	for (let at = 0; at < compact.length; at++) {
		const mutated = compact.slice();
		mutated[at] = (mutated[at] as number) ^ (1 << (at % 8));
		expect(() => rebuild(mutated), `octet ${at} of ${toHex(compact)}`).toThrow(SecurityError);
		expect(() => rebuild(compact.subarray(0, at)), `${at} octets`).toThrow(SecurityError);
	}
}

describe.each<Curve>(["P-256", "brainpoolP256r1"])("compact messages of a card on %s", (curve) => {
	let bench: CardBench;
	let session: Session;

	beforeAll(async () => {
		bench = await new CardBench({ pkis: [testPki(curve)] }).start();
		session = await runSession(bench, curve);
	});

	it("AuthenticateServerResponse: without anything that the eIM knows, and back", () => {
		const { bf38, authentication } = session;
		const compact = compactAuthenticateServerResponse(bf38, authentication) as Uint8Array;
		expect(compact.length).toBeLessThan(100);
		expect(toHex(compact)).toMatch(/^BF38..A2..A0..84/);
		expect(toHex(rebuildAuthenticateServerResponse(compact, authentication))).toBe(toHex(bf38));
		expectNoMutationPasses(compact, (mutated) => rebuildAuthenticateServerResponse(mutated, authentication));
	});

	it("AuthenticateServerResponse: carries what the eIM does not know", () => {
		const { bf38, authentication } = session;
		for (const unknown of ["euiccInfo2", "euiccCertificate", "eumCertificate", "ctxParams1"] as const) {
			const { [unknown]: _, ...known } = authentication;
			const compact = compactAuthenticateServerResponse(bf38, known) as Uint8Array;
			expect(compact.length).toBeLessThan(bf38.length);
			expect(toHex(rebuildAuthenticateServerResponse(compact, known)), unknown).toBe(toHex(bf38));
			const least = compactAuthenticateServerResponse(bf38, authentication) as Uint8Array;
			expect(() => rebuildAuthenticateServerResponse(least, known)).toThrow(
				expect.objectContaining({ code: "SECURITY_COMPACT_UNKNOWN", context: { missing: unknown } }),
			);
		}
		expect(compactAuthenticateServerResponse(bf38, { serverSigned1: authentication.serverSigned1 })).toBeUndefined();
	});

	it("AuthenticateServerResponse: an extCardResource of yesterday is no obstacle, another firmware is", () => {
		const { bf38, authentication } = session;
		const replaced = (tag: number, contents: Uint8Array) => {
			const { euiccInfo2 } = authentication;
			const whole = readWholeTlv(euiccInfo2);
			const members = readTlvs(euiccInfo2, whole.valueStart, whole.end).map((member) =>
				member.tag === tag ? tlv(tag, contents) : tlvBytes(euiccInfo2, member),
			);
			return { ...authentication, euiccInfo2: tlv(0xbf22, ...members) };
		};
		const yesterday = replaced(0x84, hex`81010082030100008302`);
		const compact = compactAuthenticateServerResponse(bf38, yesterday) as Uint8Array;
		expect(compact.length).toBeLessThan(100);
		expect(toHex(rebuildAuthenticateServerResponse(compact, yesterday))).toBe(toHex(bf38));
		const older = replaced(0x83, hex`000001`);
		expect(() => rebuildAuthenticateServerResponse(compact, older)).toThrow(/euiccSignature1/);
		const whole = compactAuthenticateServerResponse(bf38, older) as Uint8Array;
		expect(toHex(whole)).toContain("BF22");
		expect(toHex(rebuildAuthenticateServerResponse(whole, older))).toBe(toHex(bf38));
	});

	it("PrepareDownloadResponse: with a one-time key, with one that the SM-DP+ named, with a confirmation code", async () => {
		const { bf21, preparation, euiccOtpk } = session;
		const first = compactPrepareDownloadResponse(bf21, preparation) as Uint8Array;
		expect(toHex(first)).toMatch(/^BF21818CA2818930445F4941/);
		expect(toHex(rebuildPrepareDownloadResponse(first, preparation))).toBe(toHex(bf21));
		expectNoMutationPasses(first, (mutated) => rebuildPrepareDownloadResponse(mutated, preparation));

		const again = await runSession(bench, curve, euiccOtpk, new Uint8Array(32).fill(0xcc));
		const second = compactPrepareDownloadResponse(again.bf21, again.preparation) as Uint8Array;
		expect(toHex(second)).toMatch(/^BF21..A2..30005F3740/);
		expect(toHex(rebuildPrepareDownloadResponse(second, again.preparation))).toBe(toHex(again.bf21));
		const { hashCc: _, ...withoutHash } = again.preparation;
		const third = compactPrepareDownloadResponse(again.bf21, withoutHash) as Uint8Array;
		expect(toHex(third)).toContain(`0420${"CC".repeat(32)}`);
		expect(toHex(rebuildPrepareDownloadResponse(third, withoutHash))).toBe(toHex(again.bf21));
		expect(() => rebuildPrepareDownloadResponse(second, { ...again.preparation, bppEuiccOtpk: undefined })).toThrow(
			expect.objectContaining({ code: "SECURITY_COMPACT_UNKNOWN" }),
		);
	});

	it("CancelSessionResponse: with its reason, and without the one that follows from the eIM's answer", async () => {
		const { smdp, authentication } = await runSession(bench, curve);
		const { transactionId } = smdp;
		const bf41 = (await bench.es10(encode(CancelSessionRequest, { transactionId, reason: METADATA_MISMATCH }))).data;
		const { euiccCertificate } = authentication;
		const known = { transactionId, smdpOid: SMDP_OID, euiccCertificate };
		const compact = compactCancelSessionResponse(bf41, known) as Uint8Array;
		expect(toHex(compact)).toMatch(/^BF41..A2..3003800104/);
		expect(toHex(rebuildCancelSessionResponse(compact, known))).toBe(toHex(bf41));
		expectNoMutationPasses(compact, (mutated) => rebuildCancelSessionResponse(mutated, known));
		const least = compactCancelSessionResponse(bf41, { ...known, reason: METADATA_MISMATCH }) as Uint8Array;
		expect(toHex(least)).toMatch(/^BF41..A2..30005F37/);
		expect(toHex(rebuildCancelSessionResponse(least, { ...known, reason: METADATA_MISMATCH }))).toBe(toHex(bf41));
		expect(() => rebuildCancelSessionResponse(least, { ...known, reason: 0 })).toThrow(/Signature/);
		expect(() => rebuildCancelSessionResponse(least, known)).toThrow(/reason was left out/);
	});
});

describe.each<Curve>(["P-256", "brainpoolP256r1"])("compact notifications of a card on %s", (curve) => {
	const installation = { notificationAddress: SMDP_ADDRESS, iccid: iccidOf(ICCID), smdpOid: SMDP_OID };

	async function download(change: Partial<DownloadOptions> = {}) {
		const bench = await new CardBench({ pkis: [testPki(curve)] }).start();
		const options = { profile: tinyProfile(ICCID), metadata: metadataFor(ICCID), ...change };
		const bf37 = await new TestSmdp(testPki(curve)).download(bench, options);
		return { bench, bf37, known: { ...installation, euiccCertificate: testPki(curve).euicc.certificate } };
	}

	it("ProfileInstallationResult of a success: two octets of the AID, no answer of the profile", async () => {
		const { bf37, known } = await download();
		const compact = compactProfileInstallationResult(bf37, known) as Uint8Array;
		expect(toHex(compact)).toMatch(/^A0..A0..8010.{32}02(01..|02....)A206A0044F0200105F37/);
		expect(toHex(rebuildProfileInstallationResult(compact, known))).toBe(toHex(bf37));
		expectNoMutationPasses(compact, (mutated) => rebuildProfileInstallationResult(mutated, known));
		const fromZero = fromHex(toHex(compact).replace("4F020010", "4F021000"));
		expect(toHex(rebuildProfileInstallationResult(fromZero, known)), "octets counted from 0").toBe(toHex(bf37));
		expect(compactProfileInstallationResult(bf37, { ...known, notificationAddress: "other.example" })).toBeUndefined();
		expect(() => rebuildProfileInstallationResult(compact, { ...known, iccid: undefined })).toThrow(/iccid was left/);
	});

	it("ProfileInstallationResult of a failure, before and after the card knew the ICCID", async () => {
		const late = await download({ profile: hex`A003800102` });
		const broken = await download({
			binding: { storeMetadataDer: hex`BF250101` },
		});
		for (const { bf37, known } of [late, broken]) {
			const compact = compactProfileInstallationResult(bf37, known) as Uint8Array;
			expect(compact.length).toBeLessThan(bf37.length);
			expect(toHex(rebuildProfileInstallationResult(compact, known))).toBe(toHex(bf37));
		}
		const withoutIccid = compactProfileInstallationResult(broken.bf37, broken.known) as Uint8Array;
		expect(toHex(withoutIccid)).toContain("010100A2");
	});

	it("other notifications: without certificates, with the EID", async () => {
		const { bench } = await download();
		await bench.ask(`BF3111A00C5A0A${toHex(iccidOf(ICCID))}810100`);
		const list = fromHex(await bench.ask("BF2B00"));
		const whole = readWholeTlv(list);
		const [arm] = readTlvs(list, whole.valueStart, whole.end);
		if (arm === undefined) throw new Error("no list");
		const notifications = readTlvs(list, arm.valueStart, arm.end).filter(({ tag }) => tag === 0x30);
		expect(notifications.length).toBeGreaterThan(0);
		const { euicc, eum, eid } = testPki(curve);
		const known = {
			eidValue: fromHex(eid),
			euiccCertificate: euicc.certificate,
			eumCertificate: eum.certificate,
		};
		for (const notification of notifications) {
			const full = tlvBytes(list, notification);
			const compact = compactOtherNotification(full, known) as Uint8Array;
			expect(toHex(compact)).toMatch(new RegExp(`^A1(81)?..5A10${eid}BF2F`));
			expect(toHex(eidOfCompactNotification(compact) ?? hex``)).toBe(eid);
			expect(decode(PendingNotification, compact)).toHaveProperty("compactOtherSignedNotification");
			expect(toHex(rebuildOtherNotification(compact, known))).toBe(toHex(full));
			expectNoMutationPasses(compact, (mutated) => rebuildOtherNotification(mutated, known));
			expect(() => rebuildOtherNotification(compact, { eidValue: known.eidValue })).toThrow(
				/euiccCertificate was left/,
			);
			const stranger = { ...known, euiccCertificate: eum.certificate };
			expect(compactOtherNotification(full, stranger)).toBeUndefined();
		}
	});
});
