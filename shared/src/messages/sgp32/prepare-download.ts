/** SGP.32 v1.2, module SGP32Definitions: download preparation, whole and compact. */

import {
	application,
	at,
	choice,
	context,
	define,
	type Infer,
	octetString,
	optional,
	sequence,
} from "../../asn1/schema.ts";
import { Octet32 } from "../sgp22/basic-types.ts";
import { PrepareDownloadResponseError, PrepareDownloadResponseOk } from "../sgp22/prepare-download.ts";

export const CompactEuiccSigned2 = define(
	"CompactEuiccSigned2",
	sequence({
		euiccOtpk: optional(at(application(73), octetString())),
		hashCc: optional(Octet32),
	}),
);
export type CompactEuiccSigned2 = Infer<typeof CompactEuiccSigned2>;

/** The signature runs over the full euiccSigned2, which the eIM rebuilds. */
export const CompactPrepareDownloadResponseOk = define(
	"CompactPrepareDownloadResponseOk",
	sequence({
		compactEuiccSigned2: CompactEuiccSigned2,
		euiccSignature2: at(application(55), octetString()),
	}),
);
export type CompactPrepareDownloadResponseOk = Infer<typeof CompactPrepareDownloadResponseOk>;

/** Tag BF21. */
export const PrepareDownloadResponse = define(
	"PrepareDownloadResponse",
	context(33),
	choice({
		downloadResponseOk: PrepareDownloadResponseOk,
		downloadResponseError: PrepareDownloadResponseError,
		compactDownloadResponseOk: CompactPrepareDownloadResponseOk,
	}),
);
export type PrepareDownloadResponse = Infer<typeof PrepareDownloadResponse>;
