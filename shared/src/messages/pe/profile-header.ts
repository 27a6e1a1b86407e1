/** TCA eUICC Profile Package v3.3, module PEDefinitions: first and last element, elements without files. */

import {
	define,
	type Infer,
	nullValue,
	objectIdentifier,
	octetString,
	optional,
	sequence,
	sequenceOf,
	utf8String,
} from "../../asn1/schema.ts";
import { ApplicationIdentifier, PEHeader, UInt8 } from "./basic-types.ts";

/** Services that the eUICC must have for this profile. */
export const ServicesList = define(
	"ServicesList",
	sequence({
		contactless: optional(nullValue()),
		usim: optional(nullValue()),
		isim: optional(nullValue()),
		csim: optional(nullValue()),
		milenage: optional(nullValue()),
		tuak128: optional(nullValue()),
		cave: optional(nullValue()),
		"gba-usim": optional(nullValue()),
		"gba-isim": optional(nullValue()),
		mbms: optional(nullValue()),
		eap: optional(nullValue()),
		javacard: optional(nullValue()),
		multos: optional(nullValue()),
		"multiple-usim": optional(nullValue()),
		"multiple-isim": optional(nullValue()),
		"multiple-csim": optional(nullValue()),
		tuak256: optional(nullValue()),
		"usim-test-algorithm": optional(nullValue()),
		"ber-tlv": optional(nullValue()),
		dfLink: optional(nullValue()),
		"cat-tp": optional(nullValue()),
		"get-identity": optional(nullValue()),
		"profile-a-x25519": optional(nullValue()),
		"profile-b-p256": optional(nullValue()),
		suciCalculatorApi: optional(nullValue()),
		"dns-resolution": optional(nullValue()),
		scp11ac: optional(nullValue()),
		"scp11c-authorization-mechanism": optional(nullValue()),
		s16mode: optional(nullValue()),
		eaka: optional(nullValue()),
	}),
);
export type ServicesList = Infer<typeof ServicesList>;

export const IotOptions = define(
	"IotOptions",
	sequence({
		pix: octetString({ size: [7, 11] }),
	}),
);
export type IotOptions = Infer<typeof IotOptions>;

/** First element: version, ICCID, what the eUICC must support. */
export const ProfileHeader = define(
	"ProfileHeader",
	sequence({
		"major-version": UInt8,
		"minor-version": UInt8,
		profileType: optional(utf8String({ size: [1, 100] })),
		iccid: octetString({ size: 10 }),
		pol: optional(octetString()),
		"eUICC-Mandatory-services": ServicesList,
		"eUICC-Mandatory-GFSTEList": sequenceOf(objectIdentifier()),
		connectivityParameters: optional(octetString()),
		"eUICC-Mandatory-AIDs": optional(
			sequenceOf(
				sequence({
					aid: ApplicationIdentifier,
					version: octetString({ size: 2 }),
				}),
			),
		),
		iotOptions: optional(IotOptions),
	}),
);
export type ProfileHeader = Infer<typeof ProfileHeader>;

/** Reserved. */
export const PeDummy = define("PE-Dummy", sequence({}));
export type PeDummy = Infer<typeof PeDummy>;

/** An element of one issuer. */
export const PeNonStandard = define(
	"PE-NonStandard",
	sequence({
		"nonStandard-header": PEHeader,
		issuerID: objectIdentifier(),
		content: octetString(),
	}),
);
export type PeNonStandard = Infer<typeof PeNonStandard>;

/** Last element of a package. */
export const PeEnd = define(
	"PE-End",
	sequence({
		"end-header": PEHeader,
	}),
);
export type PeEnd = Infer<typeof PeEnd>;
