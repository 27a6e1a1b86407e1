import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { valuesOf } from "../../../../../test/support/schema-arbitrary.ts";
import { decode, encode } from "../../../asn1/schema.ts";
import { tlv } from "../../../asn1/tlv-writer.ts";
import { fromBase64, hex, toBase64, toHex } from "../../../util/bytes.ts";
import { EsipaMessageFromEimToIpa, EsipaMessageFromIpaToEim } from "../esipa.ts";
import { HandleNotificationEsipa, TransferEimPackageRequest, TransferEimPackageResponse } from "../esipa-package.ts";
import {
	ESIPA_FUNCTION_NAMES,
	type EsipaFunctionName,
	emptyEsipaResponse,
	esipaErrorResponse,
	esipaFunctionOf,
	esipaRequestFromJson,
	esipaRequestToJson,
	esipaResponseFromJson,
	esipaResponseToJson,
} from "./esipa-json.ts";
import { ESIPA_STATUS_CODES } from "./status-codes.ts";

const ok = { functionExecutionStatus: { status: "Executed-Success" } };
const failed = (subjectCode: string, reasonCode: string) => ({
	functionExecutionStatus: { status: "Failed", statusCodeData: { subjectCode, reasonCode } },
});
const EID = "89049032123451234512345678901235";
const BF51 = hex`BF5103A20180`;

/** Message and JSON laid out by hand from SGP.32 section 6.4.1, not by this codec. */
const requests: readonly [EsipaFunctionName, string, object][] = [
	[
		"initiateAuthentication",
		"BF39 2C 8110000102030405060708090A0B0C0D0E0F 830A64702E6578616D706C65 BF2005A9038201AA 820401020304",
		{
			euiccChallenge: "AAECAwQFBgcICQoLDA0ODw==",
			smdpAddress: "dp.example",
			euiccInfo1: "vyAFqQOCAao=",
			eimTransactionId: "01020304",
		},
	],
	[
		"authenticateClient",
		"BF3B 0D 8002ABCD BF3806A104800101AA",
		{ transactionId: "ABCD", authenticateServerResponse: "vzgGoQSAAQGq" },
	],
	[
		"getBoundProfilePackage",
		"BF3A 0B 8002ABCD BF2104A0023000",
		{ transactionId: "ABCD", prepareDownloadResponse: "vyEEoAIwAA==" },
	],
	["transferEimPackage", "BF4E 06 BF5303800105", { eimAcknowledgements: "v1MDgAEF" }],
	[
		"getEimPackage",
		`BF4F 1C 5A10${EID} 8000 810101 820362F210`,
		{
			eidValue: EID,
			notifyStateChange: true,
			stateChangeCause: 1,
			rPlmn: "YvIQ",
		},
	],
	["provideEimPackageResult", `BF50 18 5A10${EID} BF5103A20180`, { eidValue: EID, eimPackageResult: "v1EDogGA" }],
	["handleNotification", "BF3D 06 A004BF370101", { pendingNotification: "vzcBAQ==" }],
	["handleNotification", "BF3D 09 BF5006BF5103A20180", { provideEimPackageResult: "v1AGv1EDogGA" }],
	["cancelSession", "BF41 09 8002ABCD A103810105", { transactionId: "ABCD", cancelSessionResponse: "v0EDgQEF" }],
];

