/** SGP.32 v1.2, module SGP32Definitions: ESipa functions of an indirect download. */

import {
	application,
	at,
	choice,
	context,
	define,
	type Infer,
	integer,
	kept,
	octetString,
	optional,
	sequence,
	utf8String,
} from "../../asn1/schema.ts";
import { Certificate } from "../pkix.ts";
import { CtxParams1, ServerSigned1 } from "../sgp22/authenticate-server.ts";
import { Octet16, Octet32, TransactionId } from "../sgp22/basic-types.ts";
import { BoundProfilePackage } from "../sgp22/bound-profile-package.ts";
import { EUICCInfo1 } from "../sgp22/euicc-info.ts";
import { SmdpSigned2 } from "../sgp22/prepare-download.ts";
import { AuthenticateServerResponse } from "./authenticate-server.ts";
import { CancelSessionResponse } from "./cancel-session.ts";
import { PrepareDownloadResponse } from "./prepare-download.ts";
import { ProfileDownloadTriggerRequest } from "./profile-download-trigger.ts";
import { StoreMetadataRequest } from "./profile-info.ts";

/** Tag BF39. */
export const InitiateAuthenticationRequestEsipa = define(
	"InitiateAuthenticationRequestEsipa",
	context(57),
	sequence({
		euiccChallenge: at(context(1), Octet16),
		smdpAddress: optional(at(context(3), utf8String())),
		euiccInfo1: optional(kept(EUICCInfo1)),
		eimTransactionId: optional(at(context(2), TransactionId)),
	}),
);
export type InitiateAuthenticationRequestEsipa = Infer<typeof InitiateAuthenticationRequestEsipa>;

/** transactionId may be left out to save octets. */
export const InitiateAuthenticationOkEsipa = define(
	"InitiateAuthenticationOkEsipa",
	sequence({
		transactionId: optional(at(context(0), TransactionId)),
		serverSigned1: kept(ServerSigned1),
		serverSignature1: at(application(55), octetString()),
		euiccCiPKIdentifierToBeUsed: octetString(),
		serverCertificate: Certificate,
		matchingId: optional(utf8String()),
		ctxParams1: optional(at(context(2), CtxParams1)),
	}),
);
export type InitiateAuthenticationOkEsipa = Infer<typeof InitiateAuthenticationOkEsipa>;

export const InitiateAuthenticationErrorEsipaCode = {
	invalidDpAddress: 1,
	euiccVersionNotSupportedByDp: 2,
	ciPKIdNotSupported: 3,
	smdpAddressMismatch: 50,
	smdpOidMismatch: 51,
	invalidEimTransactionId: 52,
	undefinedError: 127,
} as const;
/** Tag BF39. */
export const InitiateAuthenticationResponseEsipa = define(
	"InitiateAuthenticationResponseEsipa",
	context(57),
	choice({
		initiateAuthenticationOkEsipa: InitiateAuthenticationOkEsipa,
		initiateAuthenticationErrorEsipa: integer({ named: InitiateAuthenticationErrorEsipaCode }),
	}),
);
export type InitiateAuthenticationResponseEsipa = Infer<typeof InitiateAuthenticationResponseEsipa>;

/** Tag BF3B. */
export const AuthenticateClientRequestEsipa = define(
	"AuthenticateClientRequestEsipa",
	context(59),
	sequence({
		transactionId: at(context(0), TransactionId),
		authenticateServerResponse: at(context(56), kept(AuthenticateServerResponse)),
	}),
);
export type AuthenticateClientRequestEsipa = Infer<typeof AuthenticateClientRequestEsipa>;

/** Here hashCc stands after the certificate, in PrepareDownloadRequest before it. */
export const AuthenticateClientOkDPEsipa = define(
	"AuthenticateClientOkDPEsipa",
	sequence({
		transactionId: optional(at(context(0), TransactionId)),
		profileMetaData: optional(at(context(37), kept(StoreMetadataRequest))),
		smdpSigned2: kept(SmdpSigned2),
		smdpSignature2: at(application(55), octetString()),
		smdpCertificate: Certificate,
		hashCc: optional(Octet32),
	}),
);
export type AuthenticateClientOkDPEsipa = Infer<typeof AuthenticateClientOkDPEsipa>;

