import type { Schema } from "@iot-esim/shared/asn1/schema";
import { inDialect } from "@iot-esim/shared/messages/sgp32/dialect/encode-in";
import { inBaseVersion, unsupportedIn } from "@iot-esim/shared/messages/sgp32/dialect/table";
import type { Sgp32Version } from "@iot-esim/shared/messages/sgp32/dialect/version";
import {
	AddInitialEimResponse,
	GetEimConfigurationDataResponse,
} from "@iot-esim/shared/messages/sgp32/eim-configuration";
import { EuiccMemoryResetRequest, EuiccMemoryResetResponse } from "@iot-esim/shared/messages/sgp32/es10b-card";
import {
	DisableEmergencyProfileResponse,
	ImmediateEnableRequest,
	ImmediateEnableResponse,
} from "@iot-esim/shared/messages/sgp32/es10b-switch";
import { ProfileInfoListResponse } from "@iot-esim/shared/messages/sgp32/profile-info";
import type { Es10Function } from "../euicc.ts";
import type { Personalisation } from "../personalisation.ts";
import { consumerFunctions, iotFunctions } from "./functions.ts";
import { memoryReset } from "./memory-reset.ts";

/** Functions that came with later versions. */
const NAMES: Readonly<Record<number, string>> = {
	48962: "IpaeActivation",
	48987: "EnableEmergencyProfile",
	48988: "DisableEmergencyProfile",
	48989: "ExecuteFallbackMechanism",
	48990: "ReturnFromFallback",
	48991: "GetConnectivityParameters",
	48997: "SetDefaultDpAddress",
};

/** Requests and answers that look different in other versions. */
const FORMS: Readonly<Record<number, { readonly request?: Schema<unknown>; readonly response: Schema<unknown> }>> = {
	48941: { response: ProfileInfoListResponse },
	48981: { response: GetEimConfigurationDataResponse },
	48983: { response: AddInitialEimResponse },
	48986: { request: ImmediateEnableRequest, response: ImmediateEnableResponse },
	48988: { response: DisableEmergencyProfileResponse },
};

const MEMORY_RESET = 0xbf64;
const MEMORY_RESET_V10 = 0xbf34;

const versions = new Map<Sgp32Version, ReadonlyMap<number, Es10Function>>();

/** The functions of a card by the tag of the request, in the forms of the version that it implements. */
export function functionsOf({ mode, iotVersion: version = "1.2" }: Personalisation): ReadonlyMap<number, Es10Function> {
	if (mode === "consumer") return consumerFunctions;
	const made = versions.get(version) ?? new Map(functionsIn(version));
	versions.set(version, made);
	return made;
}

function* functionsIn(version: Sgp32Version): Generator<[number, Es10Function]> {
	for (const [tag, es10Function] of iotFunctions) {
		if (unsupportedIn(version, NAMES[tag] ?? "") !== undefined) continue;
		if (version === "1.0" && tag === MEMORY_RESET) continue;
		const forms = FORMS[tag];
		yield [tag, forms === undefined ? es10Function : spoken(version, es10Function, forms)];
	}
	if (version !== "1.0") return;
	const forms = { request: EuiccMemoryResetRequest, response: EuiccMemoryResetResponse };
	yield [MEMORY_RESET_V10, spoken(version, memoryReset, forms)];
}

function spoken(
	version: Sgp32Version,
	es10Function: Es10Function,
	{ request: asked, response }: { readonly request?: Schema<unknown>; readonly response: Schema<unknown> },
): Es10Function {
	return (request, euicc) => {
		const strict = asked === undefined ? request : inBaseVersion(asked.typeName, request);
		return inDialect({ version }, response, es10Function(strict, euicc));
	};
}
