/** SGP.32 v1.2, module SGP32Definitions: ES10b: certificates, memory reset, connectivity parameters. */

import {
	at,
	bitString,
	choice,
	context,
	define,
	type Infer,
	integer,
	octetString,
	optional,
	sequence,
} from "../../asn1/schema.ts";
import { Certificate, SubjectKeyIdentifier } from "../pkix.ts";

/** From bit 3 on the bits differ from those of SGP.32 v1.0. Tag BF64. */
export const EuiccMemoryResetRequest = define(
	"EuiccMemoryResetRequest",
	context(100),
	sequence({
		resetOptions: at(
			context(2),
			bitString({
				deleteOperationalProfiles: 0,
				deleteFieldLoadedTestProfiles: 1,
				resetDefaultSmdpAddress: 2,
				deletePreLoadedTestProfiles: 3,
				deleteProvisioningProfiles: 4,
				resetEimConfigData: 5,
				resetImmediateEnableConfig: 6,
			}),
		),
	}),
);
export type EuiccMemoryResetRequest = Infer<typeof EuiccMemoryResetRequest>;

export const ResetResultCode = {
	ok: 0,
	nothingToDelete: 1,
	catBusy: 5,
	ecallActive: 104,
	undefinedError: 127,
} as const;
export const ResetEimResultCode = { ok: 0, nothingToDelete: 1, eimResetNotSupported: 2, undefinedError: 127 } as const;
export const ResetImmediateEnableConfigResultCode = { ok: 0, resetIECNotSupported: 1, undefinedError: 127 } as const;
/** Tag BF64. */
export const EuiccMemoryResetResponse = define(
	"EuiccMemoryResetResponse",
	context(100),
	sequence({
		resetResult: integer({ named: ResetResultCode }),
		resetEimResult: optional(integer({ named: ResetEimResultCode })),
		resetImmediateEnableConfigResult: optional(integer({ named: ResetImmediateEnableConfigResultCode })),
	}),
);
export type EuiccMemoryResetResponse = Infer<typeof EuiccMemoryResetResponse>;

/** Tag BF56. */
export const GetCertsRequest = define(
	"GetCertsRequest",
	context(86),
	sequence({
		euiccCiPKId: optional(SubjectKeyIdentifier),
	}),
);
export type GetCertsRequest = Infer<typeof GetCertsRequest>;

export const GetCertsErrorCode = { invalidCiPKId: 1, undfinedError: 127 } as const;
/** Tag BF56. */
export const GetCertsResponse = define(
	"GetCertsResponse",
	context(86),
	choice({
		certs: sequence({
			eumCertificate: at(context(5), Certificate),
			euiccCertificate: at(context(6), Certificate),
		}),
		getCertsError: integer({ named: GetCertsErrorCode }),
	}),
);
export type GetCertsResponse = Infer<typeof GetCertsResponse>;

/** Tag BF5F. */
export const GetConnectivityParametersRequest = define("GetConnectivityParametersRequest", context(95), sequence({}));
export type GetConnectivityParametersRequest = Infer<typeof GetConnectivityParametersRequest>;

export const ConnectivityParameters = define(
	"ConnectivityParameters",
	sequence({
		httpParams: optional(at(context(1), octetString())),
	}),
);
export type ConnectivityParameters = Infer<typeof ConnectivityParameters>;

export const ConnectivityParametersErrorCode = { parametersNotAvailable: 1, undefinedError: 127 } as const;
export const ConnectivityParametersError = define(
	"ConnectivityParametersError",
	integer({ named: ConnectivityParametersErrorCode }),
);
export type ConnectivityParametersError = Infer<typeof ConnectivityParametersError>;

/** What the eUICC knows of the connection, or an error. Tag BF5F. */
export const GetConnectivityParametersResponse = define(
	"GetConnectivityParametersResponse",
	context(95),
	choice({
		connectivityParameters: ConnectivityParameters,
		connectivityParametersError: ConnectivityParametersError,
	}),
);
export type GetConnectivityParametersResponse = Infer<typeof GetConnectivityParametersResponse>;
