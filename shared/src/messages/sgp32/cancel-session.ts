/** SGP.32 v1.2, module SGP32Definitions: the end of a session, whole and compact. */

import {
	application,
	at,
	choice,
	context,
	define,
	type Infer,
	integer,
	octetString,
	optional,
	sequence,
} from "../../asn1/schema.ts";
import { CancelSessionReason, CancelSessionResponseOk } from "../sgp22/cancel-session.ts";

export const CompactEuiccCancelSessionSigned = define(
	"CompactEuiccCancelSessionSigned",
	sequence({
		reason: optional(CancelSessionReason),
	}),
);
export type CompactEuiccCancelSessionSigned = Infer<typeof CompactEuiccCancelSessionSigned>;

/** The signature runs over the full euiccCancelSessionSigned, which the eIM rebuilds. */
export const CompactCancelSessionResponseOk = define(
	"CompactCancelSessionResponseOk",
	sequence({
		compactEuiccCancelSessionSigned: CompactEuiccCancelSessionSigned,
		euiccCancelSessionSignature: at(application(55), octetString()),
	}),
);
export type CompactCancelSessionResponseOk = Infer<typeof CompactCancelSessionResponseOk>;

export const CancelSessionResponseErrorCode = { invalidTransactionId: 5, undefinedError: 127 } as const;
/** Tag BF41. */
export const CancelSessionResponse = define(
	"CancelSessionResponse",
	context(65),
	choice({
		cancelSessionResponseOk: CancelSessionResponseOk,
		cancelSessionResponseError: integer({ named: CancelSessionResponseErrorCode }),
		compactCancelSessionResponseOk: CompactCancelSessionResponseOk,
	}),
);
export type CancelSessionResponse = Infer<typeof CancelSessionResponse>;
