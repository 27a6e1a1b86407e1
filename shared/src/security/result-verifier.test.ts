import { describe, expect, it } from "vitest";
import { decode, encode, keep } from "../asn1/schema.ts";
import type { Curve } from "../crypto/curve.ts";
import { generateKeyPair, signDer, signRaw } from "../crypto/ecdsa.ts";
import { EuiccCancelSessionSigned } from "../messages/sgp22/cancel-session.ts";
import { NotificationEvent, NotificationMetadata } from "../messages/sgp22/notification-metadata.ts";
import { ProfileInstallationResultData } from "../messages/sgp22/profile-installation-result.ts";
import { EuiccPackageRequest } from "../messages/sgp32/euicc-package.ts";
import { EuiccPackageResult } from "../messages/sgp32/euicc-package-result.ts";
import { concatBytes, hex, toHex } from "../util/bytes.ts";
import {
	signEuiccPackage,
	signEuiccPackageError,
	signEuiccPackageResult,
	verifyEuiccPackage,
} from "./package-signature.ts";
import {
	verifyCancelSession,
	verifyEuiccPackageResult,
	verifyOtherNotification,
	verifyProfileInstallationResult,
} from "./result-verifier.ts";
import { eimSignatureInput, euiccSignature2Input, smdpSignature2Input, smdpSignInput } from "./signature-input.ts";

const eidValue = hex`89049032123451234512345678901235`;
const iccid = hex`98001032547698103214`;
const invalid = expect.objectContaining({ code: "SECURITY_SIGNATURE_INVALID" });
const data = { eimId: "eim1", counterValue: 5, seqNumber: 7, euiccResult: [{ enableResult: 0 }] };
const metadata: NotificationMetadata = {
	seqNumber: 3,
	profileManagementOperation: NotificationEvent.of("notificationInstall"),
	notificationAddress: "smdp.example.com",
	iccid,
};

describe("signature inputs (SGP.22 and SGP.32)", () => {
	it("put the association token behind the signed structure, as INTEGER under tag 84", () => {
		expect(toHex(eimSignatureInput(hex`3000`, 0))).toBe("3000840100");
		expect(toHex(eimSignatureInput(hex`3000`, 1))).toBe("3000840101");
		expect(toHex(eimSignatureInput(hex`3000`, 128))).toBe("300084020080");
		expect(toHex(eimSignatureInput(hex`3000`, -1))).toBe("30008401FF");
	});

	it("put the signature that is answered behind smdpSigned2 and euiccSigned2", () => {
		const signature = new Uint8Array(64).fill(0xab);
		const expected = `30005F3740${"AB".repeat(64)}`;
		expect(toHex(smdpSignature2Input(hex`3000`, signature))).toBe(expected);
		expect(toHex(euiccSignature2Input(hex`3000`, signature))).toBe(expected);
	});

	it("join the fields of InitialiseSecureChannel with the one-time key of the eUICC", () => {
		const fields = hex`820101 800101 A609 800188 810110 8401AA 5F490104`;
		const otpk = new Uint8Array(65).fill(4);
		const signed = concatBytes(fields, hex`5F4941`, otpk);
		expect(smdpSignInput(concatBytes(Uint8Array.of(0xbf, 0x23, fields.length), fields), otpk)).toEqual(signed);
		const withSignature = concatBytes(Uint8Array.of(0xbf, 0x23, fields.length + 5), fields, hex`5F3702ABCD`);
		expect(smdpSignInput(withSignature, otpk)).toEqual(signed);
		expect(() => smdpSignInput(hex`BF2400`, otpk)).toThrow(/BF23/);
	});
});

