import { describe, expect, it } from "vitest";
import { decode, encode, keep, type Schema } from "../asn1/schema.ts";
import { fromHex, hex, toHex } from "../util/bytes.ts";
import { CancelSessionReasonCode } from "./sgp22/cancel-session.ts";
import { GetEuiccDataRequest } from "./sgp22/euicc-data.ts";
import { SmdpSigned2 } from "./sgp22/prepare-download.ts";
import { CancelSessionResponse } from "./sgp32/cancel-session.ts";
import { ListEimResult } from "./sgp32/command-results.ts";
import { EimConfigurationData } from "./sgp32/eim-configuration.ts";
import { GetConnectivityParametersResponse } from "./sgp32/es10b-card.ts";
import { ImmediateEnableRequest, ProfileRollbackResponse } from "./sgp32/es10b-switch.ts";
import { CancelSessionRequestEsipa } from "./sgp32/esipa-download.ts";
import { GetEimPackageResponse, ProvideEimPackageResultResponse } from "./sgp32/esipa-package.ts";
import { Eco, EuiccPackageRequest, EuiccPackageSigned, Psmo } from "./sgp32/euicc-package.ts";
import { IpaEuiccDataResponse } from "./sgp32/ipa-euicc-data.ts";
import { RetrieveNotificationsListRequest } from "./sgp32/notifications.ts";
import { ProfileInfo } from "./sgp32/profile-info.ts";

const iccid = hex`98001032547698103214`;
const spki = hex`3008 3002 0601 0302 0001`;
const certificate = hex`3009 3000 3000 0303 000102`;

function form<T>(name: string, schema: Schema<T>, value: T, octets: string) {
	return { name, octets, value, encoded: () => encode(schema, value), decoded: () => decode(schema, fromHex(octets)) };
}

/** Forms that peers got wrong, by value and octets; both directions are checked. */
const forms = [
	form(
		"rollbackFlag is a universal NULL",
		Psmo,
		{ enable: { iccid, rollbackFlag: null } },
		"A30E5A0A980010325476981032140500",
	),
	form("refreshFlag is tagged automatically", ImmediateEnableRequest, { refreshFlag: true }, "BF5A038001FF"),
	form("setDefaultDpAddress in a package", Psmo, { setDefaultDpAddress: { defaultDpAddress: "a" } }, "BF6503800161"),
	form("listEim", Eco, { listEim: {} }, "AB00"),
	form("listEim result", ListEimResult, { eimIdList: [{ eimId: "a", eimIdType: 2 }] }, "A0083006800161820102"),
	form("rollback code is universal", ProfileRollbackResponse, { cmdResult: 1 }, "BF5803020101"),
	form(
		"connectivity parameters",
		GetConnectivityParametersResponse,
		{ connectivityParameters: { httpParams: hex`01` } },
		"BF5F05A003810101",
	),
	form(
		"no connectivity parameters",
		GetConnectivityParametersResponse,
		{ connectivityParametersError: 1 },
		"BF5F03810101",
	),
	form(
		"notifications by number",
		RetrieveNotificationsListRequest,
		{ searchCriteria: { seqNumber: 5 } },
		"BF2B05A003800105",
	),
	form(
		"results of packages",
		RetrieveNotificationsListRequest,
		{ searchCriteria: { euiccPackageResults: null } },
		"BF2B04A0028200",
	),
	form("nothing to do", GetEimPackageResponse, { eimPackageError: 1 }, "BF4F03020101"),
	form("plain ok", ProvideEimPackageResultResponse, { emptyResponse: {} }, "BF50023000"),
	form("EID request", GetEuiccDataRequest, { tagList: hex`5A` }, "BF3E035C015A"),
	form(
		"fallback and emergency of a profile",
		ProfileInfo,
		{ ecallIndication: true, fallbackAttribute: true, fallbackAllowed: false },
		"E30C9F7B01FF9F2601FF9F670100",
	),
	form("fallbackAttribute by default", ProfileInfo, { fallbackAttribute: false }, "E300"),
	form(
		"ccRequiredFlag is a universal BOOLEAN",
		SmdpSigned2,
		{ transactionId: hex`01`, ccRequiredFlag: true },
		"30068001010101FF",
	),
	form(
		"public key of an eIM without its 30",
		EimConfigurationData,
		{ eimId: "a", eimPublicKeyData: { eimPublicKey: spki } },
		"300F800161A50AA0083002060103020001",
	),
	form(
		"certificate of an eIM without its 30",
		EimConfigurationData,
		{ eimId: "a", trustedPublicKeyDataTls: { trustedCertificateTls: certificate } },
		"3010800161A60BA109300030000303000102",
	),
	form(
		"certificates of BF52 without their 30",
		IpaEuiccDataResponse,
		{ ipaEuiccData: { eumCertificate: certificate } },
		"BF520DA00BA509300030000303000102",
	),
	form(
		"cancelSession: A1 in place of BF41",
		CancelSessionRequestEsipa,
		{ transactionId: hex`01`, cancelSessionResponse: keep(CancelSessionResponse, { cancelSessionResponseError: 5 }) },
		"BF4108800101A103810105",
	),
];

describe("tag forms of protocol-facts sections 0 to 3", () => {
	it.each(forms)("$name: $octets", ({ octets, value, encoded, decoded }) => {
		expect(toHex(encoded())).toBe(octets);
		expect(decoded()).toStrictEqual(value);
	});
});

describe("octets that are signed", () => {
	it("are those that were received, in the middle of another message too", () => {
		// 83 is no field of EuiccPackageSigned: an extension that this version does not know.
		const signed = hex`301D 800165 5A1089049032123451234512345678901235 810105 830109 A000`;
		const request = hex`BF4F26 BF5123 ${signed} 5F3701AA`;
		const value = decode(GetEimPackageResponse, request);
		if (!("euiccPackageRequest" in value)) throw new Error("another arm was read");
		expect(toHex(value.euiccPackageRequest.value.euiccPackageSigned.der)).toBe(toHex(signed));
		expect(toHex(value.euiccPackageRequest.der)).toBe(toHex(request.subarray(3)));
		expect(decode(EuiccPackageRequest, value.euiccPackageRequest.der)).toEqual(value.euiccPackageRequest.value);
		expect(decode(EuiccPackageSigned, signed).counterValue).toBe(5);
	});

	it("have their own tag again where a component tag replaced it", () => {
		const { cancelSessionResponse } = decode(CancelSessionRequestEsipa, hex`BF4108800101A103810105`);
		expect(toHex(cancelSessionResponse.der)).toBe("BF4103810105");
	});
});

describe("names of codes", () => {
	it("stand beside their schema", () => {
		expect(CancelSessionReasonCode.metadataMismatch).toBe(4);
	});
});
