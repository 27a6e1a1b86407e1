/** SGP.32 v1.2, module SGP32Definitions: what an eUICC knows of an eIM. */

import {
	at,
	bitString,
	choice,
	context,
	define,
	type Infer,
	integer,
	nullValue,
	optional,
	sequence,
	sequenceOf,
	utf8String,
} from "../../asn1/schema.ts";
import { Certificate, SubjectKeyIdentifier, SubjectPublicKeyInfo } from "../pkix.ts";

export const EimIdTypeCode = { eimIdTypeOid: 1, eimIdTypeFqdn: 2, eimIdTypeProprietary: 3 } as const;
export const EimIdType = define("EimIdType", integer({ named: EimIdTypeCode }));
export type EimIdType = Infer<typeof EimIdType>;

export const EimSupportedProtocol = define(
	"EimSupportedProtocol",
	bitString({ eimRetrieveHttps: 0, eimRetrieveCoaps: 1, eimInjectHttps: 2, eimInjectCoaps: 3, eimProprietary: 4 }),
);
export type EimSupportedProtocol = Infer<typeof EimSupportedProtocol>;

/** associationToken -1 in a request means that the eUICC makes one. Keys and certificates stand under [0] or [1] instead of their tag 30. */
export const EimConfigurationData = define(
	"EimConfigurationData",
	sequence({
		eimId: at(context(0), utf8String({ size: [1, 128] })),
		eimFqdn: optional(at(context(1), utf8String())),
		eimIdType: optional(at(context(2), EimIdType)),
		counterValue: optional(at(context(3), integer())),
		associationToken: optional(at(context(4), integer())),
		eimPublicKeyData: optional(
			at(
				context(5),
				choice({
					eimPublicKey: SubjectPublicKeyInfo,
					eimCertificate: Certificate,
				}),
			),
		),
		trustedPublicKeyDataTls: optional(
			at(
				context(6),
				choice({
					trustedEimPkTls: SubjectPublicKeyInfo,
					trustedCertificateTls: Certificate,
				}),
			),
		),
		eimSupportedProtocol: optional(at(context(7), EimSupportedProtocol)),
		euiccCiPKId: optional(at(context(8), SubjectKeyIdentifier)),
		indirectProfileDownload: optional(at(context(9), nullValue())),
	}),
);
export type EimConfigurationData = Infer<typeof EimConfigurationData>;

/** Only taken by an eUICC without any eIM. Tag BF57. */
export const AddInitialEimRequest = define(
	"AddInitialEimRequest",
	context(87),
	sequence({
		eimConfigurationDataList: at(context(0), sequenceOf(EimConfigurationData)),
	}),
);
export type AddInitialEimRequest = Infer<typeof AddInitialEimRequest>;

export const AddInitialEimErrorCode = {
	insufficientMemory: 1,
	associatedEimAlreadyExists: 2,
	ciPKUnknown: 3,
	invalidAssociationToken: 5,
	counterValueOutOfRange: 6,
	commandError: 7,
	undefinedError: 127,
} as const;
/** Tag BF57. */
export const AddInitialEimResponse = define(
	"AddInitialEimResponse",
	context(87),
	choice({
		addInitialEimOk: sequenceOf(
			choice({
				associationToken: at(context(4), integer()),
				addOk: nullValue(),
			}),
		),
		addInitialEimError: integer({ named: AddInitialEimErrorCode }),
	}),
);
export type AddInitialEimResponse = Infer<typeof AddInitialEimResponse>;

/** Tag BF55. */
export const GetEimConfigurationDataRequest = define(
	"GetEimConfigurationDataRequest",
	context(85),
	sequence({
		searchCriteria: optional(
			choice({
				eimId: at(context(0), utf8String({ size: [1, 128] })),
			}),
		),
	}),
);
export type GetEimConfigurationDataRequest = Infer<typeof GetEimConfigurationDataRequest>;

/** Tag BF55. */
export const GetEimConfigurationDataResponse = define(
	"GetEimConfigurationDataResponse",
	context(85),
	sequence({
		eimConfigurationDataList: at(context(0), sequenceOf(EimConfigurationData)),
	}),
);
export type GetEimConfigurationDataResponse = Infer<typeof GetEimConfigurationDataResponse>;
