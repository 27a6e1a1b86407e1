/** TCA eUICC Profile Package v3.3, module PEDefinitions: DF.EAP. */

import { define, type Infer, objectIdentifier, optional, sequence } from "../../asn1/schema.ts";
import { PEHeader } from "./basic-types.ts";
import { File } from "./file.ts";

export const PeEap = define(
	"PE-EAP",
	sequence({
		"eap-header": PEHeader,
		templateID: objectIdentifier(),
		"df-eap": File,
		"ef-eapkeys": optional(File),
		"ef-eapstatus": File,
		"ef-puid": optional(File),
		"ef-ps": optional(File),
		"ef-curid": optional(File),
		"ef-reid": optional(File),
		"ef-realm": optional(File),
	}),
);
export type PeEap = Infer<typeof PeEap>;
