import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { ProfileClassCode } from "@iot-esim/shared/messages/sgp22/profile-info";
import {
	EuiccMemoryResetRequest as ConsumerRequest,
	EuiccMemoryResetResponse as ConsumerResponse,
	ResetResultCode as ConsumerResultCode,
} from "@iot-esim/shared/messages/sgp22/profile-management";
import {
	EuiccMemoryResetRequest,
	EuiccMemoryResetResponse,
	ResetEimResultCode,
	ResetImmediateEnableConfigResultCode,
	ResetResultCode,
} from "@iot-esim/shared/messages/sgp32/es10b-card";
import { type Es10Function, type Euicc, isUnderEim } from "../euicc.ts";
import { deleteProfile, refreshTerminal, switchTo } from "../state/profile-switch.ts";
import type { Profile } from "../state/profiles.ts";

/** ES10c.eUICCMemoryReset of SGP.22 (BF34). Under an eIM the function of SGP.32 (BF64) is the one to use. */
export const memoryResetConsumer: Es10Function = (request, euicc) => {
	const { resetOptions: options } = decode(ConsumerRequest, request);
	const resetResult = isUnderEim(euicc) ? ConsumerResultCode.undefinedError : reset(euicc, consumerOptions(options));
	return encode(ConsumerResponse, { resetResult });
};

/** ES10b.eUICCMemoryReset of SGP.32 (BF64). */
export const memoryReset: Es10Function = (request, euicc) => {
	const { resetOptions: options } = decode(EuiccMemoryResetRequest, request);
	const has = (bit: number) => options[bit] === "1";
	if (euicc.settings.get("profileBeforeEmergency") !== undefined) {
		return encode(EuiccMemoryResetResponse, { resetResult: ResetResultCode.ecallActive });
	}
	const resetResult = reset(euicc, {
		operational: has(0),
		fieldLoadedTest: has(1),
		smdpAddress: has(2),
		preloadedTest: has(3),
		provisioning: has(4),
	});
	if (resetResult === ResetResultCode.catBusy) return encode(EuiccMemoryResetResponse, { resetResult });
	return encode(EuiccMemoryResetResponse, {
		resetResult,
		...(has(5) ? { resetEimResult: resetEims(euicc) } : {}),
		...(has(6) ? { resetImmediateEnableConfigResult: resetImmediateEnable(euicc) } : {}),
	});
};

interface ResetOptions {
	readonly operational: boolean;
	readonly fieldLoadedTest: boolean;
	readonly smdpAddress: boolean;
	readonly preloadedTest: boolean;
	readonly provisioning: boolean;
}

function consumerOptions(options: string): ResetOptions {
	const has = (bit: number) => options[bit] === "1";
	return {
		operational: has(0),
		fieldLoadedTest: has(1),
		smdpAddress: has(2),
		preloadedTest: false,
		provisioning: false,
	};
}

/** Policy rules do not stand against a reset (SGP.22 section 5.7.19); an enabled profile is disabled first. */
function reset(euicc: Euicc, options: ResetOptions): number {
	const { profiles, settings, proactive } = euicc;
	if (proactive.isBusy) return ResetResultCode.catBusy;
	const doomed = profiles.list().filter((profile) => isMeant(profile, options));
	const hasAddress = (settings.get("defaultSmdpAddress") ?? "") !== "";
	if (doomed.length === 0 && !(options.smdpAddress && hasAddress)) return ResetResultCode.nothingToDelete;
	const isEnabledDoomed = doomed.some((profile) => profile.isEnabled);
	if (isEnabledDoomed) switchTo(euicc, undefined);
	for (const profile of doomed) deleteProfile(euicc, profile);
	if (options.smdpAddress) settings.clear("defaultSmdpAddress");
	refreshTerminal(euicc, isEnabledDoomed);
	return ResetResultCode.ok;
}

function isMeant({ description, smdpOid }: Profile, options: ResetOptions): boolean {
	switch (description.profileClass) {
		case ProfileClassCode.test:
			// A profile without an SM-DP+ came with the card.
			return smdpOid === undefined ? options.preloadedTest : options.fieldLoadedTest;
		case ProfileClassCode.provisioning:
			return options.provisioning;
		default:
			return options.operational;
	}
}

function resetEims({ eims }: Euicc): number {
	if (eims.isEmpty) return ResetEimResultCode.nothingToDelete;
	for (const { eimId } of eims.list()) eims.remove(eimId);
	return ResetEimResultCode.ok;
}

function resetImmediateEnable({ settings }: Euicc): number {
	settings.clear("immediateEnable");
	return ResetImmediateEnableConfigResultCode.ok;
}