const SIGNATURE = "11".repeat(64);
const SIGNATURE_BASE64 = toBase64(tlv(0x5f37, new Uint8Array(64).fill(0x11)));
const responses: readonly [EsipaFunctionName, string, object][] = [
	[
		"initiateAuthentication",
		`BF39 58 A056 8002ABCD 3000 5F3740${SIGNATURE} 0402AABB 3000 0C016D A202A000`,
		{
			header: ok,
			transactionId: "ABCD",
			serverSigned1: "MAA=",
			serverSignature1: SIGNATURE_BASE64,
			euiccCiPKIdentifierToBeUsed: "BAKquw==",
			serverCertificate: "MAA=",
			matchingId: "m",
			ctxParams1: "oAA=",
		},
	],
	["initiateAuthentication", "BF39 03 810134", { header: failed("8.31.2", "3.10") }],
	[
		"authenticateClient",
		`BF3B 54 A052 8002ABCD BF250102 3000 5F3740${SIGNATURE} 3000 0401CC`,
		{
			header: ok,
			transactionId: "ABCD",
			profileMetadata: "vyUBAg==",
			smdpSigned2: "MAA=",
			smdpSignature2: SIGNATURE_BASE64,
			smdpCertificate: "MAA=",
			hashCc: "BAHM",
		},
	],
	[
		"authenticateClient",
		"BF3B 09 A107 8002ABCD BF5400",
		{ header: ok, transactionId: "ABCD", profileDownloadTrigger: "v1QA" },
	],
	["authenticateClient", "BF3B 03 820106", { header: failed("8.2.6", "3.8") }],
	[
		"getBoundProfilePackage",
		"BF3A 09 A007 8002ABCD BF3600",
		{ header: ok, transactionId: "ABCD", boundProfilePackage: "vzYA" },
	],
	["getBoundProfilePackage", "BF3A 03 810132", { header: failed("8.2.9", "3.11") }],
	["transferEimPackage", "BF4E 06 BF5103A20180", { header: ok, euiccPackageResult: "v1EDogGA" }],
	[
		"transferEimPackage",
		"BF4E 0C 300A BF5103A20180 A0023000",
		{ header: ok, ePRAndNotifications: { euiccPackageResult: "v1EDogGA", notificationList: "MAIwAA==" } },
	],
	["transferEimPackage", "BF4E 02 0500", { header: ok }],
	["transferEimPackage", "BF4E 03 020102", { header: ok, eimPackageError: 2 }],
	["getEimPackage", "BF4F 05 BF54028201", { header: ok, profileDownloadTriggerRequest: "v1QCggE=" }],
	["getEimPackage", "BF4F 03 020101", { header: failed("8.1.1", "3.7"), eimPackageError: 1 }],
	["provideEimPackageResult", "BF50 06 BF5303800105", { header: ok, eimAcknowledgements: "v1MDgAEF" }],
	["provideEimPackageResult", "BF50 02 3000", { header: ok }],
	["provideEimPackageResult", "BF50 03 020102", { header: failed("8.1.1", "3.9") }],
	["cancelSession", "BF41 02 A000", { header: ok }],
	["cancelSession", "BF41 03 810101", { header: failed("8.10.1", "3.9") }],
];

const octetsOf = (text: string) => Uint8Array.from(Buffer.from(text.replace(/\s/g, ""), "hex"));

