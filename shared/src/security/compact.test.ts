import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encode, keep } from "../asn1/schema.ts";
import { readTlv } from "../asn1/tlv-reader.ts";
import { tlv } from "../asn1/tlv-writer.ts";
import { generateKeyPair, signRaw } from "../crypto/ecdsa.ts";
import { EuiccCancelSessionSigned } from "../messages/sgp22/cancel-session.ts";
import { NotificationMetadata } from "../messages/sgp22/notification-metadata.ts";
import { EUICCSigned2 } from "../messages/sgp22/prepare-download.ts";
import { ProfileInstallationResultData } from "../messages/sgp22/profile-installation-result.ts";
import { PendingNotification } from "../messages/sgp32/notifications.ts";
import { issueCi } from "../pki/issue-roles.ts";
import { concatBytes, hex, toHex } from "../util/bytes.ts";
import {
	compactAuthenticateServerResponse,
	compactCancelSessionResponse,
	compactOtherNotification,
	compactPrepareDownloadResponse,
	compactProfileInstallationResult,
	rebuildAuthenticateServerResponse,
	rebuildCancelSessionResponse,
	rebuildOtherNotification,
	rebuildPrepareDownloadResponse,
	rebuildProfileInstallationResult,
} from "./compact.ts";
import { SecurityError } from "./errors.ts";

const signer = generateKeyPair("P-256");
/** Any certificate of the signer's key will do: chains are not looked at here. */
const euiccCertificate = issueCi({
	random: { bytes: (count) => new Uint8Array(count).fill(1) },
	validity: { notBefore: 0, notAfter: 4_000_000_000_000 },
	keyPair: signer,
	subject: { commonName: "eUICC" },
});
const eumCertificate = tlv(0x30, hex`020101`);
const sign = (...signed: Uint8Array[]) => tlv(0x5f37, signRaw(signer.privateKey, concatBytes(...signed)));

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const perhaps = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
/** A field of a later version, which stands at the end of a SEQUENCE. */
const later = fc.constantFrom(hex``, hex``, hex`9F7F0101`);
const info2 = fc.tuple(octets(9), octets(3), later).map(([extCardResource, firmware, rest]) => ({
	...{ extCardResource, firmware, rest },
	der: (resource: Uint8Array) =>
		concatBytes(
			tlv(
				0xbf22,
				hex`8103020301 8203020200`,
				tlv(0x83, firmware),
				tlv(0x84, resource),
				hex`850204F0 88020780 A902 0400 AA02 0400 0403 010000 0C00`,
				rest,
			),
		),
}));

const runs = { numRuns: 60 };

