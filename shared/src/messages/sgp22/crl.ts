/** SGP.22 v2.5, module RSPDefinitions: certificate revocation lists (ES10b.LoadCRL) and the certificate extensions around them. */

import { choice, context, define, type Infer, integer, optional, sequence, sequenceOf } from "../../asn1/schema.ts";
import { CertificateList, Time } from "../pkix.ts";

export const SegmentedCrlList = define("SegmentedCrlList", sequenceOf(CertificateList));
export type SegmentedCrlList = Infer<typeof SegmentedCrlList>;

/** Tag BF35. */
export const LoadCRLRequest = define(
	"LoadCRLRequest",
	context(53),
	sequence({
		crl: CertificateList,
	}),
);
export type LoadCRLRequest = Infer<typeof LoadCRLRequest>;

export const LoadCRLResponseOk = define(
	"LoadCRLResponseOk",
	sequence({
		missingParts: optional(sequenceOf(integer())),
	}),
);
export type LoadCRLResponseOk = Infer<typeof LoadCRLResponseOk>;

export const LoadCRLResponseErrorCode = {
	invalidSignature: 1,
	invalidCRLFormat: 2,
	notEnoughMemorySpace: 3,
	verificationKeyNotFound: 4,
	fresherCrlAlreadyLoaded: 5,
	baseCrlMissing: 6,
	undefinedError: 127,
} as const;
export const LoadCRLResponseError = define("LoadCRLResponseError", integer({ named: LoadCRLResponseErrorCode }));
export type LoadCRLResponseError = Infer<typeof LoadCRLResponseError>;

/** Tag BF35. */
export const LoadCRLResponse = define(
	"LoadCRLResponse",
	context(53),
	choice({
		loadCRLResponseOk: LoadCRLResponseOk,
		loadCRLResponseError: LoadCRLResponseError,
	}),
);
export type LoadCRLResponse = Infer<typeof LoadCRLResponse>;

export const ExpirationDate = define("ExpirationDate", Time);
export type ExpirationDate = Infer<typeof ExpirationDate>;

export const TotalPartialCrlNumber = define("TotalPartialCrlNumber", integer());
export type TotalPartialCrlNumber = Infer<typeof TotalPartialCrlNumber>;

export const PartialCrlNumber = define("PartialCrlNumber", integer());
export type PartialCrlNumber = Infer<typeof PartialCrlNumber>;
