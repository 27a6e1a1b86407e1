/** SGP.32 v1.2, module SGP32Definitions: what the eUICC signs after a package. */

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
	sequenceOf,
	utf8String,
} from "../../asn1/schema.ts";
import { TransactionId } from "../sgp22/basic-types.ts";
import { EuiccResultData } from "./command-results.ts";

/** Signed by the eUICC together with the association token; seqNumber comes from the counter of notifications. */
export const EuiccPackageResultDataSigned = define(
	"EuiccPackageResultDataSigned",
	sequence({
		eimId: at(context(0), utf8String({ size: [1, 128] })),
		counterValue: at(context(1), integer()),
		eimTransactionId: optional(at(context(2), TransactionId)),
		seqNumber: at(context(3), integer()),
		euiccResult: sequenceOf(EuiccResultData),
	}),
);
export type EuiccPackageResultDataSigned = Infer<typeof EuiccPackageResultDataSigned>;

export const EuiccPackageResultSigned = define(
	"EuiccPackageResultSigned",
	sequence({
		euiccPackageResultDataSigned: kept(EuiccPackageResultDataSigned),
		euiccSignEPR: at(application(55), octetString()),
	}),
);
export type EuiccPackageResultSigned = Infer<typeof EuiccPackageResultSigned>;

export const EuiccPackageErrorCodes = {
	invalidEid: 3,
	replayError: 4,
	counterValueOutOfRange: 6,
	sizeOverflow: 15,
	ecallActive: 104,
	undefinedError: 127,
} as const;
export const EuiccPackageErrorCode = define("EuiccPackageErrorCode", integer({ named: EuiccPackageErrorCodes }));
export type EuiccPackageErrorCode = Infer<typeof EuiccPackageErrorCode>;

export const EuiccPackageErrorDataSigned = define(
	"EuiccPackageErrorDataSigned",
	sequence({
		eimId: at(context(0), utf8String({ size: [1, 128] })),
		counterValue: at(context(1), integer()),
		eimTransactionId: optional(at(context(2), TransactionId)),
		euiccPackageErrorCode: EuiccPackageErrorCode,
	}),
);
export type EuiccPackageErrorDataSigned = Infer<typeof EuiccPackageErrorDataSigned>;

export const EuiccPackageErrorSigned = define(
	"EuiccPackageErrorSigned",
	sequence({
		euiccPackageErrorDataSigned: kept(EuiccPackageErrorDataSigned),
		euiccSignEPE: at(application(55), octetString()),
	}),
);
export type EuiccPackageErrorSigned = Infer<typeof EuiccPackageErrorSigned>;

/** Not signed, not numbered, never acknowledged. */
export const EuiccPackageErrorUnsigned = define(
	"EuiccPackageErrorUnsigned",
	sequence({
		eimId: at(context(0), utf8String({ size: [1, 128] })),
		eimTransactionId: optional(at(context(2), TransactionId)),
		associationToken: optional(at(context(4), integer())),
	}),
);
export type EuiccPackageErrorUnsigned = Infer<typeof EuiccPackageErrorUnsigned>;

/** Signed results, a signed error, or an error for an eIM that the eUICC does not know. Tag BF51. */
export const EuiccPackageResult = define(
	"EuiccPackageResult",
	context(81),
	choice({
		euiccPackageResultSigned: EuiccPackageResultSigned,
		euiccPackageErrorSigned: EuiccPackageErrorSigned,
		euiccPackageErrorUnsigned: EuiccPackageErrorUnsigned,
	}),
);
export type EuiccPackageResult = Infer<typeof EuiccPackageResult>;

export const EuiccPackageResultList = define("EuiccPackageResultList", sequenceOf(kept(EuiccPackageResult)));
export type EuiccPackageResultList = Infer<typeof EuiccPackageResultList>;
