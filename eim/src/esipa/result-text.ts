import { CancelSessionReasonCode } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { BppCommandIdCode, ErrorReasonCode } from "@iot-esim/shared/messages/sgp22/profile-installation-result";
import {
	AddEimResultCode,
	ConfigureImmediateEnableResultCode,
	DeleteEimResultCode,
	DeleteProfileResultCode,
	DisableProfileResultCode,
	EnableProfileResultCode,
	ListEimErrorCode,
	ProcessingTerminatedCode,
	RollbackProfileResultCode,
	SetFallbackAttributeResultCode,
	UnsetFallbackAttributeResultCode,
	UpdateEimResultCode,
} from "@iot-esim/shared/messages/sgp32/command-results";
import { SetDefaultDpAddressResultCode } from "@iot-esim/shared/messages/sgp32/default-dp-address";
import { EimPackageResultErrorCodes } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { EuiccPackageErrorCodes } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { IpaEuiccDataErrorCodes } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { ProfileDownloadErrorReasonCode } from "@iot-esim/shared/messages/sgp32/profile-download-trigger";
import { ProfileInfoListErrorCode } from "@iot-esim/shared/messages/sgp32/profile-info";
import type { OperationReason } from "../domain/operation.ts";

/** The standard's code lists, by the name that stands before the code in a reason. */
const lists = {
	enable: EnableProfileResultCode,
	disable: DisableProfileResultCode,
	delete: DeleteProfileResultCode,
	listProfileInfo: ProfileInfoListErrorCode,
	configureImmediateEnable: ConfigureImmediateEnableResultCode,
	setFallbackAttribute: SetFallbackAttributeResultCode,
	unsetFallbackAttribute: UnsetFallbackAttributeResultCode,
	setDefaultDpAddress: SetDefaultDpAddressResultCode,
	addEim: AddEimResultCode,
	deleteEim: DeleteEimResultCode,
	updateEim: UpdateEimResultCode,
	listEim: ListEimErrorCode,
	rollback: RollbackProfileResultCode,
	processingTerminated: ProcessingTerminatedCode,
	euiccPackageError: EuiccPackageErrorCodes,
	profileInstallation: ErrorReasonCode,
	bppCommand: BppCommandIdCode,
	cancelSession: CancelSessionReasonCode,
	eimPackageResultError: EimPackageResultErrorCodes,
	ipaEuiccDataError: IpaEuiccDataErrorCodes,
	profileDownloadError: ProfileDownloadErrorReasonCode,
} as const satisfies Readonly<Record<string, Readonly<Record<string, number>>>>;

export type CodeList = keyof typeof lists;

