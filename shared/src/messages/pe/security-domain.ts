/** TCA eUICC Profile Package v3.3, module PEDefinitions: security domains and remote file management. */

import {
	application,
	at,
	context,
	define,
	type Infer,
	octetString,
	optional,
	privateTag,
	sequence,
	sequenceOf,
	withDefault,
} from "../../asn1/schema.ts";
import { hex } from "../../util/bytes.ts";
import { ApplicationInstance } from "./application.ts";
import { ApplicationIdentifier, PEHeader, UInt8, UInt16 } from "./basic-types.ts";

/** One key set entry of a security domain. */
export const KeyObject = define(
	"KeyObject",
	sequence({
		keyUsageQualifier: at(context(21), octetString({ size: [1, 2] })),
		keyAccess: withDefault(at(context(22), octetString({ size: 1 })), hex`00`),
		keyIdentifier: at(context(2), octetString({ size: 1 })),
		keyVersionNumber: at(context(3), octetString({ size: 1 })),
		keyCounterValue: optional(at(context(5), octetString())),
		keyCompontents: sequenceOf(
			sequence({
				keyType: at(context(0), octetString()),
				keyData: at(context(6), octetString()),
				macLength: withDefault(at(context(7), UInt8), 8),
			}),
			{ size: [1, Number.MAX_SAFE_INTEGER] },
		),
	}),
);
export type KeyObject = Infer<typeof KeyObject>;

export const PeSecurityDomain = define(
	"PE-SecurityDomain",
	sequence({
		"sd-Header": PEHeader,
		instance: ApplicationInstance,
		keyList: optional(sequenceOf(KeyObject, { size: [1, Number.MAX_SAFE_INTEGER] })),
		sdPersoData: optional(sequenceOf(octetString(), { size: [1, Number.MAX_SAFE_INTEGER] })),
		openPersoData: optional(
			sequence({
				restrictParameter: optional(at(privateTag(25), octetString({ size: 1 }))),
				contactlessProtocolParameters: optional(octetString()),
			}),
		),
		catTpParameters: optional(
			sequence({
				catTpMaxSduSize: UInt16,
				catTpMaxPduSize: UInt16,
			}),
		),
	}),
);
export type PeSecurityDomain = Infer<typeof PeSecurityDomain>;

export const ADFRFMAccess = define(
	"ADFRFMAccess",
	sequence({
		adfAID: ApplicationIdentifier,
		adfAccessDomain: octetString(),
		adfAdminAccessDomain: octetString(),
	}),
);
export type ADFRFMAccess = Infer<typeof ADFRFMAccess>;

/** Remote file management; only some components have a tag, so no other is tagged. */
export const PeRfm = define(
	"PE-RFM",
	sequence({
		"rfm-header": at(context(0), PEHeader),
		instanceAID: at(application(15), ApplicationIdentifier),
		securityDomainAID: optional(at(application(15), ApplicationIdentifier)),
		tarList: optional(at(context(0), sequenceOf(octetString({ size: 3 }), { size: [1, Number.MAX_SAFE_INTEGER] }))),
		minimumSecurityLevel: at(context(1), octetString({ size: 1 })),
		uiccAccessDomain: octetString(),
		uiccAdminAccessDomain: octetString(),
		adfRFMAccess: optional(ADFRFMAccess),
	}),
);
export type PeRfm = Infer<typeof PeRfm>;