export const AuthenticateClientOkDSEsipa = define(
	"AuthenticateClientOkDSEsipa",
	sequence({
		transactionId: at(context(0), TransactionId),
		profileDownloadTrigger: optional(at(context(84), ProfileDownloadTriggerRequest)),
	}),
);
export type AuthenticateClientOkDSEsipa = Infer<typeof AuthenticateClientOkDSEsipa>;

export const AuthenticateClientErrorEsipaCode = {
	eumCertificateInvalid: 1,
	eumCertificateExpired: 2,
	euiccCertificateInvalid: 3,
	euiccCertificateExpired: 4,
	euiccSignatureInvalid: 5,
	matchingIdRefused: 6,
	eidMismatch: 7,
	noEligibleProfile: 8,
	ciPKUnknown: 9,
	invalidTransactionId: 10,
	insufficientMemory: 11,
	pprNotAllowed: 50,
	eventIdUnknown: 56,
	undefinedError: 127,
} as const;
/** Tag BF3B. */
export const AuthenticateClientResponseEsipa = define(
	"AuthenticateClientResponseEsipa",
	context(59),
	choice({
		authenticateClientOkDPEsipa: AuthenticateClientOkDPEsipa,
		authenticateClientOkDSEsipa: AuthenticateClientOkDSEsipa,
		authenticateClientErrorEsipa: integer({ named: AuthenticateClientErrorEsipaCode }),
	}),
);
export type AuthenticateClientResponseEsipa = Infer<typeof AuthenticateClientResponseEsipa>;

/** Tag BF3A. */
export const GetBoundProfilePackageRequestEsipa = define(
	"GetBoundProfilePackageRequestEsipa",
	context(58),
	sequence({
		transactionId: at(context(0), TransactionId),
		prepareDownloadResponse: at(context(33), kept(PrepareDownloadResponse)),
	}),
);
export type GetBoundProfilePackageRequestEsipa = Infer<typeof GetBoundProfilePackageRequestEsipa>;

export const GetBoundProfilePackageOkEsipa = define(
	"GetBoundProfilePackageOkEsipa",
	sequence({
		transactionId: optional(at(context(0), TransactionId)),
		boundProfilePackage: at(context(54), kept(BoundProfilePackage)),
	}),
);
export type GetBoundProfilePackageOkEsipa = Infer<typeof GetBoundProfilePackageOkEsipa>;

export const GetBoundProfilePackageErrorEsipaCode = {
	euiccSignatureInvalid: 1,
	confirmationCodeMissing: 2,
	confirmationCodeRefused: 3,
	confirmationCodeRetriesExceeded: 4,
	bppRebindingRefused: 5,
	downloadOrderExpired: 6,
	metadataMismatch: 50,
	invalidTransactionId: 95,
	undefinedError: 127,
} as const;
/** Tag BF3A. */
export const GetBoundProfilePackageResponseEsipa = define(
	"GetBoundProfilePackageResponseEsipa",
	context(58),
	choice({
		getBoundProfilePackageOkEsipa: GetBoundProfilePackageOkEsipa,
		getBoundProfilePackageErrorEsipa: integer({ named: GetBoundProfilePackageErrorEsipaCode }),
	}),
);
export type GetBoundProfilePackageResponseEsipa = Infer<typeof GetBoundProfilePackageResponseEsipa>;

/** The response of the eUICC stands here under [1] instead of its own tag. Tag BF41. */
export const CancelSessionRequestEsipa = define(
	"CancelSessionRequestEsipa",
	context(65),
	sequence({
		transactionId: TransactionId,
		cancelSessionResponse: kept(CancelSessionResponse),
	}),
);
export type CancelSessionRequestEsipa = Infer<typeof CancelSessionRequestEsipa>;

export const CancelSessionOk = define("CancelSessionOk", sequence({}));
export type CancelSessionOk = Infer<typeof CancelSessionOk>;

export const CancelSessionErrorCode = {
	invalidTransactionId: 1,
	euiccSignatureInvalid: 2,
	undefinedError: 127,
} as const;
/** Tag BF41. */
export const CancelSessionResponseEsipa = define(
	"CancelSessionResponseEsipa",
	context(65),
	choice({
		cancelSessionOk: CancelSessionOk,
		cancelSessionError: integer({ named: CancelSessionErrorCode }),
	}),
);
export type CancelSessionResponseEsipa = Infer<typeof CancelSessionResponseEsipa>;
