/** TCA eUICC Profile Package v3.3, module PEDefinitions: MF, DF.CD and DF.TELECOM. */

import { define, type Infer, objectIdentifier, optional, sequence } from "../../asn1/schema.ts";
import { PEHeader } from "./basic-types.ts";
import { File } from "./file.ts";

export const PeMf = define(
	"PE-MF",
	sequence({
		"mf-header": PEHeader,
		templateID: objectIdentifier(),
		mf: File,
		"ef-pl": optional(File),
		"ef-iccid": File,
		"ef-dir": File,
		"ef-arr": File,
		"ef-umpc": optional(File),
	}),
);
export type PeMf = Infer<typeof PeMf>;

export const PeCd = define(
	"PE-CD",
	sequence({
		"cd-header": PEHeader,
		templateID: objectIdentifier(),
		"df-cd": File,
		"ef-launchpad": optional(File),
		"ef-icon": optional(File),
	}),
);
export type PeCd = Infer<typeof PeCd>;

export const PeTelecom = define(
	"PE-TELECOM",
	sequence({
		"telecom-header": PEHeader,
		templateID: objectIdentifier(),
		"df-telecom": File,
		"ef-arr": optional(File),
		"ef-rma": optional(File),
		"ef-sume": optional(File),
		"ef-ice-dn": optional(File),
		"ef-ice-ff": optional(File),
		"ef-psismsc": optional(File),
		"df-graphics": optional(File),
		"ef-img": optional(File),
		"ef-iidf": optional(File),
		"ef-ice-graphics": optional(File),
		"ef-launch-scws": optional(File),
		"ef-icon": optional(File),
		"df-phonebook": optional(File),
		"ef-pbr": optional(File),
		"ef-ext1": optional(File),
		"ef-aas": optional(File),
		"ef-gas": optional(File),
		"ef-psc": optional(File),
		"ef-cc": optional(File),
		"ef-puid": optional(File),
		"ef-iap": optional(File),
		"ef-adn": optional(File),
		"ef-pbc": optional(File),
		"ef-anr": optional(File),
		"ef-puri": optional(File),
		"ef-email": optional(File),
		"ef-sne": optional(File),
		"ef-uid": optional(File),
		"ef-grp": optional(File),
		"ef-ccp1": optional(File),
		"df-multimedia": optional(File),
		"ef-mml": optional(File),
		"ef-mmdf": optional(File),
		"df-mmss": optional(File),
		"ef-mlpl": optional(File),
		"ef-mspl": optional(File),
		"ef-mmssmode": optional(File),
		"df-mcs": optional(File),
		"ef-mst": optional(File),
		"ef-mcs-config": optional(File),
		"df-v2x": optional(File),
		"ef-vst": optional(File),
		"ef-v2x-config": optional(File),
		"ef-v2xp-pc5": optional(File),
		"ef-v2xp-Uu": optional(File),
	}),
);
export type PeTelecom = Infer<typeof PeTelecom>;

export const PePhonebook = define(
	"PE-PHONEBOOK",
	sequence({
		"phonebook-header": PEHeader,
		templateID: objectIdentifier(),
		"df-phonebook": File,
		"ef-pbr": optional(File),
		"ef-ext1": optional(File),
		"ef-aas": optional(File),
		"ef-gas": optional(File),
		"ef-psc": optional(File),
		"ef-cc": optional(File),
		"ef-puid": optional(File),
		"ef-iap": optional(File),
		"ef-adn": optional(File),
		"ef-pbc": optional(File),
		"ef-anr": optional(File),
		"ef-puri": optional(File),
		"ef-email": optional(File),
		"ef-sne": optional(File),
		"ef-uid": optional(File),
		"ef-grp": optional(File),
		"ef-ccp1": optional(File),
	}),
);
export type PePhonebook = Infer<typeof PePhonebook>;
