import { decode } from "@iot-esim/shared/asn1/schema";
import { SetDefaultDpAddressResultCode } from "@iot-esim/shared/messages/sgp32/default-dp-address";
import { ResetResultCode } from "@iot-esim/shared/messages/sgp32/es10b-card";
import {
	ConfigImmediateEnableResultCode,
	type ConfigureImmediateProfileEnablingRequest,
	DisableEmergencyProfileResultCode,
	EnableEmergencyProfileResultCode,
	ExecuteFallbackMechanismResultCode,
	ReturnFromFallbackResultCode,
} from "@iot-esim/shared/messages/sgp32/es10b-switch";
import { StateChangeCauseCode } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { EUICCInfo2, IpaeActivationResultCode } from "@iot-esim/shared/messages/sgp32/euicc-info";
import type { MemoryResetOptions, MemoryResetResult, MemoryResetVersion } from "../card/memory-reset.ts";
import { switchFallback } from "./fallback.ts";
import type { ProcedureContext } from "./procedure-context.ts";
import { waitForRefresh } from "./refresh.ts";

/** What the device does to its own card, without an eIM (SGP.32 §5.9). */
export type LocalAction =
	| { readonly type: "execute-fallback" }
	| { readonly type: "return-from-fallback" }
	| { readonly type: "enable-emergency-profile" }
	| { readonly type: "disable-emergency-profile" }
	| { readonly type: "reset-memory"; readonly options: MemoryResetOptions }
	/** An empty address takes it away. */
	| { readonly type: "set-default-smdp"; readonly address: string }
	| { readonly type: "configure-immediate-enable"; readonly configuration: ConfigureImmediateProfileEnablingRequest }
	| { readonly type: "activate-ipae" };

export interface LocalOutcome {
	/** Result code of the function. */
	readonly code: number;
	readonly isDone: boolean;
	/** Name of the code in the module, and what it means to people. */
	readonly name: string;
	readonly meaning: string;
	/** All codes of a reset. */
	readonly reset?: MemoryResetResult;
}

type Codes = Readonly<Record<string, number>>;

const CODES: Readonly<Record<LocalAction["type"], Codes>> = {
	"execute-fallback": ExecuteFallbackMechanismResultCode,
	"return-from-fallback": ReturnFromFallbackResultCode,
	"enable-emergency-profile": EnableEmergencyProfileResultCode,
	"disable-emergency-profile": DisableEmergencyProfileResultCode,
	"reset-memory": ResetResultCode,
	"set-default-smdp": SetDefaultDpAddressResultCode,
	"configure-immediate-enable": ConfigImmediateEnableResultCode,
	"activate-ipae": IpaeActivationResultCode,
};

const MEANINGS: Readonly<Record<string, string>> = {
	ok: "done",
	profileNotInDisabledState: "that profile is enabled already",
	profileNotInEnabledState: "the emergency profile is not enabled",
	catBusy: "the card still waits for its last REFRESH; try again in a moment",
	fallbackNotAvailable: "no profile on the card has the fallback attribute",
	commandError: "a policy rule of the enabled profile, or the state of the card, stands against it",
	ecallActive: "an emergency call is active: nothing else may change until the emergency profile is disabled",
	ecallNotAvailable: "the card has no emergency profile",
	nothingToDelete: "there was nothing of that on the card",
	insufficientMemory: "the card has no memory left for it",
	associatedEimAlreadyExists: "the card has an eIM, which alone may configure this now",
	notSupported: "the card has no IPA of its own",
	undefinedError: "the card gives no reason",
};

/** What a code of a function says. */
export function localOutcome(type: LocalAction["type"], code: number): LocalOutcome {
	const name = Object.entries(CODES[type]).find(([, value]) => value === code)?.[0] ?? `code ${code}`;
	return { code, isDone: code === 0, name, meaning: MEANINGS[name] ?? "a code that the standard does not name" };
}

/**
 * Carries a local action out and makes the journal remember what the eIMs have to be told of it.
 * @param eimIds eIMs of the card
 */
export async function performLocally(
	context: ProcedureContext,
	action: LocalAction,
	eimIds: readonly string[],
): Promise<LocalOutcome> {
	const { commands } = context;
	const { emergencyProfile: emergency, local, reset } = StateChangeCauseCode;
	switch (action.type) {
		case "execute-fallback":
			return localOutcome(action.type, await switchFallback(context, "falling-back", eimIds));
		case "return-from-fallback":
			return localOutcome(action.type, await switchFallback(context, "returning", eimIds));
		case "enable-emergency-profile":
			return changed(context, action, { cause: emergency, eimIds, switches: true }, () =>
				commands.enableEmergencyProfile(true),
			);
		case "disable-emergency-profile":
			return changed(context, action, { cause: emergency, eimIds, switches: true }, () =>
				commands.disableEmergencyProfile(true),
			);
		case "set-default-smdp":
			return changed(context, action, { cause: local, eimIds, switches: false }, () =>
				commands.setDefaultDpAddress(action.address),
			);
		case "reset-memory": {
			const version = await memoryResetVersion(context);
			let codes: MemoryResetResult | undefined;
			const outcome = await changed(context, action, { cause: reset, eimIds, switches: true }, async () => {
				codes = await commands.memoryReset(action.options, version);
				return overallCode(codes);
			});
			if (outcome.isDone) await context.journal.note({ type: "fallback-over" });
			return codes === undefined ? outcome : { ...outcome, reset: codes };
		}
		case "configure-immediate-enable":
			return localOutcome(action.type, await commands.configureImmediateProfileEnabling(action.configuration));
		case "activate-ipae":
			return localOutcome(action.type, await commands.activateIpae());
	}
}

/** Something was reset when any of the codes says so. */
function overallCode({ resetResult, resetEimResult, resetImmediateEnableConfigResult }: MemoryResetResult): number {
	const others = [resetEimResult, resetImmediateEnableConfigResult];
	return resetResult === ResetResultCode.nothingToDelete && others.includes(0) ? 0 : resetResult;
}

/**
 * The change is noted before the card is asked and taken back when the card refuses: after a power cut in between an eIM
 * is rather told once too often than never.
 */
async function changed(
	context: ProcedureContext,
	action: LocalAction,
	change: { readonly cause: number; readonly eimIds: readonly string[]; readonly switches: boolean },
	command: () => Promise<number>,
): Promise<LocalOutcome> {
	const { stateChanges: before } = context.journal.state;
	await context.journal.note({ type: "state-changed", cause: change.cause, tell: change.eimIds });
	context.log.info("local action", { action: action.type });
	const outcome = localOutcome(action.type, await command());
	context.log.info("local action answered", { action: action.type, code: outcome.code, name: outcome.name });
	if (!outcome.isDone) await context.journal.note({ type: "state-change-withdrawn", before });
	else if (change.switches) await waitForRefresh(context);
	return outcome;
}

/** The form of eUICCMemoryReset that the card's version of SGP.32 has. */
async function memoryResetVersion(context: ProcedureContext): Promise<MemoryResetVersion> {
	const { iotSpecificInfo } = decode(EUICCInfo2, await context.es10.getEuiccInfo2());
	if (iotSpecificInfo === undefined) return "sgp22";
	const isLater = iotSpecificInfo.iotVersion.some(([major = 0, minor = 0]) => major > 1 || (major === 1 && minor > 0));
	return isLater ? "1.1" : "1.0";
}
