/** SGP.22 v2.5, module RSPDefinitions: functions of ES9+ up to the Bound Profile Package. */

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
	sequence,
	utf8String,
} from "../../asn1/schema.ts";
import { Certificate, SubjectKeyIdentifier } from "../pkix.ts";
import { AuthenticateServerResponse, ServerSigned1 } from "./authenticate-server.ts";
import { Octet16, TransactionId } from "./basic-types.ts";
import { BoundProfilePackage } from "./bound-profile-package.ts";
import { EUICCInfo1 } from "./euicc-info.ts";
import { PrepareDownloadResponse, SmdpSigned2 } from "./prepare-download.ts";
import { StoreMetadataRequest } from "./profile-metadata.ts";

/** Tag BF39. */
export const InitiateAuthenticationRequest = define(
	"InitiateAuthenticationRequest",
	context(57),
	sequence({
		euiccChallenge: at(context(1), Octet16),
		smdpAddress: at(context(3), utf8String()),
		euiccInfo1: EUICCInfo1,
	}),
);
export type InitiateAuthenticationRequest = Infer<typeof InitiateAuthenticationRequest>;

export const InitiateAuthenticationOkEs9 = define(
	"InitiateAuthenticationOkEs9",
	sequence({
		transactionId: at(context(0), TransactionId),
		serverSigned1: kept(ServerSigned1),
		serverSignature1: at(application(55), octetString()),
		euiccCiPKIdToBeUsed: SubjectKeyIdentifier,
		serverCertificate: Certificate,
	}),
);
export type InitiateAuthenticationOkEs9 = Infer<typeof InitiateAuthenticationOkEs9>;

export const InitiateAuthenticationErrorCode = {
	invalidDpAddress: 1,
	euiccVersionNotSupportedByDp: 2,
	ciPKNotSupported: 3,
} as const;
/** Tag BF39. */
export const InitiateAuthenticationResponse = define(
	"InitiateAuthenticationResponse",
	context(57),
	choice({
		initiateAuthenticationOk: InitiateAuthenticationOkEs9,
		initiateAuthenticationError: integer({ named: InitiateAuthenticationErrorCode }),
	}),
);
export type InitiateAuthenticationResponse = Infer<typeof InitiateAuthenticationResponse>;

/** Tag BF3B. */
export const AuthenticateClientRequest = define(
	"AuthenticateClientRequest",
	context(59),
	sequence({
		transactionId: at(context(0), TransactionId),
		authenticateServerResponse: at(context(56), kept(AuthenticateServerResponse)),
	}),
);
export type AuthenticateClientRequest = Infer<typeof AuthenticateClientRequest>;

export const AuthenticateClientOk = define(
	"AuthenticateClientOk",
	sequence({
		transactionId: at(context(0), TransactionId),
		profileMetaData: at(context(37), kept(StoreMetadataRequest)),
		smdpSigned2: kept(SmdpSigned2),
		smdpSignature2: at(application(55), octetString()),
		smdpCertificate: Certificate,
	}),
);
export type AuthenticateClientOk = Infer<typeof AuthenticateClientOk>;

export const AuthenticateClientErrorEs9Code = {
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
	undefinedError: 127,
} as const;
/** Tag BF3B. */
export const AuthenticateClientResponseEs9 = define(
	"AuthenticateClientResponseEs9",
	context(59),
	choice({
		authenticateClientOk: AuthenticateClientOk,
		authenticateClientError: integer({ named: AuthenticateClientErrorEs9Code }),
	}),
);
export type AuthenticateClientResponseEs9 = Infer<typeof AuthenticateClientResponseEs9>;

/** Tag BF3A. */
export const GetBoundProfilePackageRequest = define(
	"GetBoundProfilePackageRequest",
	context(58),
	sequence({
		transactionId: at(context(0), TransactionId),
		prepareDownloadResponse: at(context(33), kept(PrepareDownloadResponse)),
	}),
);
export type GetBoundProfilePackageRequest = Infer<typeof GetBoundProfilePackageRequest>;

export const GetBoundProfilePackageOk = define(
	"GetBoundProfilePackageOk",
	sequence({
		transactionId: at(context(0), TransactionId),
		boundProfilePackage: at(context(54), kept(BoundProfilePackage)),
	}),
);
export type GetBoundProfilePackageOk = Infer<typeof GetBoundProfilePackageOk>;

export const GetBoundProfilePackageErrorCode = {
	euiccSignatureInvalid: 1,
	confirmationCodeMissing: 2,
	confirmationCodeRefused: 3,
	confirmationCodeRetriesExceeded: 4,
	bppRebindingRefused: 5,
	downloadOrderExpired: 6,
	invalidTransactionId: 95,
	undefinedError: 127,
} as const;
/** Tag BF3A. */
export const GetBoundProfilePackageResponse = define(
	"GetBoundProfilePackageResponse",
	context(58),
	choice({
		getBoundProfilePackageOk: GetBoundProfilePackageOk,
		getBoundProfilePackageError: integer({ named: GetBoundProfilePackageErrorCode }),
	}),
);
export type GetBoundProfilePackageResponse = Infer<typeof GetBoundProfilePackageResponse>;
