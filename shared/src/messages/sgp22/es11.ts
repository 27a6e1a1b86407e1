/** SGP.22 v2.5, module RSPDefinitions: ES11, the events of an SM-DS. */

import { choice, context, define, type Infer, integer, sequence, sequenceOf, utf8String } from "../../asn1/schema.ts";
import { TransactionId } from "./basic-types.ts";

/** An event that waits at an RSP server. */
export const EventEntries = define(
	"EventEntries",
	sequence({
		eventId: utf8String(),
		rspServerAddress: utf8String(),
	}),
);
export type EventEntries = Infer<typeof EventEntries>;

export const AuthenticateClientOkEs11 = define(
	"AuthenticateClientOkEs11",
	sequence({
		transactionId: TransactionId,
		eventEntries: sequenceOf(EventEntries),
	}),
);
export type AuthenticateClientOkEs11 = Infer<typeof AuthenticateClientOkEs11>;

export const AuthenticateClientErrorEs11Code = {
	eumCertificateInvalid: 1,
	eumCertificateExpired: 2,
	euiccCertificateInvalid: 3,
	euiccCertificateExpired: 4,
	euiccSignatureInvalid: 5,
	eventIdUnknown: 6,
	invalidTransactionId: 7,
	undefinedError: 127,
} as const;
/** Tag BF40. */
export const AuthenticateClientResponseEs11 = define(
	"AuthenticateClientResponseEs11",
	context(64),
	choice({
		authenticateClientOk: AuthenticateClientOkEs11,
		authenticateClientError: integer({ named: AuthenticateClientErrorEs11Code }),
	}),
);
export type AuthenticateClientResponseEs11 = Infer<typeof AuthenticateClientResponseEs11>;
