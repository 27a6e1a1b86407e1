/** TCA eUICC Profile Package v3.3, module PEDefinitions: ADF.ISIM. */

import { define, type Infer, objectIdentifier, optional, sequence } from "../../asn1/schema.ts";
import { PEHeader } from "./basic-types.ts";
import { File } from "./file.ts";

export const PeIsim = define(
	"PE-ISIM",
	sequence({
		"isim-header": PEHeader,
		templateID: objectIdentifier(),
		"adf-isim": File,
		"ef-impi": File,
		"ef-impu": File,
		"ef-domain": File,
		"ef-ist": File,
		"ef-ad": optional(File),
		"ef-arr": File,
	}),
);
export type PeIsim = Infer<typeof PeIsim>;

export const PeOptIsim = define(
	"PE-OPT-ISIM",
	sequence({
		"optisim-header": PEHeader,
		templateID: objectIdentifier(),
		"ef-pcscf": optional(File),
		"ef-sms": optional(File),
		"ef-smsp": optional(File),
		"ef-smss": optional(File),
		"ef-smsr": optional(File),
		"ef-gbabp": optional(File),
		"ef-gbanl": optional(File),
		"ef-nafkca": optional(File),
		"ef-uicciari": optional(File),
		"ef-frompreferred": optional(File),
		"ef-imsconfigdata": optional(File),
		"ef-xcapconfigdata": optional(File),
		"ef-webrtcuri": optional(File),
		"ef-mudmidconfigdata": optional(File),
	}),
);
export type PeOptIsim = Infer<typeof PeOptIsim>;
