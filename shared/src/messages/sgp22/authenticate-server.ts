/** SGP.22 v2.5, module RSPDefinitions: common mutual authentication (ES10b.AuthenticateServer). */

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
import { Certificate, SubjectKeyIdentifier } from "../pkix.ts";
import { Octet16, TransactionId } from "./basic-types.ts";
import { DeviceInfo } from "./device-info.ts";
import { EUICCInfo2 } from "./euicc-info.ts";

/** Signed by the RSP server. */
export const ServerSigned1 = define(
	"ServerSigned1",
	sequence({
		transactionId: at(context(0), TransactionId),
		euiccChallenge: at(context(1), Octet16),
		serverAddress: at(context(3), utf8String()),
		serverChallenge: at(context(4), Octet16),
	}),
);
export type ServerSigned1 = Infer<typeof ServerSigned1>;

export const CtxParamsForCommonAuthentication = define(
	"CtxParamsForCommonAuthentication",
	sequence({
		matchingId: optional(utf8String()),
		deviceInfo: DeviceInfo,
	}),
);
export type CtxParamsForCommonAuthentication = Infer<typeof CtxParamsForCommonAuthentication>;

export const CtxParams1 = define(
	"CtxParams1",
	choice({
		ctxParamsForCommonAuthentication: CtxParamsForCommonAuthentication,
	}),
);
export type CtxParams1 = Infer<typeof CtxParams1>;

/** The signature of the server runs over serverSigned1. Tag BF38. */
export const AuthenticateServerRequest = define(
	"AuthenticateServerRequest",
	context(56),
	sequence({
		serverSigned1: kept(ServerSigned1),
		serverSignature1: at(application(55), octetString()),
		euiccCiPKIdToBeUsed: SubjectKeyIdentifier,
		serverCertificate: Certificate,
		ctxParams1: CtxParams1,
	}),
);
export type AuthenticateServerRequest = Infer<typeof AuthenticateServerRequest>;

/** Signed by the eUICC in answer to ServerSigned1. */
export const EuiccSigned1 = define(
	"EuiccSigned1",
	sequence({
		transactionId: at(context(0), TransactionId),
		serverAddress: at(context(3), utf8String()),
		serverChallenge: at(context(4), Octet16),
		euiccInfo2: at(context(34), EUICCInfo2),
		ctxParams1: CtxParams1,
	}),
);
export type EuiccSigned1 = Infer<typeof EuiccSigned1>;

export const AuthenticateResponseOk = define(
	"AuthenticateResponseOk",
	sequence({
		euiccSigned1: kept(EuiccSigned1),
		euiccSignature1: at(application(55), octetString()),
		euiccCertificate: Certificate,
		eumCertificate: Certificate,
	}),
);
export type AuthenticateResponseOk = Infer<typeof AuthenticateResponseOk>;

export const AuthenticateErrorCodes = {
	invalidCertificate: 1,
	invalidSignature: 2,
	unsupportedCurve: 3,
	noSessionContext: 4,
	invalidOid: 5,
	euiccChallengeMismatch: 6,
	ciPKUnknown: 7,
	undefinedError: 127,
} as const;
export const AuthenticateErrorCode = define("AuthenticateErrorCode", integer({ named: AuthenticateErrorCodes }));
export type AuthenticateErrorCode = Infer<typeof AuthenticateErrorCode>;

export const AuthenticateResponseError = define(
	"AuthenticateResponseError",
	sequence({
		transactionId: at(context(0), TransactionId),
		authenticateErrorCode: AuthenticateErrorCode,
	}),
);
export type AuthenticateResponseError = Infer<typeof AuthenticateResponseError>;

/** Tag BF38. */
export const AuthenticateServerResponse = define(
	"AuthenticateServerResponse",
	context(56),
	choice({
		authenticateResponseOk: AuthenticateResponseOk,
		authenticateResponseError: AuthenticateResponseError,
	}),
);
export type AuthenticateServerResponse = Infer<typeof AuthenticateServerResponse>;
