/** SGP.32 v1.2, module SGP32Definitions: start of a download by the eIM. */

import {
	at,
	choice,
	context,
	define,
	type Infer,
	integer,
	kept,
	nullValue,
	octetString,
	optional,
	sequence,
	utf8String,
} from "../../asn1/schema.ts";
import { TransactionId } from "../sgp22/basic-types.ts";
import { ProfileInstallationResult } from "./notifications.ts";

export const ProfileDownloadData = define(
	"ProfileDownloadData",
	choice({
		activationCode: at(context(0), utf8String({ size: [0, 255] })),
		contactDefaultSmdp: at(context(1), nullValue()),
		contactSmds: at(
			context(2),
			sequence({
				smdsAddress: optional(utf8String()),
			}),
		),
	}),
);
export type ProfileDownloadData = Infer<typeof ProfileDownloadData>;

/** Without profileDownloadData the IPA uses its default SM-DP+ or SM-DS. Tag BF54. */
export const ProfileDownloadTriggerRequest = define(
	"ProfileDownloadTriggerRequest",
	context(84),
	sequence({
		profileDownloadData: optional(at(context(0), ProfileDownloadData)),
		eimTransactionId: optional(at(context(2), TransactionId)),
	}),
);
export type ProfileDownloadTriggerRequest = Infer<typeof ProfileDownloadTriggerRequest>;

export const ProfileDownloadErrorReasonCode = { ecallActive: 104, undefinedError: 127 } as const;
/** The whole Profile Installation Result, or an error. Tag BF54. */
export const ProfileDownloadTriggerResult = define(
	"ProfileDownloadTriggerResult",
	context(84),
	sequence({
		eimTransactionId: optional(at(context(2), TransactionId)),
		profileDownloadTriggerResultData: choice({
			profileInstallationResult: at(context(55), kept(ProfileInstallationResult)),
			profileDownloadError: sequence({
				profileDownloadErrorReason: at(context(0), integer({ named: ProfileDownloadErrorReasonCode })),
				errorResponse: optional(octetString()),
			}),
		}),
	}),
);
export type ProfileDownloadTriggerResult = Infer<typeof ProfileDownloadTriggerResult>;
