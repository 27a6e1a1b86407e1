/** SGP.22 v2.5, module RSPDefinitions: the end of a session before the download (ES10b.CancelSession). */

import {
	application,
	at,
	choice,
	context,
	define,
	type Infer,
	integer,
	kept,
	objectIdentifier,
	octetString,
	sequence,
} from "../../asn1/schema.ts";
import { TransactionId } from "./basic-types.ts";

export const CancelSessionReasonCode = {
	endUserRejection: 0,
	postponed: 1,
	timeout: 2,
	pprNotAllowed: 3,
	metadataMismatch: 4,
	loadBppExecutionError: 5,
	undefinedReason: 127,
} as const;
export const CancelSessionReason = define("CancelSessionReason", integer({ named: CancelSessionReasonCode }));
export type CancelSessionReason = Infer<typeof CancelSessionReason>;

/** Tag BF41. */
export const CancelSessionRequest = define(
	"CancelSessionRequest",
	context(65),
	sequence({
		transactionId: TransactionId,
		reason: CancelSessionReason,
	}),
);
export type CancelSessionRequest = Infer<typeof CancelSessionRequest>;

/** Signed by the eUICC; all three fields are tagged automatically, the OID too. */
export const EuiccCancelSessionSigned = define(
	"EuiccCancelSessionSigned",
	sequence({
		transactionId: TransactionId,
		smdpOid: objectIdentifier(),
		reason: CancelSessionReason,
	}),
);
export type EuiccCancelSessionSigned = Infer<typeof EuiccCancelSessionSigned>;

export const CancelSessionResponseOk = define(
	"CancelSessionResponseOk",
	sequence({
		euiccCancelSessionSigned: kept(EuiccCancelSessionSigned),
		euiccCancelSessionSignature: at(application(55), octetString()),
	}),
);
export type CancelSessionResponseOk = Infer<typeof CancelSessionResponseOk>;

export const CancelSessionResponseErrorCode = { invalidTransactionId: 5, undefinedError: 127 } as const;
/** Tag BF41. */
export const CancelSessionResponse = define(
	"CancelSessionResponse",
	context(65),
	choice({
		cancelSessionResponseOk: CancelSessionResponseOk,
		cancelSessionResponseError: integer({ named: CancelSessionResponseErrorCode }),
	}),
);
export type CancelSessionResponse = Infer<typeof CancelSessionResponse>;
