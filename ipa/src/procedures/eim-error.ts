import {
	GetEimPackageErrorCode,
	ProvideEimPackageResultErrorCode,
} from "@iot-esim/shared/messages/sgp32/esipa-package";

/** What is to be done about the error codes with which an eIM answers polls and results: both have the same ones. */
const ADVICE: Readonly<Record<number, string>> = {
	[GetEimPackageErrorCode.eidNotFound]:
		"this EID is not registered there: register the device at the eIM (`eim device add EID`)",
	[GetEimPackageErrorCode.invalidEid]: "the EID is none for it: compare the card's EID with the one on its label",
	[GetEimPackageErrorCode.missingEid]: "it found no EID in the message: something on the way has changed it",
	[GetEimPackageErrorCode.undefinedError]: "it could not read the message or take the result: the eIM's log says why",
};

const NAMES = Object.entries({ ...GetEimPackageErrorCode, ...ProvideEimPackageResultErrorCode });

/** An error code of GetEimPackage or ProvideEimPackageResult by its name in the standard, and what to do about it. */
export function eimErrorText(code: number): string {
	const name = NAMES.find(([, value]) => value === code)?.[0];
	const advice = ADVICE[code];
	return `${name ?? "error"}(${code})${advice === undefined ? "" : `, ${advice}`}`;
}