describe("ESipa between ASN.1 and JSON (SGP.32 section 6.4.1)", () => {
	it.each(requests)("knows the request of %s in both forms: %s", (called, message, json) => {
		expect(esipaRequestToJson(called, octetsOf(message))).toEqual(json);
		expect(toHex(esipaRequestFromJson(called, json))).toBe(toHex(octetsOf(message)));
		expect(esipaFunctionOf(octetsOf(message))).toBe(called);
	});

	it.each(responses)("knows the answer of %s in both forms: %s", (called, message, json) => {
		expect(esipaResponseToJson(called, octetsOf(message))).toEqual(json);
		expect(toHex(esipaResponseFromJson(called, json))).toBe(toHex(octetsOf(message)));
	});

	it("gives every request back octet by octet", () => {
		const messages = fc.oneof(
			valuesOf(EsipaMessageFromIpaToEim).map((value) => encode(EsipaMessageFromIpaToEim, value as never)),
			valuesOf(TransferEimPackageRequest).map((value) => encode(TransferEimPackageRequest, value as never)),
		);
		fc.assert(
			fc.property(messages, (message) => {
				const called = esipaFunctionOf(message) as EsipaFunctionName;
				// What an IPA answers to TransferEimPackage has the tag of its request.
				fc.pre(called !== "transferEimPackage" || isPackage(message));
				const json = JSON.parse(JSON.stringify(esipaRequestToJson(called, message)));
				expect(toHex(esipaRequestFromJson(called, json))).toBe(toHex(message));
			}),
			{ numRuns: 120 },
		);
	});

	it("gives every answer back octet by octet, errors that have a status code included", () => {
		const messages = fc.oneof(
			valuesOf(EsipaMessageFromEimToIpa).map((value) => encode(EsipaMessageFromEimToIpa, value as never)),
			valuesOf(TransferEimPackageResponse).map((value) => encode(TransferEimPackageResponse, value as never)),
		);
		fc.assert(
			fc.property(messages, (message) => {
				const called = esipaFunctionOf(message) as EsipaFunctionName;
				fc.pre(called !== "transferEimPackage" || !isPackage(message));
				const json = esipaResponseToJson(called, message);
				const { statusCodeData, status } = (
					json.header as typeof ok & { functionExecutionStatus: { statusCodeData?: object } }
				).functionExecutionStatus;
				fc.pre(status !== "Failed" || statusCodeData !== undefined || "eimPackageError" in json);
				fc.pre(json.eimPackageError !== 0);
				expect(toHex(esipaResponseFromJson(called, JSON.parse(JSON.stringify(json))))).toBe(toHex(message));
			}),
			{ numRuns: 120 },
		);
	});

	it.each(ESIPA_FUNCTION_NAMES)(
		"has one status code for one error of %s, and undefinedError for all others",
		(called) => {
			for (const [subjectCode, reasonCode, code] of ESIPA_STATUS_CODES[called]) {
				const message = esipaErrorResponse(called, code) as Uint8Array;
				expect(esipaResponseFromJson(called, { header: failed(subjectCode, reasonCode) })).toEqual(message);
				expect(esipaResponseFromJson(called, esipaResponseToJson(called, message))).toEqual(message);
			}
			const undefinedError = esipaErrorResponse(called, 127);
			if (undefinedError === undefined) return;
			expect(esipaResponseFromJson(called, { header: failed("9.9", "9.9") })).toEqual(undefinedError);
			expect(esipaResponseFromJson(called, { header: { functionExecutionStatus: { status: "Failed" } } })).toEqual(
				undefinedError,
			);
		},
	);
});

function isPackage(message: Uint8Array): boolean {
	try {
		decode(TransferEimPackageRequest, message);
		return true;
	} catch {
		return false;
	}
}

