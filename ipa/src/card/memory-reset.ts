import { decodeLenient } from "@iot-esim/shared/messages/sgp32/deviations";
import { encodeIn } from "@iot-esim/shared/messages/sgp32/dialect/encode-in";
import { unsupportedIn } from "@iot-esim/shared/messages/sgp32/dialect/table";
import { EuiccMemoryResetRequest, EuiccMemoryResetResponse } from "@iot-esim/shared/messages/sgp32/es10b-card";
import { CardError } from "./errors.ts";

/** What a reset takes from the card. */
export interface MemoryResetOptions {
	readonly operationalProfiles?: boolean;
	/** Test profiles that were downloaded. */
	readonly fieldLoadedTestProfiles?: boolean;
	readonly defaultSmdpAddress?: boolean;
	/** Test profiles that came with the card. */
	readonly preLoadedTestProfiles?: boolean;
	readonly provisioningProfiles?: boolean;
	/** Every eIM: the device can be associated anew. */
	readonly eimConfiguration?: boolean;
	readonly immediateEnableConfiguration?: boolean;
}

/** The forms of the function: SGP.32 from v1.1 on, SGP.32 v1.0, SGP.22. The same bits mean different things in them. */
export type MemoryResetVersion = "1.1" | "1.0" | "sgp22";

/** The codes of the answer; those of eIMs and immediate enabling only where they were asked for. */
export interface MemoryResetResult {
	readonly resetResult: number;
	readonly resetEimResult: number | undefined;
	readonly resetImmediateEnableConfigResult: number | undefined;
}

type Option = keyof MemoryResetOptions;

/** The names of the standard, in the order of the bits of SGP.32 from v1.1 on. */
const NAMES: Readonly<Record<Option, string>> = {
	operationalProfiles: "deleteOperationalProfiles",
	fieldLoadedTestProfiles: "deleteFieldLoadedTestProfiles",
	defaultSmdpAddress: "resetDefaultSmdpAddress",
	preLoadedTestProfiles: "deletePreLoadedTestProfiles",
	provisioningProfiles: "deleteProvisioningProfiles",
	eimConfiguration: "resetEimConfigData",
	immediateEnableConfiguration: "resetImmediateEnableConfig",
};

/** SGP.22 section 5.7.19. */
const OF_SGP22: readonly Option[] = ["operationalProfiles", "fieldLoadedTestProfiles", "defaultSmdpAddress"];

/** @throws CardError CARD_FUNCTION_REFUSED when the version knows no such option */
export function memoryResetRequest(options: MemoryResetOptions, version: MemoryResetVersion): Uint8Array {
	const chosen = (Object.keys(NAMES) as Option[]).filter((option) => options[option]);
	const unknown = chosen.filter((option) =>
		version === "sgp22" ? !OF_SGP22.includes(option) : unsupportedIn(version, NAMES[option]) !== undefined,
	);
	if (unknown.length > 0) {
		const what = `${unknown.join(", ")}: a card of ${version === "sgp22" ? "SGP.22" : `SGP.32 v${version}`} cannot reset it`;
		throw new CardError("CARD_FUNCTION_REFUSED", what);
	}
	// DER has no trailing zeros in a list of named bits.
	const resetOptions = (Object.keys(NAMES) as Option[])
		.map((option) => (options[option] ? "1" : "0"))
		.join("")
		.replace(/0+$/, "");
	// The options that SGP.22 has are those of SGP.32 v1.0, in the same form.
	return encodeIn({ version: version === "sgp22" ? "1.0" : version }, EuiccMemoryResetRequest, { resetOptions });
}

/** The answer in whatever version's form. */
export function decodeMemoryReset(answer: Uint8Array): MemoryResetResult {
	const found = decodeLenient(EuiccMemoryResetResponse, answer).value;
	const { resetResult, resetEimResult, resetImmediateEnableConfigResult } = found;
	return { resetResult, resetEimResult, resetImmediateEnableConfigResult };
}
