/** SGP.22 v2.5, module RSPDefinitions: what an eUICC says of itself (ES10b.GetEUICCInfo). */

import {
	at,
	bitString,
	context,
	define,
	type Infer,
	integer,
	octetString,
	optional,
	sequence,
	sequenceOf,
	utf8String,
} from "../../asn1/schema.ts";
import { UICCCapability } from "../pe/uicc-capability.ts";
import { SubjectKeyIdentifier } from "../pkix.ts";
import { VersionType } from "./basic-types.ts";
import { PprIds } from "./profile-info.ts";

/** Tag BF20. */
export const GetEuiccInfo1Request = define("GetEuiccInfo1Request", context(32), sequence({}));
export type GetEuiccInfo1Request = Infer<typeof GetEuiccInfo1Request>;

/** What an RSP server needs before it signs: version and CI keys. Tag BF20. */
export const EUICCInfo1 = define(
	"EUICCInfo1",
	context(32),
	sequence({
		svn: at(context(2), VersionType),
		euiccCiPKIdListForVerification: at(context(9), sequenceOf(SubjectKeyIdentifier)),
		euiccCiPKIdListForSigning: at(context(10), sequenceOf(SubjectKeyIdentifier)),
	}),
);
export type EUICCInfo1 = Infer<typeof EUICCInfo1>;

/** Tag BF22. */
export const GetEuiccInfo2Request = define("GetEuiccInfo2Request", context(34), sequence({}));
export type GetEuiccInfo2Request = Infer<typeof GetEuiccInfo2Request>;

export const RspCapability = define(
	"RspCapability",
	bitString({
		additionalProfile: 0,
		crlSupport: 1,
		rpmSupport: 2,
		testProfileSupport: 3,
		deviceInfoExtensibilitySupport: 4,
		serviceSpecificDataSupport: 5,
	}),
);
export type RspCapability = Infer<typeof RspCapability>;

export const CertificationDataObject = define(
	"CertificationDataObject",
	sequence({
		platformLabel: utf8String(),
		discoveryBaseURL: utf8String(),
	}),
);
export type CertificationDataObject = Infer<typeof CertificationDataObject>;

export const EuiccCategoryCode = { other: 0, basicEuicc: 1, mediumEuicc: 2, contactlessEuicc: 3 } as const;
/** All properties of the eUICC that an RSP server checks for eligibility. Tag BF22. */
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
	}),
);
export type EUICCInfo2 = Infer<typeof EUICCInfo2>;

export const CertificateInfo = define(
	"CertificateInfo",
	bitString({ reserved: 0, certSigningX509: 1, rfu2: 2, rfu3: 3, reserved2: 4, certVerificationX509: 5 }),
);
export type CertificateInfo = Infer<typeof CertificateInfo>;
