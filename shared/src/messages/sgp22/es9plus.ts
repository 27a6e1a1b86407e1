/** SGP.22 v2.5, module RSPDefinitions: ES9+ in the ASN.1 binding, all functions under one tag. */

import { at, choice, context, define, type Infer, integer, kept, sequence } from "../../asn1/schema.ts";
import { TransactionId } from "./basic-types.ts";
import { CancelSessionResponse } from "./cancel-session.ts";
import {
	AuthenticateClientRequest,
	AuthenticateClientResponseEs9,
	GetBoundProfilePackageRequest,
	GetBoundProfilePackageResponse,
	InitiateAuthenticationRequest,
	InitiateAuthenticationResponse,
} from "./es9plus-download.ts";
import { AuthenticateClientResponseEs11 } from "./es11.ts";
import { PendingNotification } from "./notifications.ts";

/** ES9+ and ES11; the same octets as the first arm of HandleNotificationEsipa. Tag BF3D. */
export const HandleNotification = define(
	"HandleNotification",
	context(61),
	sequence({
		pendingNotification: kept(PendingNotification),
	}),
);
export type HandleNotification = Infer<typeof HandleNotification>;

/** The response of the eUICC stands here under [1] instead of its own tag. Tag BF41. */
export const CancelSessionRequestEs9 = define(
	"CancelSessionRequestEs9",
	context(65),
	sequence({
		transactionId: TransactionId,
		cancelSessionResponse: kept(CancelSessionResponse),
	}),
);
export type CancelSessionRequestEs9 = Infer<typeof CancelSessionRequestEs9>;

export const CancelSessionOk = define("CancelSessionOk", sequence({}));
export type CancelSessionOk = Infer<typeof CancelSessionOk>;

export const CancelSessionErrorCode = {
	invalidTransactionId: 1,
	euiccSignatureInvalid: 2,
	undefinedError: 127,
} as const;
/** Tag BF41. */
export const CancelSessionResponseEs9 = define(
	"CancelSessionResponseEs9",
	context(65),
	choice({
		cancelSessionOk: CancelSessionOk,
		cancelSessionError: integer({ named: CancelSessionErrorCode }),
	}),
);
export type CancelSessionResponseEs9 = Infer<typeof CancelSessionResponseEs9>;

/** The wrapper of every ES9+ and ES11 request in the ASN.1 binding. Tag A2. */
export const RemoteProfileProvisioningRequest = define(
	"RemoteProfileProvisioningRequest",
	context(2),
	choice({
		initiateAuthenticationRequest: at(context(57), InitiateAuthenticationRequest),
		authenticateClientRequest: at(context(59), AuthenticateClientRequest),
		getBoundProfilePackageRequest: at(context(58), GetBoundProfilePackageRequest),
		cancelSessionRequestEs9: at(context(65), CancelSessionRequestEs9),
		handleNotification: at(context(61), HandleNotification),
	}),
);
export type RemoteProfileProvisioningRequest = Infer<typeof RemoteProfileProvisioningRequest>;

/** The wrapper of every ES9+ and ES11 response in the ASN.1 binding. Tag A2. */
export const RemoteProfileProvisioningResponse = define(
	"RemoteProfileProvisioningResponse",
	context(2),
	choice({
		initiateAuthenticationResponse: at(context(57), InitiateAuthenticationResponse),
		authenticateClientResponseEs9: at(context(59), AuthenticateClientResponseEs9),
		getBoundProfilePackageResponse: at(context(58), GetBoundProfilePackageResponse),
		cancelSessionResponseEs9: at(context(65), CancelSessionResponseEs9),
		authenticateClientResponseEs11: at(context(64), AuthenticateClientResponseEs11),
	}),
);
export type RemoteProfileProvisioningResponse = Infer<typeof RemoteProfileProvisioningResponse>;
