/** What came with version 1.3, each at the end of what it belongs to. */

import type { Difference } from "./difference.ts";
import { strictTransferResponse } from "./esipa-forms.ts";
import { laterTags, type TypeWithLaterFields } from "./later-fields.ts";
import { withCode, without } from "./rewriting.ts";
import type { Sgp32Version } from "./version.ts";

const BEFORE_13: readonly Sgp32Version[] = ["1.0", "1.1", "1.2"];

/** Components that versions before 1.3 do not have: they are left out. */
function lacking(type: TypeWithLaterFields, item: string, form: string): Difference {
	return { item, versions: BEFORE_13, form, type, write: (strict) => without(strict, ...laterTags(type)) };
}

export const differencesOf13: readonly Difference[] = [
	{
		item: "answer to a transferred package with its correlation",
		versions: ["1.3"],
		form: "BF60{A0{80|5A}?} received, BF61{A0{80|5A}?, 81 code} error, beside 05 and 02",
		type: "TransferEimPackageResponse",
		read: strictTransferResponse,
	},
	lacking("EimConfigurationData", "proprietary protocol of EimConfigurationData", "no AA"),
	lacking("IpaCapabilities", "proprietary protocol of IpaCapabilities", "no A2"),
	lacking("EuiccPackageErrorUnsigned", "code of an unsigned error", "no 8F"),
	lacking("EUICCInfo2", "minimum security level in EUICCInfo2", "no 95"),
	lacking("IoTSpecificInfo", "permission to update fallbackAllowed in EUICCInfo2", "no B4.83"),
	lacking("UpdateMetadataRequest", "fallbackAllowed of UpdateMetadata", "no 9F67"),
	lacking("ProfileInfo", "IoT object in what is known of a profile", "no BF64"),
	lacking("StoreMetadataRequest", "IoT object in the metadata of a profile", "no BF64"),
	lacking("CompactOtherSignedNotification", "CI key of a compact notification", "nothing after 5F37"),
	{
		item: "downloadOrderExpired of AuthenticateClient",
		versions: BEFORE_13,
		form: "no 18: it is 127",
		type: "AuthenticateClientResponseEsipa",
		lacksCodes: { downloadOrderExpired: 18 },
		write: (strict) => withCode(strict, 0x82, [18], 127),
	},
	{
		item: "downloadOrderExpired of GetBoundProfilePackage",
		versions: ["1.3"],
		form: "6 is not used any more: it is 18 of AuthenticateClient, which comes before",
		type: "GetBoundProfilePackageResponseEsipa",
		codes: { deprecated: 6 },
		write: (strict) => withCode(strict, 0x81, [6], 127),
	},
	{
		item: "ecallNotAvailable of DisableEmergencyProfile",
		versions: BEFORE_13,
		form: "no 8: it is 2, no emergency profile is enabled",
		type: "DisableEmergencyProfileResponse",
		lacksCodes: { ecallNotAvailable: 8 },
		write: (strict) => withCode(strict, 0x80, [8], 2),
	},
];