/** Words for the codes that operators meet. */
const words: Readonly<Record<string, string>> = {
	"enable.iccidOrAidNotFound": "The eUICC holds no profile with this ICCID.",
	"enable.profileNotInDisabledState": "The profile is not disabled; it may be enabled already.",
	"enable.disallowedByPolicy": "A policy rule of the enabled profile forbids to disable it.",
	"enable.catBusy": "The card was busy with another command of the device; try again.",
	"enable.rollbackNotAvailable": "The eUICC cannot grant a rollback, for example because no profile is enabled now.",
	"disable.iccidOrAidNotFound": "The eUICC holds no profile with this ICCID.",
	"disable.profileNotInEnabledState": "The profile is not enabled.",
	"disable.disallowedByPolicy": "A policy rule of the profile forbids to disable it.",
	"disable.catBusy": "The card was busy with another command of the device; try again.",
	"delete.iccidOrAidNotFound": "The eUICC holds no profile with this ICCID.",
	"delete.profileNotInDisabledState": "The profile is enabled; disable it first.",
	"delete.disallowedByPolicy": "A policy rule of the profile forbids to delete it.",
	"delete.rollbackNotAvailable": "The profile is needed for a rollback that is still possible.",
	"delete.returnFallbackProfile": "The profile is needed to return from the fallback profile.",
	"listProfileInfo.profileChangeOngoing": "A profile change is under way on the eUICC; try again.",
	"listProfileInfo.incorrectInputValues": "The eUICC does not take the search or the tag list.",
	"configureImmediateEnable.insufficientMemory": "The eUICC has no room to keep the SM-DP+ of immediate enabling.",
	"setFallbackAttribute.iccidOrAidNotFound": "The eUICC holds no profile with this ICCID.",
	"setFallbackAttribute.fallbackNotAllowed":
		"The profile may not become the fallback profile; its operator decides that.",
	"setFallbackAttribute.fallbackProfileEnabled":
		"The device is on its fallback profile now; try again when it is back.",
	"unsetFallbackAttribute.noFallbackAttribute": "No profile is the fallback profile.",
	"unsetFallbackAttribute.fallbackProfileEnabled":
		"The device is on its fallback profile now; try again when it is back.",
	"addEim.insufficientMemory": "The eUICC has no room for another eIM; remove one first.",
	"addEim.associatedEimAlreadyExists": "The eUICC knows this eIM already; use updateEim to change what it knows.",
	"addEim.ciPKUnknown": "The eUICC has no certificate under the CI that the configuration names.",
	"addEim.invalidAssociationToken": "The eUICC chooses tokens itself: the configuration may only ask for one (-1).",
	"addEim.counterValueOutOfRange": "The counter of the configuration lies beyond the last one that the eUICC takes.",
	"addEim.commandError": "The eUICC does not take the configuration, most likely because of its key or certificate.",
	"deleteEim.eimNotFound": "The eUICC does not know this eIM.",
	"updateEim.eimNotFound": "The eUICC does not know this eIM; use addEim.",
	"updateEim.ciPKUnknown": "The eUICC has no certificate under the CI that the configuration names.",
	"updateEim.counterValueOutOfRange": "The counter of the configuration lies beyond the last one that the eUICC takes.",
	"updateEim.commandError": "The eUICC does not take the configuration, most likely because of its key or certificate.",
	"processingTerminated.resultSizeOverflow": "The eUICC stopped: the results became too large.",
	"processingTerminated.unknownOrDamagedCommand": "The eUICC stopped at a command that it does not know.",
	"processingTerminated.interruption": "The eUICC was interrupted before it had executed everything.",
	"euiccPackageError.invalidEid": "The package names another EID than the eUICC's.",
	"euiccPackageError.replayError": "The eUICC has seen this counter value or a greater one before.",
	"euiccPackageError.counterValueOutOfRange":
		"The counter value lies beyond the last one that the eUICC takes; another eIM has to remove and add this one anew.",
	"euiccPackageError.sizeOverflow": "The package is too large for the eUICC.",
	"euiccPackageError.ecallActive": "An emergency call is going on; the package stays open.",
	"profileInstallation.installFailedDueToIccidAlreadyExistsOnEuicc": "The profile is on the eUICC already.",
	"profileInstallation.installFailedDueToInsufficientMemoryForProfile": "The eUICC has no room for the profile.",
	"profileInstallation.installFailedDueToInterruption": "The installation was interrupted; order the download again.",
	"profileInstallation.installFailedDueToPEProcessingError": "The eUICC could not process the profile's contents.",
	"eimPackageResultError.invalidPackageFormat": "The IPA could not read the package.",
	"eimPackageResultError.unknownPackage": "The IPA does not know this kind of package.",
	"profileDownloadError.undefinedError": "The device could not download the profile.",
	"ipaEuiccDataError.incorrectTagList": "The IPA does not know a tag of the list that it was asked for.",
	"ipaEuiccDataError.euiccCiPKIdNotFound": "The eUICC has no certificate under the CI that was asked for.",
};

/** `listProfileInfo: profileChangeOngoing(11)`. */
export function codeText(list: CodeList, code: number): string {
	return `${list}: ${codeName(list, code)}(${code})`;
}

/** A reason in words and in the standard's code. */
export function reasonOf(list: CodeList, code: number): OperationReason {
	const text = words[`${list}.${codeName(list, code)}`] ?? `The device answered ${codeName(list, code)}.`;
	return { text, code: codeText(list, code) };
}

function codeName(list: CodeList, code: number): string {
	return Object.entries(lists[list]).find(([, value]) => value === code)?.[0] ?? "unknownCode";
}
