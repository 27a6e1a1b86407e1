/** SGP.22 v2.5, module RSPDefinitions: how an installation ended. */

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
	optional,
	sequence,
} from "../../asn1/schema.ts";
import { TransactionId } from "./basic-types.ts";
import { NotificationMetadata } from "./notification-metadata.ts";

export const SuccessResult = define(
	"SuccessResult",
	sequence({
		aid: at(application(15), octetString({ size: [5, 16] })),
		simaResponse: octetString(),
	}),
);
export type SuccessResult = Infer<typeof SuccessResult>;

export const BppCommandIdCode = {
	initialiseSecureChannel: 0,
	configureISDP: 1,
	storeMetadata: 2,
	storeMetadata2: 3,
	replaceSessionKeys: 4,
	loadProfileElements: 5,
} as const;
export const BppCommandId = define("BppCommandId", integer({ named: BppCommandIdCode }));
export type BppCommandId = Infer<typeof BppCommandId>;

export const ErrorReasonCode = {
	incorrectInputValues: 1,
	invalidSignature: 2,
	invalidTransactionId: 3,
	unsupportedCrtValues: 4,
	unsupportedRemoteOperationType: 5,
	unsupportedProfileClass: 6,
	scp03tStructureError: 7,
	scp03tSecurityError: 8,
	installFailedDueToIccidAlreadyExistsOnEuicc: 9,
	installFailedDueToInsufficientMemoryForProfile: 10,
	installFailedDueToInterruption: 11,
	installFailedDueToPEProcessingError: 12,
	installFailedDueToDataMismatch: 13,
	testProfileInstallFailedDueToInvalidNaaKey: 14,
	pprNotAllowed: 15,
	installFailedDueToUnknownError: 127,
} as const;
export const ErrorReason = define("ErrorReason", integer({ named: ErrorReasonCode }));
export type ErrorReason = Infer<typeof ErrorReason>;

export const ErrorResult = define(
	"ErrorResult",
	sequence({
		bppCommandId: BppCommandId,
		errorReason: ErrorReason,
		simaResponse: optional(octetString()),
	}),
);
export type ErrorResult = Infer<typeof ErrorResult>;

/** Signed by the eUICC, whole and with its tag. Tag BF27. */
export const ProfileInstallationResultData = define(
	"ProfileInstallationResultData",
	context(39),
	sequence({
		transactionId: at(context(0), TransactionId),
		notificationMetadata: at(context(47), NotificationMetadata),
		smdpOid: objectIdentifier(),
		finalResult: at(
			context(2),
			choice({
				successResult: SuccessResult,
				errorResult: ErrorResult,
			}),
		),
	}),
);
export type ProfileInstallationResultData = Infer<typeof ProfileInstallationResultData>;

/** Tag 5F37. */
export const EuiccSignPIR = define("EuiccSignPIR", application(55), octetString());
export type EuiccSignPIR = Infer<typeof EuiccSignPIR>;

/** Tag BF37. */
export const ProfileInstallationResult = define(
	"ProfileInstallationResult",
	context(55),
	sequence({
		profileInstallationResultData: at(context(39), kept(ProfileInstallationResultData)),
		euiccSignPIR: EuiccSignPIR,
	}),
);
export type ProfileInstallationResult = Infer<typeof ProfileInstallationResult>;
