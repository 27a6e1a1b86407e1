/** SGP.32 v1.2, module SGP32Definitions: common mutual authentication, whole and compact. */

import {
	application,
	at,
	choice,
	context,
	define,
	type Infer,
	kept,
	octetString,
	optional,
	sequence,
	utf8String,
} from "../../asn1/schema.ts";
import { Certificate } from "../pkix.ts";
import { AuthenticateResponseError, CtxParams1 } from "../sgp22/authenticate-server.ts";
import { Octet16, TransactionId } from "../sgp22/basic-types.ts";
import { EUICCInfo2 } from "./euicc-info.ts";

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

export const CompactEuiccSigned1 = define(
	"CompactEuiccSigned1",
	sequence({
		extCardResource: at(context(4), octetString()),
		ctxParams1: optional(at(context(2), CtxParams1)),
	}),
);
export type CompactEuiccSigned1 = Infer<typeof CompactEuiccSigned1>;

/** The signature runs over the full euiccSigned1, which the eIM rebuilds. */
export const CompactAuthenticateResponseOk = define(
	"CompactAuthenticateResponseOk",
	sequence({
		signedData: choice({
			euiccSigned1: kept(EuiccSigned1),
			compactEuiccSigned1: at(context(0), CompactEuiccSigned1),
		}),
		euiccSignature1: at(application(55), octetString()),
		euiccCertificate: optional(at(context(1), Certificate)),
		eumCertificate: optional(at(context(2), Certificate)),
	}),
);
export type CompactAuthenticateResponseOk = Infer<typeof CompactAuthenticateResponseOk>;

/** Tag BF38. */
export const AuthenticateServerResponse = define(
	"AuthenticateServerResponse",
	context(56),
	choice({
		authenticateResponseOk: AuthenticateResponseOk,
		authenticateResponseError: AuthenticateResponseError,
		compactAuthenticateResponseOk: CompactAuthenticateResponseOk,
	}),
);
export type AuthenticateServerResponse = Infer<typeof AuthenticateServerResponse>;

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
