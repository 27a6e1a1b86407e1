/** TCA eUICC Profile Package v3.3, module PEDefinitions: directories of 5G below ADF.USIM. */

import { define, type Infer, objectIdentifier, optional, sequence } from "../../asn1/schema.ts";
import { PEHeader } from "./basic-types.ts";
import { File } from "./file.ts";

export const PeDf5gs = define(
	"PE-DF-5GS",
	sequence({
		"df-5gs-header": PEHeader,
		templateID: objectIdentifier(),
		"df-df-5gs": File,
		"ef-5gs3gpploci": optional(File),
		"ef-5gsn3gpploci": optional(File),
		"ef-5gs3gppnsc": optional(File),
		"ef-5gsn3gppnsc": optional(File),
		"ef-5gauthkeys": optional(File),
		"ef-uac-aic": optional(File),
		"ef-suci-calc-info": optional(File),
		"ef-opl5g": optional(File),
		"ef-supinai": optional(File),
		"ef-routing-indicator": optional(File),
		"ef-ursp": optional(File),
		"ef-tn3gppsnn": optional(File),
		"ef-cag": optional(File),
		"ef-sor-cmci": optional(File),
		"ef-dri": optional(File),
		"ef-5gsedrx": optional(File),
		"ef-5gnswo-conf": optional(File),
		"ef-mchpplmn": optional(File),
		"ef-kausf-derivation": optional(File),
	}),
);
export type PeDf5gs = Infer<typeof PeDf5gs>;

export const PeDfSaip = define(
	"PE-DF-SAIP",
	sequence({
		"df-saip-header": PEHeader,
		templateID: objectIdentifier(),
		"df-df-saip": File,
		"ef-suci-calc-info-usim": optional(File),
	}),
);
export type PeDfSaip = Infer<typeof PeDfSaip>;

export const PeDfSnpn = define(
	"PE-DF-SNPN",
	sequence({
		"df-snpn-header": PEHeader,
		templateID: objectIdentifier(),
		"df-df-snpn": File,
		"ef-pws-snpn": optional(File),
	}),
);
export type PeDfSnpn = Infer<typeof PeDfSnpn>;

export const PeDf5gprose = define(
	"PE-DF-5GPROSE",
	sequence({
		"df-5g-prose-header": PEHeader,
		templateID: objectIdentifier(),
		"df-df-5g-prose": File,
		"ef-5g-prose-st": optional(File),
		"ef-5g-prose-dd": optional(File),
		"ef-5g-prose-dc": optional(File),
		"ef-5g-prose-u2nru": optional(File),
		"ef-5g-prose-ru": optional(File),
		"ef-5g-prose-uir": optional(File),
	}),
);
export type PeDf5gprose = Infer<typeof PeDf5gprose>;
