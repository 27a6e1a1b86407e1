import { decode } from "@iot-esim/shared/asn1/schema";
import type { Eid } from "@iot-esim/shared/ids/eid";
import type { Iccid } from "@iot-esim/shared/ids/iccid";
import { ProfileClassCode, ProfileStateCode } from "@iot-esim/shared/messages/sgp22/profile-info";
import type { EuiccResultData } from "@iot-esim/shared/messages/sgp32/command-results";
import { EuiccPackageRequest, type Psmo } from "@iot-esim/shared/messages/sgp32/euicc-package";
import type { ProfileInfo } from "@iot-esim/shared/messages/sgp32/profile-info";
import { toHex } from "@iot-esim/shared/util/bytes";
import type { OperationEvent, OperationReason } from "../domain/operation.ts";
import type { Profile, ProfileChange } from "../domain/profile.ts";
import { iccidOf } from "./notifications.ts";
import { reasonOf } from "./result-text.ts";

/** What the results of a package mean, as facts; nothing is stored here. */
export interface PackageOutcome {
	readonly event: OperationEvent;
	readonly profileChanges: readonly ProfileChange[];
	/** True when the eIM no longer knows for sure which profile is enabled. */
	readonly isListNeeded: boolean;
}

interface Draft {
	failure: OperationReason | undefined;
	rollback: "none" | "done" | "failed";
	readonly changes: ProfileChange[];
}

/**
 * Reads the results of a package, one per command and in its order; `rollbackResult` belongs to no command, and
 * `processingTerminated` stands for all that was not executed (SGP.32 section 2.11.2.1).
 * @param packageBytes the EuiccPackageRequest that was sent
 */
export function packageOutcome(
	eid: Eid,
	packageBytes: Uint8Array,
	results: readonly EuiccResultData[],
	at: number,
): PackageOutcome {
	const commands = commandsOf(packageBytes);
	const draft: Draft = { failure: undefined, rollback: "none", changes: [] };
	let index = 0;
	for (const result of results) {
		if ("rollbackResult" in result) {
			draft.rollback = result.rollbackResult === 0 ? "done" : "failed";
		} else if ("processingTerminated" in result) {
			draft.failure ??= reasonOf("processingTerminated", result.processingTerminated);
		} else readResult(draft, eid, commands[index++], result, at);
	}
	if (draft.rollback !== "none") return afterRollback(draft, commands, at);
	if (draft.failure === undefined && index < commands.length) {
		draft.failure = { text: "The eUICC answered without a result for the command." };
	}
	return {
		event: draft.failure ? { kind: "failed", at, reason: draft.failure } : { kind: "succeeded", at },
		profileChanges: draft.changes,
		isListNeeded: false,
	};
}

/** The card is back on the profile that was enabled before; which one that is, only the card can say. */
function afterRollback(draft: Draft, commands: readonly Psmo[], at: number): PackageOutcome {
	const enabled = commands.flatMap((command) => ("enable" in command ? [iccidOf(command.enable.iccid)] : []));
	const changes = enabled.flatMap((iccid): ProfileChange[] => (iccid ? [{ kind: "disabled", iccid }] : []));
	if (draft.rollback === "done") {
		const text = "The device could not report over the new profile and went back to the one before.";
		const event: OperationEvent = { kind: "rolledBack", at, reason: { ...reasonOf("rollback", 0), text } };
		return { event, profileChanges: [...draft.changes, ...changes], isListNeeded: true };
	}
	const text = "The device tried to go back to the profile before, and the eUICC could not.";
	const event: OperationEvent = { kind: "failed", at, reason: { ...reasonOf("rollback", 127), text } };
	return { event, profileChanges: draft.changes, isListNeeded: true };
}

function readResult(draft: Draft, eid: Eid, command: Psmo | undefined, result: EuiccResultData, at: number): void {
	if ("listProfileInfoResult" in result) {
		const list = result.listProfileInfoResult;
		if ("profileInfoListOk" in list) {
			draft.changes.push({ kind: "listed", profiles: profilesOf(eid, list.profileInfoListOk, at) });
		} else draft.failure ??= reasonOf("listProfileInfo", list.profileInfoListError);
	} else if ("enableResult" in result) {
		const iccid = command && "enable" in command ? iccidOf(command.enable.iccid) : undefined;
		settle(draft, "enable", result.enableResult, iccid && { kind: "enabled", iccid });
	} else if ("disableResult" in result) {
		const iccid = command && "disable" in command ? iccidOf(command.disable.iccid) : undefined;
		settle(draft, "disable", result.disableResult, iccid && { kind: "disabled", iccid });
	} else if ("deleteResult" in result) {
		const iccid = command && "delete" in command ? iccidOf(command.delete.iccid) : undefined;
		settle(draft, "delete", result.deleteResult, iccid && { kind: "deleted", iccid });
	} else {
		draft.failure ??= { text: `The eUICC answered what was not asked for (${Object.keys(result).join()}).` };
	}
}

function settle(
	draft: Draft,
	list: "enable" | "disable" | "delete",
	code: number,
	change: ProfileChange | undefined,
): void {
	if (code !== 0) draft.failure ??= reasonOf(list, code);
	else if (change === undefined) {
		draft.failure ??= { text: `The eUICC answered to "${list}", which is not the command that it was sent.` };
	} else draft.changes.push(change);
}

function commandsOf(packageBytes: Uint8Array): readonly Psmo[] {
	const { euiccPackage } = decode(EuiccPackageRequest, packageBytes).euiccPackageSigned.value;
	return "psmoList" in euiccPackage ? euiccPackage.psmoList : [];
}

/** Profiles of a list; one without a readable ICCID cannot be named and is left out. */
export function profilesOf(eid: Eid, list: readonly ProfileInfo[], at: number): Profile[] {
	return list.flatMap((info) => {
		const iccid = info.iccid && iccidOf(info.iccid);
		return iccid === undefined ? [] : [profileOf(eid, iccid, info, at)];
	});
}

function profileOf(eid: Eid, iccid: Iccid, info: ProfileInfo, at: number): Profile {
	return {
		eid,
		iccid,
		state: info.profileState === ProfileStateCode.enabled ? "enabled" : "disabled",
		profileClass: classOf(info.profileClass),
		...(info.isdpAid === undefined ? {} : { isdpAid: toHex(info.isdpAid) }),
		...(info.profileNickname === undefined ? {} : { nickname: info.profileNickname }),
		...(info.serviceProviderName === undefined ? {} : { serviceProviderName: info.serviceProviderName }),
		...(info.profileName === undefined ? {} : { profileName: info.profileName }),
		isFallback: info.fallbackAttribute ?? false,
		...(info.fallbackAllowed === undefined ? {} : { mayBecomeFallback: info.fallbackAllowed }),
		updatedAt: at,
	};
}

export function classOf(code: number | undefined): Profile["profileClass"] {
	if (code === ProfileClassCode.test) return "test";
	return code === ProfileClassCode.provisioning ? "provisioning" : "operational";
}