describe("a compact form stands for exactly one full form", () => {
	it("AuthenticateServerResponse, whatever the eIM knows and whatever the card adds", () => {
		const known = fc.record({ info: fc.boolean(), cert: fc.boolean(), eum: fc.boolean(), ctx: fc.boolean() });
		fc.assert(
			fc.property(octets(16), octets(9), info2, later, known, (challenge, oldResource, info, rest, eim) => {
				const transactionId = hex`80 04 01020304`;
				const address = hex`83 07 61 2E 62 2E 63 2E 64`;
				const serverSigned1 = tlv(0x30, transactionId, tlv(0x81, challenge), address, tlv(0x84, challenge));
				const ctxParams1 = hex`A0 0C 8002 4D31 A106 8004 35290611`;
				const ctx = tlv(0xa0, hex`8002 4D31`, tlv(0xa1, hex`8004 35290611 A100`));
				const euiccSigned1 = tlv(
					0x30,
					...[transactionId, address, tlv(0x84, challenge), info.der(info.extCardResource), ctx, rest],
				);
				const full = tlv(0xbf38, tlv(0xa0, euiccSigned1, sign(euiccSigned1), euiccCertificate, eumCertificate));
				const knowledge = {
					serverSigned1,
					...(eim.info ? { euiccInfo2: info.der(oldResource) } : {}),
					...(eim.cert ? { euiccCertificate } : {}),
					...(eim.eum ? { eumCertificate } : {}),
					ctxParams1: eim.ctx ? ctx : ctxParams1,
				};
				const compact = compactAuthenticateServerResponse(full, knowledge);
				if (compact === undefined) return !eim.cert && !eim.eum && (!eim.info || rest.length > 0);
				expect(compact.length).toBeLessThan(full.length);
				return toHex(rebuildAuthenticateServerResponse(compact, knowledge)) === toHex(full);
			}),
			runs,
		);
	});

	it("PrepareDownloadResponse, whichever key and hash were used", () => {
		fc.assert(
			fc.property(
				octets(65),
				perhaps(octets(32)),
				fc.boolean(),
				fc.boolean(),
				(euiccOtpk, hashCc, isKeyKnown, isHashKnown) => {
					const transactionId = hex`0102`;
					const smdpSignature2 = new Uint8Array(64).fill(2);
					const signed = encode(EUICCSigned2, { transactionId, euiccOtpk, ...(hashCc ? { hashCc } : {}) });
					const full = tlv(0xbf21, tlv(0xa0, signed, sign(signed, tlv(0x5f37, smdpSignature2))));
					const knowledge = {
						...{ transactionId, smdpSignature2, euiccCertificate },
						bppEuiccOtpk: isKeyKnown ? euiccOtpk : undefined,
						hashCc: isHashKnown ? (hashCc ?? new Uint8Array(32)) : undefined,
					};
					const compact = compactPrepareDownloadResponse(full, knowledge);
					// A hash that the card did not sign, though the eIM sent one, cannot be said by leaving it out.
					if (compact === undefined) return isHashKnown && hashCc === undefined;
					return toHex(rebuildPrepareDownloadResponse(compact, knowledge)) === toHex(full);
				},
			),
			runs,
		);
	});

	it("CancelSessionResponse, for any reason", () => {
		fc.assert(
			fc.property(fc.integer({ min: 0, max: 127 }), perhaps(fc.integer({ min: 0, max: 127 })), (reason, expected) => {
				const transactionId = hex`0102`;
				const signed = encode(EuiccCancelSessionSigned, { transactionId, smdpOid: "2.999.10", reason });
				const full = tlv(0xbf41, tlv(0xa0, signed, sign(signed)));
				const knowledge = { transactionId, smdpOid: "2.999.10", reason: expected, euiccCertificate };
				const compact = compactCancelSessionResponse(full, knowledge) as Uint8Array;
				return toHex(rebuildCancelSessionResponse(compact, knowledge)) === toHex(full);
			}),
			runs,
		);
	});

	it("ProfileInstallationResult, for any AID of an ISD-P and any answer of the profile", () => {
		const success = fc.record({
			tar: octets(2),
			simaResponse: fc.constantFrom(hex`3007A0053003800100`, hex`3007A0053003800103`),
		});
		const error = fc.record({ bppCommandId: fc.nat(5), errorReason: fc.nat(127) });
		fc.assert(
			fc.property(fc.oneof(success, error), fc.boolean(), fc.nat(100_000), (final, hasIccid, seqNumber) => {
				const iccid = hex`98001032547698103214`;
				const finalResult =
					"tar" in final
						? {
								successResult: {
									aid: hex`A0000005591010FFFFFFFF8900 ${final.tar} 00`,
									simaResponse: final.simaResponse,
								},
							}
						: { errorResult: final };
				const data = keep(ProfileInstallationResultData, {
					transactionId: hex`0102`,
					notificationMetadata: {
						...{ seqNumber, profileManagementOperation: "1", notificationAddress: "dp.example" },
						...(hasIccid ? { iccid } : {}),
					},
					smdpOid: "2.999.10",
					finalResult,
				});
				const full = tlv(0xbf37, data.der, sign(data.der));
				const knowledge = { notificationAddress: "dp.example", iccid, smdpOid: "2.999.10", euiccCertificate };
				const compact = compactProfileInstallationResult(full, knowledge) as Uint8Array;
				return toHex(rebuildProfileInstallationResult(compact, knowledge)) === toHex(full);
			}),
			runs,
		);
	});

	it("is not made of an ISD-P with an AID of another form, nor of other arms, nor of what cannot be read", () => {
		const successResult = { aid: hex`A0000005591010FFFFFFFF8900010001`, simaResponse: hex`` };
		const data = keep(ProfileInstallationResultData, {
			transactionId: hex`0102`,
			notificationMetadata: { seqNumber: 1, profileManagementOperation: "1", notificationAddress: "dp.example" },
			smdpOid: "2.999.10",
			finalResult: { successResult },
		});
		const full = tlv(0xbf37, data.der, sign(data.der));
		const installation = { notificationAddress: "dp.example", smdpOid: "2.999.10" };
		expect(compactProfileInstallationResult(full, installation)).toBeUndefined();
		expect(compactProfileInstallationResult(hex`BF3700`, installation)).toBeUndefined();
		expect(compactAuthenticateServerResponse(hex`BF3807A1058001010201`, { serverSigned1: hex`3000` })).toBeUndefined();
		const preparation = { transactionId: hex`01` };
		expect(compactPrepareDownloadResponse(hex`BF2108A106800101020101`, preparation)).toBeUndefined();
		expect(compactCancelSessionResponse(hex`BF4103810105`, { ...preparation, smdpOid: "2.999" })).toBeUndefined();
	});
});