describe.each<Curve>(["P-256", "brainpoolP256r1"])("packages and results on %s", (curve) => {
	const { privateKey, publicKey } = generateKeyPair(curve);
	const stranger = generateKeyPair(curve);

	it("verifies a package as received, with the token of the association only", () => {
		const request = signEuiccPackage({
			euiccPackageSigned: {
				eimId: "eim1",
				eidValue,
				counterValue: 9,
				euiccPackage: { psmoList: [{ enable: { iccid, rollbackFlag: null } }] },
			},
			associationToken: 4,
			privateKey,
		});
		const sent = decode(EuiccPackageRequest, encode(EuiccPackageRequest, request));
		expect(verifyEuiccPackage({ request: sent, associationToken: 4, publicKey }).counterValue).toBe(9);
		expect(() => verifyEuiccPackage({ request: sent, associationToken: 5, publicKey })).toThrow(invalid);
		expect(() => verifyEuiccPackage({ request: sent, associationToken: 4, publicKey: stranger.publicKey })).toThrow(
			invalid,
		);
	});

	it("verifies a result with any candidate token and names the one that was used", () => {
		const signed = signEuiccPackageResult({ data, associationToken: 77, privateKey });
		const result = decode(EuiccPackageResult, encode(EuiccPackageResult, signed));
		const verified = verifyEuiccPackageResult({ result, associationTokens: [1, 77], publicKey });
		expect(verified).toMatchObject({ kind: "result", associationToken: 77, data: { counterValue: 5, seqNumber: 7 } });
		expect(() => verifyEuiccPackageResult({ result, associationTokens: [1], publicKey })).toThrow(invalid);
		expect(() => verifyEuiccPackageResult({ result, associationTokens: [77], publicKey: stranger.publicKey })).toThrow(
			invalid,
		);
	});

	it("tries the token 0 by itself, and takes a DER signature of a laboratory device", () => {
		const signed = signEuiccPackageResult({ data, associationToken: 0, privateKey });
		expect(verifyEuiccPackageResult({ result: signed, associationTokens: [], publicKey }).associationToken).toBe(0);
		if (!("euiccPackageResultSigned" in signed)) throw new Error("not a signed result");
		const { euiccPackageResultDataSigned } = signed.euiccPackageResultSigned;
		const euiccSignEPR = signDer(privateKey, eimSignatureInput(euiccPackageResultDataSigned.der, 0));
		const lab = { euiccPackageResultSigned: { euiccPackageResultDataSigned, euiccSignEPR } };
		expect(verifyEuiccPackageResult({ result: lab, associationTokens: [], publicKey }).kind).toBe("result");
	});

	it("verifies a signed error, and refuses an unsigned one as such", () => {
		const { seqNumber: _, euiccResult: __, ...head } = data;
		const error = signEuiccPackageError({
			data: { ...head, euiccPackageErrorCode: 4 },
			associationToken: 1,
			privateKey,
		});
		expect(verifyEuiccPackageResult({ result: error, associationTokens: [1], publicKey })).toMatchObject({
			kind: "error",
			data: { euiccPackageErrorCode: 4 },
		});
		const unsigned = { euiccPackageErrorUnsigned: { eimId: "eim1" } };
		expect(() => verifyEuiccPackageResult({ result: unsigned, associationTokens: [1], publicKey })).toThrow(
			expect.objectContaining({ code: "SECURITY_RESULT_UNSIGNED" }),
		);
	});

	it("refuses a result of which any signed octet was changed", () => {
		const signed = signEuiccPackageResult({ data, associationToken: 1, privateKey });
		if (!("euiccPackageResultSigned" in signed)) throw new Error("not a signed result");
		const { euiccPackageResultDataSigned: kept, euiccSignEPR } = signed.euiccPackageResultSigned;
		for (let i = 0; i < kept.der.length; i++) {
			const changed = { value: kept.value, der: kept.der.with(i, (kept.der[i] as number) ^ 1) };
			const result = { euiccPackageResultSigned: { euiccPackageResultDataSigned: changed, euiccSignEPR } };
			expect(() => verifyEuiccPackageResult({ result, associationTokens: [1], publicKey })).toThrow(invalid);
		}
	});

	it("verifies notifications and cancelled sessions over their whole TLV", () => {
		const pirData = keep(ProfileInstallationResultData, {
			transactionId: hex`01`,
			notificationMetadata: metadata,
			smdpOid: "2.999.10",
			finalResult: {
				successResult: { aid: hex`A0000005591010FFFFFFFF8900001100`, simaResponse: hex`3007A0053003800100` },
			},
		});
		const pir = { profileInstallationResultData: pirData, euiccSignPIR: signRaw(privateKey, pirData.der) };
		expect(verifyProfileInstallationResult(pir, publicKey).smdpOid).toBe("2.999.10");
		expect(() => verifyProfileInstallationResult(pir, stranger.publicKey)).toThrow(invalid);

		const tbsOtherNotification = keep(NotificationMetadata, metadata);
		const other = {
			tbsOtherNotification,
			euiccNotificationSignature: signRaw(privateKey, tbsOtherNotification.der),
			euiccCertificate: hex`3000`,
			eumCertificate: hex`3000`,
		};
		expect(verifyOtherNotification(other, publicKey).seqNumber).toBe(3);
		expect(() => verifyOtherNotification(other, stranger.publicKey)).toThrow(invalid);

		const euiccCancelSessionSigned = keep(EuiccCancelSessionSigned, {
			transactionId: hex`01`,
			smdpOid: "2.999.10",
			reason: 1,
		});
		const euiccCancelSessionSignature = signRaw(privateKey, euiccCancelSessionSigned.der);
		const cancel = { euiccCancelSessionSigned, euiccCancelSessionSignature };
		expect(verifyCancelSession(cancel, publicKey).reason).toBe(1);
		expect(() => verifyCancelSession(cancel, stranger.publicKey)).toThrow(invalid);
		expect(toHex(euiccCancelSessionSigned.der)).toBe("300B800101810388370A820101");
	});
});
