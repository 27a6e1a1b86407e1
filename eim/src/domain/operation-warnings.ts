import { type Device, LAST_COUNTER, RESERVED_COUNTERS } from "./device.ts";
import { versionOfCard } from "./dialect.ts";
import { type EuiccCommand, unknownToCard } from "./euicc-command.ts";
import { commandsOf, type OperationOrder } from "./operation.ts";
import { applyProfileChange, type Profile, type ProfileChange } from "./profile.ts";

/** From here on the operator is told that the counter of the eUICC comes to its end. */
const COUNTERS_TOLD_BEFORE_END = 1024;

/**
 * What an operator should know before the device has polled, in words. None of it stops the operation.
 * @param ownEimId the eIM that orders it
 */
export function warningsOf(
	order: OperationOrder,
	device: Device,
	profiles: readonly Profile[],
	ownEimId: string,
): readonly string[] {
	const warnings: string[] = [];
	if (device.acceptUnverified) {
		warnings.push(`The device is in the lab mode "${device.labMode}": its results count without a verified signature.`);
	}
	if (device.lastPollAt === undefined) {
		warnings.push("The device has never polled this eIM; the operation waits until it does or expires.");
	}
	const commands = commandsOf(order);
	const left = LAST_COUNTER - RESERVED_COUNTERS - device.counter;
	if (commands.length > 0 && left < COUNTERS_TOLD_BEFORE_END) {
		const text = `The eUICC takes ${Math.max(0, left)} more packages of this eIM;`;
		warnings.push(`${text} have another eIM remove and add it anew, so that the counter begins again.`);
	}
	const unknown = unknownToCard(commands, versionOfCard(device.dialect));
	if (unknown)
		warnings.push(`The eUICC seems to be of version 1.0, which has no ${unknown}; it will end the package there.`);
	warnings.push(...warningsOfProfiles(commands, device, profiles));
	for (const command of commands) warnings.push(...warningsOfEims(command, device, ownEimId));
	return warnings;
}

/** Looks at each command in the state that those before it lead to. */
function warningsOfProfiles(commands: readonly EuiccCommand[], device: Device, before: readonly Profile[]): string[] {
	if (before.length === 0) return [];
	const warnings: string[] = [];
	let profiles = before;
	for (const command of commands) {
		warnings.push(...warningsOfProfile(command, profiles));
		const change = changeOf(command);
		if (change) profiles = applyProfileChange(profiles, change, device.eid, device.createdAt);
	}
	const isEnabled = ({ state }: Profile) => state === "enabled";
	if (before.some(isEnabled) && !profiles.some(isEnabled)) {
		warnings.push("Afterwards no profile is enabled: the device may have no way back to this eIM.");
	}
	return warnings;
}

function warningsOfProfile(command: EuiccCommand, profiles: readonly Profile[]): string[] {
	if (!("iccid" in command.parameters)) return [];
	const { iccid } = command.parameters;
	const profile = profiles.find((one) => one.iccid === iccid);
	if (!profile) return [`No profile ${iccid} is known on this eUICC; order listProfiles to be sure.`];
	const isEnabled = profile.state === "enabled";
	switch (command.type) {
		case "enable":
			if (isEnabled) return ["The profile is enabled already; the eUICC may answer that it is in the wrong state."];
			return command.parameters.rollback
				? []
				: ["Rollback is not granted: if the profile finds no network, the device stays out of reach."];
		case "disable":
			return isEnabled ? [] : ["The profile is disabled already; the eUICC may answer that it is in the wrong state."];
		case "delete":
			return isEnabled ? ["The profile is enabled; the eUICC deletes disabled profiles only."] : [];
		case "setFallbackAttribute":
			return profile.mayBecomeFallback === false ? ["The profile does not allow to become the fallback profile."] : [];
		default:
			return [];
	}
}

/** What a command does to the profiles when it succeeds. */
function changeOf(command: EuiccCommand): ProfileChange | undefined {
	switch (command.type) {
		case "enable":
			return { kind: "enabled", iccid: command.parameters.iccid };
		case "disable":
			return { kind: "disabled", iccid: command.parameters.iccid };
		case "delete":
			return { kind: "deleted", iccid: command.parameters.iccid };
		default:
			return undefined;
	}
}

function warningsOfEims(command: EuiccCommand, device: Device, ownEimId: string): string[] {
	if (command.type !== "deleteEim" || command.parameters.eimId !== ownEimId) return [];
	const others = device.cardEims?.filter(({ eimId }) => eimId !== ownEimId);
	const farewell = "This removes this eIM from the eUICC: afterwards it can order nothing from the device.";
	if (others === undefined)
		return [farewell, "Whether another eIM is on the eUICC is not known; order listEims to see."];
	return others.length === 0
		? [farewell, "No other eIM is on the eUICC: nobody could reach the device any more."]
		: [farewell];
}