describe("what peers are known to send in JSON", () => {
	const provide = (json: object) => toHex(esipaRequestFromJson("provideEimPackageResult", json));
	const wanted = toHex(tlv(0xbf50, tlv(0x5a, octetsOf(EID)), BF51));

	it("takes base64 without padding, in the alphabet of URLs, and broken into lines", () => {
		const octets = tlv(0xbf20, hex`FBFFBF FEFFFE 01`);
		const strict = toBase64(octets);
		for (const text of [
			strict.replace(/=/g, ""),
			strict.replace(/\+/g, "-").replace(/\//g, "_"),
			strict.replace(/(.{4})/g, "$1\r\n "),
		]) {
			expect(text).not.toBe(strict);
			expect(esipaRequestFromJson("initiateAuthentication", { euiccInfo1: text })).toEqual(tlv(0xbf39, octets));
		}
	});

	it("takes a result alone, in its BF50, and with the EID in either place", () => {
		const whole = toBase64(tlv(0xbf50, tlv(0x5a, octetsOf(EID)), BF51));
		expect(provide({ eidValue: EID, eimPackageResult: toBase64(BF51) })).toBe(wanted);
		expect(provide({ eidValue: EID, eimPackageResult: whole })).toBe(wanted);
		expect(provide({ eimPackageResult: whole })).toBe(wanted);
		expect(provide({ eidValue: EID, eimPackageResult: toBase64(tlv(0xbf50, BF51)) })).toBe(wanted);
		expect(provide({ eimPackageResult: toBase64(BF51) })).toBe(toHex(tlv(0xbf50, BF51)));
	});

	it("takes a card's answer without the tag of its CHOICE", () => {
		const arm = hex`A103800101`;
		const strict = tlv(0xbf3b, hex`8001AA`, tlv(0xbf38, arm));
		const request = { transactionId: "aa", authenticateServerResponse: toBase64(arm) };
		expect(esipaRequestFromJson("authenticateClient", request)).toEqual(strict);
		const cancelled = { transactionId: "AA", cancelSessionResponse: toBase64(hex`A103810105`) };
		expect(toHex(esipaRequestFromJson("cancelSession", cancelled))).toBe("BF41088001AAA103810105");
	});

	it("takes a result through handleNotification with and without BF50, and a notification that still has its A0", () => {
		const notify = (json: object) => esipaRequestFromJson("handleNotification", json);
		const strict = tlv(0xbf3d, tlv(0xbf50, BF51));
		expect(notify({ provideEimPackageResult: toBase64(tlv(0xbf50, BF51)) })).toEqual(strict);
		expect(notify({ provideEimPackageResult: toBase64(BF51) })).toEqual(strict);
		const pending = tlv(0xbf3d, hex`A003BF3700`);
		for (const octets of [hex`BF3700`, hex`A003BF3700`, hex`BF3D05A003BF3700`]) {
			expect(notify({ pendingNotification: toBase64(octets) })).toEqual(pending);
		}
		expect(() => notify({ pendingNotification: "vzcA", provideEimPackageResult: "v1EA" })).toThrow(/exactly one/);
	});

	it("takes signatures, key identifiers and hashes with and without their headers", () => {
		const bare = {
			smdpSigned2: "MAA=",
			smdpSignature2: toBase64(new Uint8Array(64)),
			smdpCertificate: "MAA=",
			hashCc: toBase64(new Uint8Array(32)),
		};
		const strict = {
			...bare,
			smdpSignature2: toBase64(tlv(0x5f37, new Uint8Array(64))),
			hashCc: toBase64(tlv(0x04, new Uint8Array(32))),
		};
		expect(esipaResponseFromJson("authenticateClient", bare)).toEqual(
			esipaResponseFromJson("authenticateClient", strict),
		);
	});

	it("takes flags of any value, numbers as text, rPLMN in hex, and empty members as absent", () => {
		const strict = octetsOf(`BF4F1C5A10${EID}8000810101820362F210`);
		const read = (json: object) => esipaRequestFromJson("getEimPackage", { eidValue: EID, ...json });
		expect(read({ notifyStateChange: null, stateChangeCause: "1", rPLMN: "62f210" })).toEqual(strict);
		expect(read({ notifyStateChange: "", stateChangeCause: 1, rPlmn: "BANi8hA=" })).toEqual(strict);
		expect(read({ notifyStateChange: false, rPlmn: "", stateChangeCause: null })).toEqual(octetsOf(`BF4F125A10${EID}`));
	});

	it("reads answers of peers: no header, eimPackageError 0 beside a package, the error in the body", () => {
		const read = (json: object) => toHex(esipaResponseFromJson("getEimPackage", json));
		expect(read({ header: ok, eimPackageError: 0, euiccPackageRequest: toBase64(hex`BF5100`) })).toBe("BF4F03BF5100");
		expect(read({ eimPackageError: 1 })).toBe("BF4F03020101");
		expect(read({ header: ok, eimPackageError: 3, euiccPackageRequest: "" })).toBe("BF4F03020103");
		expect(toHex(esipaResponseFromJson("provideEimPackageResult", { header: ok, eimPackageError: 2 }))).toBe(
			"BF5003020102",
		);
	});

	it("takes the notification of a real card that openiotrsp keeps in its tests", () => {
		const real =
			"oYGMWhCJBEBFkwAAAAAAACFTiTIQvy80gAETgQIEEAwfc20tdjQtMDcyLWFnLWd0bS5wci5nby1lc2ltLmNvbVoKmFN2B2ISlEQQ9V83QLWYaXd4B0vzcPryuzVZyrjzyBmEYGMCZ/zbcXBcwL096JLcyx/adYW9C+q7ZvY7r5i9h8lFDC3ljLHfdQnTd1Q=";
		const message = esipaRequestFromJson("handleNotification", { pendingNotification: real });
		expect(message.subarray(-fromBase64(real).length)).toEqual(fromBase64(real));
		const decoded = decode(HandleNotificationEsipa, message);
		if (!("pendingNotification" in decoded)) throw new Error("no notification");
		const { value, der } = decoded.pendingNotification;
		expect(toBase64(der)).toBe(real);
		if (!("compactOtherSignedNotification" in value)) throw new Error(`read as ${Object.keys(value)}`);
		const { eidValue, tbsOtherNotification } = value.compactOtherSignedNotification;
		expect(toHex(eidValue ?? hex``)).toBe("89044045930000000000002153893210");
		expect(tbsOtherNotification.value).toMatchObject({
			seqNumber: 19,
			notificationAddress: "sm-v4-072-ag-gtm.pr.go-esim.com",
		});
	});
});

describe("JSON that is no message", () => {
	it.each([
		["getEimPackage", { eidValue: 89 }, "eidValue"],
		["getEimPackage", { eidValue: "8904" }, "eidValue"],
		["getEimPackage", { eidValue: EID, stateChangeCause: "soon" }, "stateChangeCause"],
		["getEimPackage", { eidValue: EID, rPlmn: "AAAA AAAA" }, "rPlmn"],
		["provideEimPackageResult", { eimPackageResult: "v1EF" }, "eimPackageResult"],
		["provideEimPackageResult", { eimPackageResult: "§" }, "eimPackageResult"],
		["provideEimPackageResult", { eimPackageResult: { a: 1 } }, "eimPackageResult"],
		["authenticateClient", { transactionId: "xyz" }, "transactionId"],
		["authenticateClient", { transactionId: "AA", authenticateServerResponse: "MAA=" }, "authenticateServerResponse"],
		["initiateAuthentication", { euiccChallenge: "AAEC" }, "euiccChallenge"],
		["handleNotification", {}, undefined],
		["transferEimPackage", [], undefined],
		["transferEimPackage", null, undefined],
		["getEimPackage", "text", undefined],
	] as const)("is refused by its member: %s %j", (called, json, member) => {
		let error: unknown;
		try {
			esipaRequestFromJson(called, json);
		} catch (thrown) {
			error = thrown;
		}
		expect(error).toMatchObject({ code: "ESIPA_JSON_INVALID", member });
	});

	it("never breaks otherwise, whatever the JSON", () => {
		const called = fc.constantFrom(...ESIPA_FUNCTION_NAMES);
		const names = [
			"eidValue",
			"eimPackageResult",
			"transactionId",
			"pendingNotification",
			"header",
			"rPlmn",
			"eimPackageError",
		];
		const json = fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...names), fc.jsonValue()));
		fc.assert(
			fc.property(called, json, (name, value) => {
				for (const read of [esipaRequestFromJson, esipaResponseFromJson]) {
					try {
						read(name, value);
					} catch (error) {
						expect(error).toHaveProperty("code", expect.stringMatching(/^ESIPA_JSON_/));
					}
				}
			}),
			{ numRuns: 500 },
		);
	});

	it("knows what an empty answer says, where it may be empty", () => {
		expect(toHex(emptyEsipaResponse("provideEimPackageResult") ?? hex``)).toBe("BF50023000");
		expect(toHex(emptyEsipaResponse("cancelSession") ?? hex``)).toBe("BF4102A000");
		expect(emptyEsipaResponse("handleNotification")).toEqual(hex``);
		expect(emptyEsipaResponse("getEimPackage")).toBeUndefined();
		expect(() => esipaResponseFromJson("handleNotification", { header: failed("8.1", "6.1") })).toThrow(/8\.1 6\.1/);
	});
});
