import type { Kept } from "@iot-esim/shared/asn1/schema";
import type { PendingNotification } from "@iot-esim/shared/messages/sgp32/notifications";
import type { Device } from "../domain/device.ts";
import type { Notification } from "../domain/notification.ts";
import { fullNotification } from "./compact-messages.ts";
import { acceptInstallation } from "./download-result.ts";
import { EsipaError } from "./errors.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import { checkNotification, mayForward, notificationRow, type TakenNotifications } from "./notifications.ts";

/** What became of one notification. */
export type Taken =
	/** The row has to be stored by whoever asked; that of an installation result is stored already. */
	| { readonly kind: "taken"; readonly row: Notification; readonly isStored: boolean }
	| { readonly kind: "refused"; readonly why: string };

/**
 * Takes notifications that came together, to forward them. One that is signed by somebody else, or that may not be
 * forwarded yet, is left out and so never acknowledged.
 */
export async function takeNotifications(
	context: EsipaContext,
	device: Device,
	notifications: readonly Kept<PendingNotification>[],
): Promise<TakenNotifications> {
	const rows: Notification[] = [];
	const seqNumbers: number[] = [];
	for (const notification of notifications) {
		const taken = await takeOrRefuse(context, device, notification);
		if (taken.kind === "refused") {
			context.logger("eim.esipa").warn("notification not taken", { eid: device.eid, why: taken.why });
			continue;
		}
		if (!taken.isStored) rows.push(taken.row);
		seqNumbers.push(taken.row.seqNumber);
	}
	return { rows, seqNumbers };
}

async function takeOrRefuse(
	context: EsipaContext,
	device: Device,
	notification: Kept<PendingNotification>,
): Promise<Taken> {
	try {
		return await takeNotification(context, device, notification);
	} catch (error) {
		if (!(error instanceof EsipaError)) throw error;
		return { kind: "refused", why: error.message };
	}
}

/**
 * Takes one notification of a device. An installation result also says how a download ended.
 * @throws EsipaError ESIPA_NOTIFICATION_REFUSED when too many results of the device wait for its certificates
 */
export async function takeNotification(
	context: EsipaContext,
	device: Device,
	given: Kept<PendingNotification>,
): Promise<Taken> {
	const notification = await fullNotification(context, device, given);
	const row = notification && notificationRow(context, device.eid, notification);
	if (notification === undefined || row === undefined) {
		return { kind: "refused", why: "it is compact, and what it leaves out is not known" };
	}
	const check = checkNotification(context, device, notification.value);
	if (check === "rejected") return { kind: "refused", why: "it is not signed by the eUICC of its device" };
	const isForwarded = await mayForward(context, row, check);
	const isInstallation = "profileInstallationResult" in notification.value;
	if ("profileInstallationResult" in notification.value) {
		const result = { value: notification.value.profileInstallationResult, der: notification.der };
		const forwarded = isForwarded ? { notification: row } : {};
		await acceptInstallation(context, device, result, { bytes: notification.der, ...forwarded });
	}
	if (isForwarded) return { kind: "taken", row, isStored: isInstallation };
	return { kind: "refused", why: "the certificates behind its signature are not known or not trusted yet" };
}
