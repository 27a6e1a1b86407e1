/**
 * What differs between the versions of SGP.32 on the wire: every difference is a row here and nowhere else. Messages are
 * read and written as version 1.2 has them; a row turns another version's form into that, and back.
 */

import type { StrictForm } from "../../../asn1/relax.ts";
import {
	bareResultError,
	handleNotificationV10,
	memoryResetResponseV10,
	memoryResetV10,
	notificationListV10,
	pollV10,
	resultResponseV10,
	resultWithoutEid,
	strictHandleNotification,
	strictImmediateEnable,
	strictMemoryReset,
	strictMemoryResetResponse,
	strictNotificationList,
	strictNotificationsListResponse,
	strictPoll,
	strictResultError,
	strictResultResponse,
	strictTransferResponse,
	strictTriggerError,
	triggerErrorV10,
} from "./esipa-forms.ts";
import {
	dataRequestV10,
	dataResponseV10,
	euiccDataV10,
	strictDataRequest,
	strictDataResponse,
	strictEuiccData,
} from "./euicc-data-forms.ts";
import { withCode, without, withTag } from "./rewriting.ts";
import type { Sgp32Version } from "./version.ts";

/** One difference. A row without `read` is told by nothing on the wire, or reads alike. */
export interface Difference {
	/** What it is, in the words of the standard. */
	readonly item: string;
	/** Versions that have the other form; all others do as version 1.2. */
	readonly versions: readonly Sgp32Version[];
	/** The other form, in octets or words. */
	readonly form: string;
	/** Type of the module that `read` and `write` are for. */
	readonly type?: string;
	/** From the other form to the one of version 1.2; the same octets when they are in that one already. */
	readonly read?: StrictForm;
	/** Tag of the other form, where it differs from the type's own. */
	readonly otherTag?: number;
	/** From the form of version 1.2 to the other one. */
	readonly write?: StrictForm;
	/** Commands and functions that these versions do not have. */
	readonly lacks?: readonly string[];
}

const V10: readonly Sgp32Version[] = ["1.0"];
const BEFORE_12: readonly Sgp32Version[] = ["1.0", "1.1"];
const BEFORE_13: readonly Sgp32Version[] = ["1.0", "1.1", "1.2"];

