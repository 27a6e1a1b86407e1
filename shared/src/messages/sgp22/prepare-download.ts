/** SGP.22 v2.5, module RSPDefinitions: download preparation (ES10b.PrepareDownload). */

import {
	application,
	at,
	boolean,
	choice,
	context,
	define,
	type Infer,
	integer,
	kept,
	octetString,
	optional,
	sequence,
} from "../../asn1/schema.ts";
import { Certificate } from "../pkix.ts";
import { Octet32, TransactionId } from "./basic-types.ts";

/** Signed by the SM-DP+ together with the signature of EuiccSigned1; the BOOLEAN keeps its universal tag. */
export const SmdpSigned2 = define(
	"SmdpSigned2",
	sequence({
		transactionId: at(context(0), TransactionId),
		ccRequiredFlag: boolean(),
		bppEuiccOtpk: optional(at(application(73), octetString())),
	}),
);
export type SmdpSigned2 = Infer<typeof SmdpSigned2>;

/** Here hashCc stands before the certificate, in ESipa after it. Tag BF21. */
export const PrepareDownloadRequest = define(
	"PrepareDownloadRequest",
	context(33),
	sequence({
		smdpSigned2: kept(SmdpSigned2),
		smdpSignature2: at(application(55), octetString()),
		hashCc: optional(Octet32),
		smdpCertificate: Certificate,
	}),
);
export type PrepareDownloadRequest = Infer<typeof PrepareDownloadRequest>;

/** Signed by the eUICC together with the signature of SmdpSigned2; carries its one-time key. */
export const EUICCSigned2 = define(
	"EUICCSigned2",
	sequence({
		transactionId: at(context(0), TransactionId),
		euiccOtpk: at(application(73), octetString()),
		hashCc: optional(Octet32),
	}),
);
export type EUICCSigned2 = Infer<typeof EUICCSigned2>;

export const PrepareDownloadResponseOk = define(
	"PrepareDownloadResponseOk",
	sequence({
		euiccSigned2: kept(EUICCSigned2),
		euiccSignature2: at(application(55), octetString()),
	}),
);
export type PrepareDownloadResponseOk = Infer<typeof PrepareDownloadResponseOk>;

export const DownloadErrorCodes = {
	invalidCertificate: 1,
	invalidSignature: 2,
	unsupportedCurve: 3,
	noSessionContext: 4,
	invalidTransactionId: 5,
	undefinedError: 127,
} as const;
export const DownloadErrorCode = define("DownloadErrorCode", integer({ named: DownloadErrorCodes }));
export type DownloadErrorCode = Infer<typeof DownloadErrorCode>;

export const PrepareDownloadResponseError = define(
	"PrepareDownloadResponseError",
	sequence({
		transactionId: at(context(0), TransactionId),
		downloadErrorCode: DownloadErrorCode,
	}),
);
export type PrepareDownloadResponseError = Infer<typeof PrepareDownloadResponseError>;

/** Tag BF21. */
export const PrepareDownloadResponse = define(
	"PrepareDownloadResponse",
	context(33),
	choice({
		downloadResponseOk: PrepareDownloadResponseOk,
		downloadResponseError: PrepareDownloadResponseError,
	}),
);
export type PrepareDownloadResponse = Infer<typeof PrepareDownloadResponse>;
