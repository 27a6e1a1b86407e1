/** SGP.32 v1.2, module SGP32Definitions: every ESipa message, by direction. */

import { at, choice, context, define, type Infer } from "../../asn1/schema.ts";
import {
	AuthenticateClientRequestEsipa,
	AuthenticateClientResponseEsipa,
	CancelSessionRequestEsipa,
	CancelSessionResponseEsipa,
	GetBoundProfilePackageRequestEsipa,
	GetBoundProfilePackageResponseEsipa,
	InitiateAuthenticationRequestEsipa,
	InitiateAuthenticationResponseEsipa,
} from "./esipa-download.ts";
import {
	GetEimPackageRequest,
	GetEimPackageResponse,
	HandleNotificationEsipa,
	ProvideEimPackageResult,
	ProvideEimPackageResultResponse,
	TransferEimPackageRequest,
	TransferEimPackageResponse,
} from "./esipa-package.ts";

/** Body of a request in the ASN.1 binding of ESipa, without a wrapper. */
export const EsipaMessageFromIpaToEim = define(
	"EsipaMessageFromIpaToEim",
	choice({
		initiateAuthenticationRequestEsipa: at(context(57), InitiateAuthenticationRequestEsipa),
		authenticateClientRequestEsipa: at(context(59), AuthenticateClientRequestEsipa),
		getBoundProfilePackageRequestEsipa: at(context(58), GetBoundProfilePackageRequestEsipa),
		cancelSessionRequestEsipa: at(context(65), CancelSessionRequestEsipa),
		handleNotificationEsipa: at(context(61), HandleNotificationEsipa),
		transferEimPackageResponse: at(context(78), TransferEimPackageResponse),
		getEimPackageRequest: at(context(79), GetEimPackageRequest),
		provideEimPackageResult: at(context(80), ProvideEimPackageResult),
	}),
);
export type EsipaMessageFromIpaToEim = Infer<typeof EsipaMessageFromIpaToEim>;

/** Body of a response in the ASN.1 binding of ESipa, without a wrapper. */
export const EsipaMessageFromEimToIpa = define(
	"EsipaMessageFromEimToIpa",
	choice({
		initiateAuthenticationResponseEsipa: at(context(57), InitiateAuthenticationResponseEsipa),
		authenticateClientResponseEsipa: at(context(59), AuthenticateClientResponseEsipa),
		getBoundProfilePackageResponseEsipa: at(context(58), GetBoundProfilePackageResponseEsipa),
		cancelSessionResponseEsipa: at(context(65), CancelSessionResponseEsipa),
		transferEimPackageRequest: at(context(78), TransferEimPackageRequest),
		getEimPackageResponse: at(context(79), GetEimPackageResponse),
		provideEimPackageResultResponse: at(context(80), ProvideEimPackageResultResponse),
	}),
);
export type EsipaMessageFromEimToIpa = Infer<typeof EsipaMessageFromEimToIpa>;