describe("a compact form that the eIM cannot trust", () => {
	const tbs = encode(NotificationMetadata, {
		seqNumber: 7,
		profileManagementOperation: "01",
		notificationAddress: "dp.example",
	});
	const full = tlv(0x30, tbs, sign(tbs), euiccCertificate, eumCertificate);
	const knowledge = { eidValue: new Uint8Array(16).fill(0x89), euiccCertificate, eumCertificate };

	it("with a field of a later version is refused: it may stand for something that was signed", () => {
		const compact = compactOtherNotification(full, knowledge) as Uint8Array;
		const { valueStart } = readTlv(compact, 0);
		const longer = tlv(0xa1, compact.subarray(valueStart), hex`0501AA`);
		expect(() => rebuildOtherNotification(longer, knowledge)).toThrow(
			expect.objectContaining({ code: "SECURITY_COMPACT_STRUCTURE" }),
		);
		const ofVersion3 = tlv(0xa1, compact.subarray(valueStart), hex`0401AA`);
		expect(toHex(rebuildOtherNotification(ofVersion3, knowledge)), "with the CI key of v1.3").toBe(toHex(full));
		expect(toHex(rebuildOtherNotification(compact, knowledge))).toBe(toHex(full));
	});

	it("of another EID, of another arm or of another message is refused", () => {
		const compact = compactOtherNotification(full, knowledge) as Uint8Array;
		const other = { ...knowledge, eidValue: new Uint8Array(16) };
		expect(() => rebuildOtherNotification(compact, other)).toThrow(/it is of 8989/);
		expect(() => rebuildOtherNotification(full, knowledge)).toThrow(/it has another arm/);
		const installation = { notificationAddress: "dp.example", smdpOid: "2.999.10", euiccCertificate };
		expect(() => rebuildProfileInstallationResult(compact, installation)).toThrow(SecurityError);
	});

	it("is a signature failure when the certificate of the eUICC is none", () => {
		const compact = encode(PendingNotification, {
			compactOtherSignedNotification: {
				tbsOtherNotification: keep(NotificationMetadata, {
					seqNumber: 7,
					profileManagementOperation: "01",
					notificationAddress: "dp.example",
				}),
				euiccNotificationSignature: new Uint8Array(64),
			},
		});
		const broken = { ...knowledge, euiccCertificate: hex`3003020101` };
		expect(() => rebuildOtherNotification(compact, broken)).toThrow(
			expect.objectContaining({ code: "SECURITY_SIGNATURE_INVALID" }),
		);
	});
});
