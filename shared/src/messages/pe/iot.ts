/** TCA eUICC Profile Package v3.3, module PEDefinitions: the IoT Minimal Profile. */

import { define, type Infer, objectIdentifier, optional, sequence } from "../../asn1/schema.ts";
import { PEHeader } from "./basic-types.ts";
import { File } from "./file.ts";

export const PeIot = define(
	"PE-IoT",
	sequence({
		"iot-header": PEHeader,
		templateID: objectIdentifier(),
		mf: optional(File),
		"ef-pl": optional(File),
		"ef-iccid": optional(File),
		"ef-dir": optional(File),
		"ef-arr": optional(File),
		"ef-umpc": optional(File),
		"adf-usim": optional(File),
		"ef-imsi": File,
		"ef-arr-usim": optional(File),
		"ef-keys": optional(File),
		"ef-keysPS": optional(File),
		"ef-hpplmn": optional(File),
		"ef-ust": optional(File),
		"ef-start-hfn": optional(File),
		"ef-threshold": optional(File),
		"ef-psloci": optional(File),
		"ef-acc": File,
		"ef-fplmn": optional(File),
		"ef-loci": optional(File),
		"ef-ad": optional(File),
		"ef-ecc": optional(File),
		"ef-netpar": optional(File),
	}),
);
export type PeIot = Infer<typeof PeIot>;

export const PeOptIot = define(
	"PE-OPT-IoT",
	sequence({
		"optiot-header": PEHeader,
		templateID: objectIdentifier(),
		"ef-fdn": optional(File),
		"ef-sms": optional(File),
		"ef-smsp": optional(File),
		"ef-smss": optional(File),
		"ef-spn": optional(File),
		"ef-est": optional(File),
		"ef-oplmnwact": optional(File),
		"ef-hplmnwact": optional(File),
		"ef-ehplmn": optional(File),
		"ef-epsloci": optional(File),
		"ef-epsnsc": optional(File),
		"df-df-5gs": optional(File),
		"ef-5gs3gpploci": optional(File),
		"ef-5gsn3gpploci": optional(File),
		"ef-5gs3gppnsc": optional(File),
		"ef-5gsn3gppnsc": optional(File),
		"ef-5gauthkeys": optional(File),
		"ef-uac-aic": optional(File),
		"ef-suci-calc-info": optional(File),
		"ef-opl5g": optional(File),
		"ef-supi-nai": optional(File),
		"ef-routing-indicator": optional(File),
		"ef-ursp": optional(File),
		"ef-tn3gppsnn": optional(File),
		"df-df-saip": optional(File),
		"ef-suci-calc-info-usim": optional(File),
	}),
);
export type PeOptIot = Infer<typeof PeOptIot>;
