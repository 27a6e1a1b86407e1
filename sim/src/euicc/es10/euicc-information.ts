import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { UICCCapability } from "@iot-esim/shared/messages/pe/uicc-capability";
import {
	EuiccConfiguredAddressesResponse,
	GetEuiccChallengeResponse,
	GetEuiccDataRequest,
	GetEuiccDataResponse,
} from "@iot-esim/shared/messages/sgp22/euicc-data";
import {
	EUICCInfo2 as ConsumerEuiccInfo2,
	EUICCInfo1,
	EuiccCategoryCode,
	RspCapability,
} from "@iot-esim/shared/messages/sgp22/euicc-info";
import { GetRatResponse, type RulesAuthorisationTable } from "@iot-esim/shared/messages/sgp22/profile-management";
import { encodeIn } from "@iot-esim/shared/messages/sgp32/dialect/encode-in";
import { withLaterFields } from "@iot-esim/shared/messages/sgp32/dialect/later-fields";
import { octetsOfVersion } from "@iot-esim/shared/messages/sgp32/dialect/version";
import { GetCertsErrorCode, GetCertsRequest, GetCertsResponse } from "@iot-esim/shared/messages/sgp32/es10b-card";
import { EUICCInfo2, IpaModeCode } from "@iot-esim/shared/messages/sgp32/euicc-info";
import { concatBytes, fromHex, hex } from "@iot-esim/shared/util/bytes";
import { EuiccError } from "../errors.ts";
import type { Es10Function, Euicc } from "../euicc.ts";
import { isIpaeActive } from "../state/ipae-switch.ts";
import { dialectOf } from "./card-version.ts";

const SVN = hex`020500`;
const EID_TAG = 0x5a;

/** ES10b.GetEUICCInfo1 (BF20). */
export const getEuiccInfo1: Es10Function = (_request, { ecasd }) =>
	encode(EUICCInfo1, {
		svn: SVN,
		euiccCiPKIdListForVerification: ecasd.ciIdsForVerification,
		euiccCiPKIdListForSigning: ecasd.ciIdsForSigning,
	});

/** ES10b.GetEUICCInfo2 (BF22). */
export const getEuiccInfo2: Es10Function = (_request, euicc) =>
	euicc.card.mode === "iot"
		? encodeIn(dialectOf(euicc), EUICCInfo2, iotInfo2(euicc))
		: encode(ConsumerEuiccInfo2, consumerInfo2(euicc));

/** What an SGP.22 card says of itself; also the part of EUICCInfo2 that both standards share. */
export function consumerInfo2(euicc: Euicc): ConsumerEuiccInfo2 {
	return {
		profileVersion: hex`020301`,
		svn: SVN,
		euiccFirmwareVer: hex`010000`,
		extCardResource: cardResource(euicc),
		uiccCapability: UICCCapability.of(
			"usimSupport",
			"isimSupport",
			"akaMilenage",
			"akaTuak128",
			"akaTuak256",
			"usimTestAlgorithm",
			"berTlvFileSupport",
		),
		rspCapability: euicc.card.supportsTestProfiles
			? RspCapability.of("additionalProfile", "crlSupport", "testProfileSupport")
			: RspCapability.of("additionalProfile", "crlSupport"),
		euiccCiPKIdListForVerification: euicc.ecasd.ciIdsForVerification,
		euiccCiPKIdListForSigning: euicc.ecasd.ciIdsForSigning,
		euiccCategory: EuiccCategoryCode.mediumEuicc,
		ppVersion: hex`010000`,
		sasAcreditationNumber: "SIMULATED-EUICC",
	};
}

/** What an SGP.32 card says of itself. */
export function iotInfo2(euicc: Euicc): EUICCInfo2 {
	if (euicc.card.quirks.hidesIotInfo) return consumerInfo2(euicc);
	const info: EUICCInfo2 = {
		...consumerInfo2(euicc),
		ipaMode: isIpaeActive(euicc) ? IpaModeCode.ipae : IpaModeCode.ipad,
		iotSpecificInfo: {
			iotVersion: [octetsOfVersion(dialectOf(euicc).version)],
			...(euicc.card.supportsEmergencyProfile ? { ecallSupported: null } : {}),
			fallbackSupported: null,
		},
	};
	// Left out again in the forms of a version that does not have it.
	const whole = withLaterFields("EUICCInfo2", encode(EUICCInfo2, info), { euiccMinimumSecurityLevel: hex`00` });
	return decode(EUICCInfo2, whole);
}

/** Number of applications, free non-volatile and free volatile memory (ETSI TS 102 226 section 8.2.1.7.2). */
function cardResource({ card, profiles }: Euicc): Uint8Array {
	const free = new Uint8Array(4);
	new DataView(free.buffer).setUint32(0, Math.max(0, card.profileMemory - profiles.usedMemory));
	return concatBytes(hex`8101`, Uint8Array.of(profiles.list().length), hex`8204`, free, hex`83022000`);
}

/** ES10b.GetEUICCChallenge (BF2E): starts a new RSP session. */
export const getEuiccChallenge: Es10Function = (_request, { random, session }) => {
	const euiccChallenge = random.bytes(16);
	session.restart(euiccChallenge);
	return encode(GetEuiccChallengeResponse, { euiccChallenge });
};

/** ES10c.GetEID (BF3E); the tag list may name the EID only. */
export const getEid: Es10Function = (request, { card }) => {
	const { tagList } = decode(GetEuiccDataRequest, request);
	if (tagList[0] !== EID_TAG) throw new EuiccError("EUICC_REQUEST_INVALID", "GetEuiccData can be asked for 5A only");
	return encode(GetEuiccDataResponse, { eidValue: fromHex(card.eid) });
};

/** ES10a.GetEuiccConfiguredAddresses (BF3C). */
export const getConfiguredAddresses: Es10Function = (_request, { card, settings }) => {
	const defaultDpAddress = settings.get("defaultSmdpAddress") ?? card.defaultSmdpAddress ?? "";
	return encode(EuiccConfiguredAddressesResponse, {
		...(defaultDpAddress === "" ? {} : { defaultDpAddress }),
		rootDsAddress: card.rootSmdsAddress,
	});
};

/** ES10b.GetRAT (BF43). */
export const getRat: Es10Function = (_request, euicc) => encode(GetRatResponse, { rat: rulesOf(euicc) });

/** The rules authorisation table in the form of the module. */
export function rulesOf({ card }: Euicc): RulesAuthorisationTable {
	return card.rulesAuthorisationTable.map(({ pprIds, allowedOperators, consentRequired }) => ({
		pprIds,
		allowedOperators: [...allowedOperators],
		pprFlags: consentRequired ? "1" : "",
	}));
}

/** ES10b.GetCerts (BF56): the certificates under the CI named, or under the card's own choice. */
export const getCerts: Es10Function = (request, { ecasd }) => {
	const { euiccCiPKId } = decode(GetCertsRequest, request);
	const credential = euiccCiPKId === undefined ? ecasd.defaultCredential : ecasd.credentialFor(euiccCiPKId);
	if (credential === undefined) return encode(GetCertsResponse, { getCertsError: GetCertsErrorCode.invalidCiPKId });
	const { eumCertificate, euiccCertificate } = credential;
	return encode(GetCertsResponse, { certs: { eumCertificate, euiccCertificate } });
};
