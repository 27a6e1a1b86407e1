import type { Device } from "./device.ts";
import type { OperationOrder } from "./operation.ts";
import type { Profile } from "./profile.ts";

/** What an operator should know before the device has polled, in words. None of it stops the operation. */
export function warningsOf(order: OperationOrder, device: Device, profiles: readonly Profile[]): readonly string[] {
	const warnings: string[] = [];
	if (device.acceptUnverified) {
		warnings.push(`The device is in the lab mode "${device.labMode}": its results count without a verified signature.`);
	}
	if (device.lastPollAt === undefined) {
		warnings.push("The device has never polled this eIM; the operation waits until it does or expires.");
	}
	if ("iccid" in order.parameters) warnings.push(...warningsOfProfile(order, order.parameters.iccid, profiles));
	return warnings;
}

function warningsOfProfile(order: OperationOrder, iccid: string, profiles: readonly Profile[]): string[] {
	if (profiles.length === 0) return [];
	const profile = profiles.find((one) => one.iccid === iccid);
	if (!profile) return [`No profile ${iccid} is known on this eUICC; order listProfiles to be sure.`];
	const isEnabled = profile.state === "enabled";
	switch (order.type) {
		case "enable":
			if (isEnabled) return ["The profile is enabled already; the eUICC may answer that it is in the wrong state."];
			return order.parameters.rollback
				? []
				: ["Rollback is not granted: if the profile finds no network, the device stays out of reach."];
		case "disable":
			return isEnabled
				? ["This is the only enabled profile: without it the device may have no way back to this eIM."]
				: ["The profile is disabled already; the eUICC may answer that it is in the wrong state."];
		case "delete":
			return isEnabled ? ["The profile is enabled; the eUICC deletes disabled profiles only."] : [];
		default:
			return [];
	}
}