export const differences: readonly Difference[] = [
	{
		item: "euiccSignEPR and euiccSignEPE",
		versions: V10,
		form: "over the signed data and eimSignature (5F37), not the association token",
	},
	{
		item: "rPLMN, stateChangeCause",
		versions: V10,
		form: "BF4F{5A, 80?, 81 rPLMN?}; no cause",
		type: "GetEimPackageRequest",
		read: strictPoll,
		write: pollV10,
	},
	{
		item: "eimPackageError of GetEimPackage",
		versions: V10,
		form: "only 1 and 127",
		type: "GetEimPackageResponse",
		write: (strict) => withCode(strict, 0x02, [2, 3, 4], 127),
	},
	{
		item: "eidValue of ProvideEimPackageResult",
		versions: V10,
		form: "BF50 is the CHOICE itself, without 5A",
		type: "ProvideEimPackageResult",
		write: resultWithoutEid,
	},
	{
		item: "notifications beside a result",
		versions: V10,
		form: "30{BF51, BF2B{A0|A2|A3}}",
		type: "ProvideEimPackageResult",
		read: strictNotificationList,
		write: notificationListV10,
	},
	{
		item: "error instead of a result",
		versions: BEFORE_12,
		form: "bare 02",
		type: "ProvideEimPackageResult",
		read: strictResultError,
		write: bareResultError,
	},
	{
		item: "answer to a result",
		versions: BEFORE_12,
		form: "BF50{BF53?}: empty when nothing is acknowledged, and no error",
		type: "ProvideEimPackageResultResponse",
		read: strictResultResponse,
		write: resultResponseV10,
	},
	{
		item: "HandleNotification with a result",
		versions: V10,
		form: "BF3D{A1}",
		type: "HandleNotificationEsipa",
		read: strictHandleNotification,
		write: handleNotificationV10,
	},
	{
		item: "request for data of IPA and eUICC",
		versions: V10,
		form: "tags 80, 88, BF2B for 81, A8, A0 and A2; A1{82} for results; no A2, no 83",
		type: "IpaEuiccDataRequest",
		read: strictDataRequest,
		write: dataRequestV10,
	},
	{
		item: "data of IPA and eUICC",
		versions: V10,
		form: "80 default SM-DP+ address, BF2B{A0|A2|A3} at the end, no 87",
		type: "IpaEuiccData",
		read: strictEuiccData,
		write: euiccDataV10,
	},
	{
		item: "error instead of data of IPA and eUICC",
		versions: V10,
		form: "BF52{81 code}, no ecallActive",
		type: "IpaEuiccDataResponse",
		read: strictDataResponse,
		write: dataResponseV10,
	},
	{
		item: "error of a direct download",
		versions: V10,
		form: "BF54{30{80 errorResponse?}}",
		type: "ProfileDownloadTriggerResult",
		read: strictTriggerError,
		write: triggerErrorV10,
	},
	{
		item: "eimTransactionId of InitiateAuthentication",
		versions: V10,
		form: "none: the connection of the poll tells which download it is",
		type: "InitiateAuthenticationRequestEsipa",
		write: (strict) => without(strict, 0x82),
	},
	{
		item: "notifications beside a transferred package's result",
		versions: V10,
		form: "30{BF51, BF2B}",
		type: "TransferEimPackageResponse",
		read: strictNotificationList,
		write: notificationListV10,
	},
	{
		item: "answer to a transferred package with its correlation",
		versions: ["1.3"],
		form: "BF60{A0?} received, BF61{A0?, 81 code} error, beside 05 and 02",
		type: "TransferEimPackageResponse",
		read: strictTransferResponse,
	},
	{
		item: "eimIdType of EimIdInfo",
		versions: V10,
		form: "84",
		type: "EimIdInfo",
		read: (received) => withTag(received, 0x84, 0x82),
		write: (strict) => withTag(strict, 0x82, 0x84),
	},
	{
		item: "indirectProfileDownload of EimConfigurationData",
		versions: V10,
		form: "no 89",
		type: "EimConfigurationData",
		write: (strict) => without(strict, 0x89),
	},
	{
		item: "proprietary protocol of EimConfigurationData",
		versions: BEFORE_13,
		form: "no AA",
		type: "EimConfigurationData",
		write: (strict) => without(strict, 0xaa),
	},
	{
		item: "proprietary protocol of IpaCapabilities",
		versions: BEFORE_13,
		form: "no A2",
		type: "IpaCapabilities",
		write: (strict) => without(strict, 0xa2),
	},
	{
		item: "eimTransactionId of an unsigned error",
		versions: V10,
		form: "no 82",
		type: "EuiccPackageErrorUnsigned",
		write: (strict) => without(strict, 0x82),
	},
	{
		item: "code of an unsigned error",
		versions: BEFORE_13,
		form: "no 8F",
		type: "EuiccPackageErrorUnsigned",
		write: (strict) => without(strict, 0x8f),
	},
	{
		item: "ecallActive of a signed error",
		versions: V10,
		form: "127",
		type: "EuiccPackageErrorDataSigned",
		write: (strict) => withCode(strict, 0x02, [104], 127),
	},
	{
		item: "results of enable, disable and delete",
		versions: V10,
		form: "only 0, 1, 2 and 127",
		type: "EuiccResultData",
		write: resultCodesV10,
	},
	{
		item: "associatedEimAlreadyExists of addEim",
		versions: V10,
		form: "127",
		type: "AddEimResult",
		write: (strict) =>
			strict[0] === 0x02 && strict[1] === 1 && strict[2] === 2 ? Uint8Array.of(0x02, 1, 127) : strict,
	},
	{
		item: "eCall and fallback in what is known of a profile",
		versions: V10,
		form: "E3 of SGP.22: no 9F7B, 9F26, 9F67",
		type: "ProfileInfo",
		write: (strict) => without(strict, 0x9f7b, 0x9f26, 0x9f67),
	},
	{
		item: "eCall and fallback in EUICCInfo2",
		versions: V10,
		form: "B4{A0}",
		type: "IoTSpecificInfo",
		write: (strict) => without(strict, 0x81, 0x82, 0x83),
	},
	{
		item: "permission to update fallbackAllowed in EUICCInfo2",
		versions: BEFORE_13,
		form: "no B4.83",
		type: "IoTSpecificInfo",
		write: (strict) => without(strict, 0x83),
	},
	{
		item: "eidValue of a compact notification",
		versions: BEFORE_12,
		form: "no 5A",
		type: "CompactOtherSignedNotification",
		write: (strict) => without(strict, 0x5a),
	},
	{
		item: "CI key of a compact notification",
		versions: BEFORE_13,
		form: "nothing after 5F37",
		type: "CompactOtherSignedNotification",
		write: (strict) => without(strict, 0x04),
	},
	{
		item: "downloadOrderExpired of GetBoundProfilePackage",
		versions: ["1.3"],
		form: "6 is not used any more: it is 18 of AuthenticateClient, which comes before",
		type: "GetBoundProfilePackageResponseEsipa",
		write: (strict) => withCode(strict, 0x81, [6], 127),
	},
	{
		item: "memory reset",
		versions: V10,
		form: "BF34{82}, bit 3 eIM configuration, bit 4 automatic enabling",
		type: "EuiccMemoryResetRequest",
		otherTag: 0xbf34,
		read: strictMemoryReset,
		write: memoryResetV10,
		lacks: ["deletePreLoadedTestProfiles", "deleteProvisioningProfiles"],
	},
	{
		item: "result of a memory reset",
		versions: V10,
		form: "BF34{02, 81?, 82?}",
		type: "EuiccMemoryResetResponse",
		otherTag: 0xbf34,
		read: strictMemoryResetResponse,
		write: memoryResetResponseV10,
	},
	{
		item: "EnableUsingDD, later ImmediateEnable",
		versions: V10,
		form: "BF5A without a flag",
		type: "ImmediateEnableRequest",
		read: strictImmediateEnable,
		write: (strict) => without(strict, 0x80),
	},
	{
		item: "catBusy of EnableUsingDD",
		versions: V10,
		form: "127",
		type: "ImmediateEnableResponse",
		write: (strict) => withCode(strict, 0x80, [5], 127),
	},
	{
		item: "search of the eIM configuration",
		versions: V10,
		form: "BF55 without criteria",
		type: "GetEimConfigurationDataRequest",
		write: (strict) => without(strict, 0xa0),
	},
	{
		item: "commandError of AddInitialEim",
		versions: V10,
		form: "127; 2 stands for a refused unsigned configuration",
		type: "AddInitialEimResponse",
		write: (strict) => withCode(strict, 0x81, [7], 127),
	},
	{
		item: "notificationAndEprList",
		versions: V10,
		form: "BF2B{A3{A0, A1}}",
		type: "RetrieveNotificationsListResponse",
		read: strictNotificationsListResponse,
	},
	{
		item: "PSMOs",
		versions: V10,
		form: "A3 to A7 and BF2D (configureAutoEnable is configureImmediateEnable under another name)",
		lacks: ["setFallbackAttribute", "unsetFallbackAttribute", "setDefaultDpAddress"],
	},
	{
		item: "ES10b functions",
		versions: V10,
		form: "BF51, BF55 to BF59, BF5A",
		lacks: [
			"ExecuteFallbackMechanism",
			"ReturnFromFallback",
			"EnableEmergencyProfile",
			"DisableEmergencyProfile",
			"GetConnectivityParameters",
			"SetDefaultDpAddress",
			"IpaeActivation",
		],
	},
];

/** 3, 5, 20 and 21 came with version 1.1. */
function resultCodesV10(strict: Uint8Array): Uint8Array {
	const [tag, length, code] = strict;
	const isSwitch = tag === 0x83 || tag === 0x84 || tag === 0x85;
	if (!isSwitch || length !== 1 || code === undefined || ![3, 5, 20, 21].includes(code)) return strict;
	return Uint8Array.of(tag, 1, 127);
}

/**
 * A message in whatever version's form in that of version 1.2, as far as its outermost type goes: what is inside stays as
 * it was received.
 */
export function inBaseVersion(type: string, received: Uint8Array): Uint8Array {
	const rows = differences.filter((row) => row.type === type);
	return rows.reduce((octets, { read }) => read?.(octets) ?? octets, received);
}

/**
 * Why a card or an IPA of this version cannot do something, in a sentence for the operator; undefined when it can.
 * @param command the name of a PSMO or eCO (`setFallbackAttribute`), of a reset option or of an ES10b function
 */
export function unsupportedIn(version: Sgp32Version, command: string): string | undefined {
	const row = differences.find((one) => one.versions.includes(version) && one.lacks?.includes(command));
	return row && `SGP.32 v${version}, which this eUICC implements, has no ${command}.`;
}
