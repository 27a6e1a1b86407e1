import type { Kept } from "@iot-esim/shared/asn1/schema";
import { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import {
	NotificationEvent as EventBits,
	type NotificationMetadata,
} from "@iot-esim/shared/messages/sgp22/notification-metadata";
import type { OtherSignedNotification } from "@iot-esim/shared/messages/sgp22/notifications";
import type { PendingNotification } from "@iot-esim/shared/messages/sgp32/notifications";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { PkiError } from "@iot-esim/shared/pki/errors";
import { SecurityError } from "@iot-esim/shared/security/errors";
import { verifyOtherNotification, verifyProfileInstallationResult } from "@iot-esim/shared/security/result-verifier";
import { toHex } from "@iot-esim/shared/util/bytes";
import { Days } from "@iot-esim/shared/util/duration";
import type { Device } from "../domain/device.ts";
import type { Notification, NotificationEvent } from "../domain/notification.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import { newId } from "./own-operation.ts";

/** Whether a notification is one of this device's eUICC. */
export type NotificationCheck = "verified" | "unverifiable" | "rejected";

/** What the eIM makes of notifications that came together. */
export interface TakenNotifications {
	readonly rows: readonly Notification[];
	/** Numbers that may be acknowledged once the rows are durable. */
	readonly seqNumbers: readonly number[];
}

/** Anybody may make them: what is stored and forwarded of them has a bound. */
const UNVERIFIED_A_DAY = 32;

/** Downloads of a device whose SM-DP+ are looked at. */
const DOWNLOADS_LOOKED_AT = 50;

/**
 * The address in a notification counts when the eUICC signed it. Until that can be verified anyone may have written it,
 * and the eIM contacts for it no host but an SM-DP+ that was ordered for this very device.
 */
export async function mayForward(
	context: EsipaContext,
	{ eid, address }: Notification,
	check: NotificationCheck,
): Promise<boolean> {
	if (check !== "unverifiable") return check === "verified";
	const { items } = await context.store.listOperations({ eid, types: ["download"], limit: DOWNLOADS_LOOKED_AT });
	const isOrdered = items.some(
		(operation) =>
			operation.type === "download" &&
			"smdpAddress" in operation.parameters &&
			operation.parameters.smdpAddress.toLowerCase() === address.toLowerCase(),
	);
	if (!isOrdered) context.logger("eim.esipa").warn("address of an unverified notification not contacted", { eid });
	return isOrdered && !(await areTooMany(context, eid));
}

/** Whether the device has sent as many notifications in a day as are taken of one that nobody can verify. */
async function areTooMany(context: EsipaContext, eid: Eid): Promise<boolean> {
	const latest = await context.store.listNotifications(eid, { limit: UNVERIFIED_A_DAY });
	const oldest = latest.items[UNVERIFIED_A_DAY - 1];
	return oldest !== undefined && context.clock.now() - oldest.receivedAt < Days(1);
}

/** The row of a notification; undefined for compact forms, which cannot be forwarded as they are. */
export function notificationRow(
	context: EsipaContext,
	eid: Eid,
	{ value, der }: Kept<PendingNotification>,
): Notification | undefined {
	const metadata = metadataOf(value);
	if (metadata === undefined) {
		context.logger("eim.esipa").warn("compact notification refused", { eid });
		return undefined;
	}
	const iccid = metadata.iccid && iccidOf(metadata.iccid);
	return {
		id: newId(context),
		eid,
		bytes: der,
		address: metadata.notificationAddress,
		seqNumber: metadata.seqNumber,
		event: eventOf(metadata),
		...(iccid === undefined ? {} : { iccid }),
		receivedAt: context.clock.now(),
	};
}

/** Verifies a notification by the certificates in it, or by those stored for the device. */
export function checkNotification(
	context: EsipaContext,
	device: Device,
	notification: PendingNotification,
): NotificationCheck {
	if (device.acceptUnverified && device.labMode !== undefined) return "unverifiable";
	if ("otherSignedNotification" in notification) {
		const { otherSignedNotification } = notification;
		const { euiccCertificate, eumCertificate } = otherSignedNotification;
		const key = context.keys.verify(device.eid, euiccCertificate, eumCertificate);
		if (key.kind === "untrusted") return key.error.code === "PKI_CHAIN_UNTRUSTED" ? "unverifiable" : "rejected";
		return holds(() => verifyOtherNotification(otherSignedNotification, key.publicKey));
	}
	if ("profileInstallationResult" in notification) {
		const key = context.keys.of(device);
		if (key.kind !== "known") return "unverifiable";
		return holds(() => verifyProfileInstallationResult(notification.profileInstallationResult, key.publicKey));
	}
	return "unverifiable";
}

/** The EID that a notification names, in its certificate or in its compact form; installation results name none. */
export function eidOfNotification(notification: PendingNotification): Eid | undefined {
	if ("otherSignedNotification" in notification) {
		return eidOfCertificate(notification.otherSignedNotification.euiccCertificate);
	}
	if (!("compactOtherSignedNotification" in notification)) return undefined;
	const { eidValue } = notification.compactOtherSignedNotification;
	const digits = eidValue && toHex(eidValue);
	return digits !== undefined && Eid.is(digits) ? digits : undefined;
}

/** The EID in the subject of an eUICC certificate. */
export function eidOfCertificate(euiccCertificate: OtherSignedNotification["euiccCertificate"]): Eid | undefined {
	try {
		const eid = parseCertificate(euiccCertificate).subject.serialNumber ?? "";
		return Eid.is(eid) ? eid : undefined;
	} catch (error) {
		if (error instanceof PkiError) return undefined;
		throw error;
	}
}

/** ICCID digits; undefined where a card gives something that is none. */
export function iccidOf(octets: Uint8Array): Iccid | undefined {
	try {
		return Iccid.fromBytes(octets);
	} catch {
		return undefined;
	}
}

function metadataOf(notification: PendingNotification): NotificationMetadata | undefined {
	if ("profileInstallationResult" in notification) {
		return notification.profileInstallationResult.profileInstallationResultData.value.notificationMetadata;
	}
	return "otherSignedNotification" in notification
		? notification.otherSignedNotification.tbsOtherNotification.value
		: undefined;
}

function eventOf({ profileManagementOperation }: NotificationMetadata): NotificationEvent {
	if (EventBits.has(profileManagementOperation, "notificationEnable")) return "enable";
	if (EventBits.has(profileManagementOperation, "notificationDisable")) return "disable";
	if (EventBits.has(profileManagementOperation, "notificationDelete")) return "delete";
	return "install";
}

function holds(verify: () => unknown): NotificationCheck {
	try {
		verify();
		return "verified";
	} catch (error) {
		if (error instanceof SecurityError) return "rejected";
		throw error;
	}
}
