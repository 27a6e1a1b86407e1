/** SGP.32 v1.2, module SGP32Definitions: what an IoT eUICC says of itself. */

import {
	at,
	bitString,
	context,
	define,
	type Infer,
	integer,
	nullValue,
	octetString,
	optional,
	privateTag,
	sequence,
	sequenceOf,
	utf8String,
} from "../../asn1/schema.ts";
import { UICCCapability } from "../pe/uicc-capability.ts";
import { SubjectKeyIdentifier } from "../pkix.ts";
import { VersionType } from "../sgp22/basic-types.ts";
import { CertificationDataObject, RspCapability } from "../sgp22/euicc-info.ts";
import { PprIds } from "../sgp22/profile-info.ts";

export const IpaModeCode = { ipad: 0, ipae: 1 } as const;
export const IpaMode = define("IpaMode", integer({ named: IpaModeCode }));
export type IpaMode = Infer<typeof IpaMode>;

export const IoTSpecificInfo = define(
	"IoTSpecificInfo",
	sequence({
		iotVersion: at(context(0), sequenceOf(VersionType)),
		ecallSupported: optional(at(context(1), nullValue())),
		fallbackSupported: optional(at(context(2), nullValue())),
	}),
);
export type IoTSpecificInfo = Infer<typeof IoTSpecificInfo>;

export const EuiccCategoryCode = { other: 0, basicEuicc: 1, mediumEuicc: 2, contactlessEuicc: 3 } as const;
/** EUICCInfo2 of SGP.22 with what an IoT eUICC adds. Tag BF22. */
export const EUICCInfo2 = define(
	"EUICCInfo2",
	context(34),
	sequence({
		profileVersion: at(context(1), VersionType),
		svn: at(context(2), VersionType),
		euiccFirmwareVer: at(context(3), VersionType),
		extCardResource: at(context(4), octetString()),
		uiccCapability: at(context(5), UICCCapability),
		ts102241Version: optional(at(context(6), VersionType)),
		globalplatformVersion: optional(at(context(7), VersionType)),
		rspCapability: at(context(8), RspCapability),
		euiccCiPKIdListForVerification: at(context(9), sequenceOf(SubjectKeyIdentifier)),
		euiccCiPKIdListForSigning: at(context(10), sequenceOf(SubjectKeyIdentifier)),
		euiccCategory: optional(at(context(11), integer({ named: EuiccCategoryCode }))),
		forbiddenProfilePolicyRules: optional(at(context(25), PprIds)),
		ppVersion: VersionType,
		sasAcreditationNumber: utf8String({ size: [0, 64] }),
		certificationDataObject: optional(at(context(12), CertificationDataObject)),
		treProperties: optional(at(context(13), bitString({ isDiscrete: 0, isIntegrated: 1, usesRemoteMemory: 2 }))),
		treProductReference: optional(at(context(14), utf8String())),
		additionalEuiccProfilePackageVersions: optional(at(context(15), sequenceOf(VersionType))),
		ipaMode: optional(at(context(16), IpaMode)),
		euiccCiPKIdListForSigningV3: optional(at(context(17), sequenceOf(SubjectKeyIdentifier))),
		additionalEuiccInfo: optional(at(context(18), octetString({ size: [0, 32] }))),
		highestSvn: optional(at(context(19), VersionType)),
		iotSpecificInfo: optional(at(context(20), IoTSpecificInfo)),
	}),
);
export type EUICCInfo2 = Infer<typeof EUICCInfo2>;

/** In the answer to SELECT of the ISD-R of an IoT eUICC. Tag E1. */
export const ISDRProprietaryApplicationTemplateIoT = define(
	"ISDRProprietaryApplicationTemplateIoT",
	privateTag(1),
	sequence({
		euiccConfiguration: bitString({ ipaeSupported: 0, enabledProfile: 1 }),
	}),
);
export type ISDRProprietaryApplicationTemplateIoT = Infer<typeof ISDRProprietaryApplicationTemplateIoT>;

/** Tag BF42. */
export const IpaeActivationRequest = define(
	"IpaeActivationRequest",
	context(66),
	sequence({
		ipaeOption: bitString({ activateIpae: 0 }),
	}),
);
export type IpaeActivationRequest = Infer<typeof IpaeActivationRequest>;

export const IpaeActivationResultCode = { ok: 0, notSupported: 1 } as const;
/** Tag BF42. */
export const IpaeActivationResponse = define(
	"IpaeActivationResponse",
	context(66),
	sequence({
		ipaeActivationResult: integer({ named: IpaeActivationResultCode }),
	}),
);
export type IpaeActivationResponse = Infer<typeof IpaeActivationResponse>;
