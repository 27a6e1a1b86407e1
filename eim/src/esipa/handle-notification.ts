import { Asn1Error, decode, type Kept } from "@iot-esim/shared/asn1/schema";
import { readTlvs, readWholeTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import type { Eid } from "@iot-esim/shared/ids/eid";
import { decodeLenient } from "@iot-esim/shared/messages/sgp32/deviations";
import { inBaseVersion } from "@iot-esim/shared/messages/sgp32/dialect/table";
import {
	HandleNotificationEsipa,
	ProvideEimPackageResultResponse,
} from "@iot-esim/shared/messages/sgp32/esipa-package";
import type { PendingNotification } from "@iot-esim/shared/messages/sgp32/notifications";
import type { Device } from "../domain/device.ts";
import { signerOfDirect } from "./direct-signer.ts";
import { loadRelay } from "./download-session.ts";
import { EsipaError } from "./errors.ts";
import type { EsipaContext, EsipaPeer } from "./esipa-deps.ts";
import { eidOfNotification } from "./notifications.ts";
import { requireOwn } from "./proven-eid.ts";
import { provideEimPackageResult } from "./provide-eim-package-result.ts";
import { takeNotification } from "./take-notifications.ts";

/**
 * ESipa.HandleNotification (SGP.32 section 5.14.7). It has no answer: that the call went well tells the IPA that it may
 * remove the notification from the card, so the notification and its delivery job are durable by then.
 * @throws EsipaError ESIPA_MESSAGE_INVALID, ESIPA_NOTIFICATION_REFUSED, ESIPA_OTHER_DEVICE
 */
export async function handleNotification(context: EsipaContext, body: Uint8Array, peer?: EsipaPeer): Promise<null> {
	try {
		const result = packageResultIn(body);
		if (result !== undefined) await takePackageResult(context, result, peer);
		else {
			const message = decode(HandleNotificationEsipa, body);
			if ("pendingNotification" in message) await storeNotification(context, message.pendingNotification, peer);
		}
		return null;
	} catch (error) {
		if (!(error instanceof Asn1Error)) throw error;
		throw new EsipaError("ESIPA_MESSAGE_INVALID", error.message, { cause: error });
	}
}

/** Some IPAs send results here; they are read as leniently as where they belong. */
function packageResultIn(body: Uint8Array): Uint8Array | undefined {
	const strict = inBaseVersion(HandleNotificationEsipa.typeName, body);
	const whole = readWholeTlv(strict);
	const [member] = readTlvs(strict, whole.valueStart, whole.end);
	return member?.tag === 0xbf50 ? tlvBytes(strict, member) : undefined;
}

/** There is no answer to say it in: a result that is not taken is refused like a notification, so the IPA keeps it. */
async function takePackageResult(context: EsipaContext, body: Uint8Array, peer: EsipaPeer | undefined): Promise<void> {
	const answered = await provideEimPackageResult(context, body, peer);
	const answer = decodeLenient(ProvideEimPackageResultResponse, answered).value;
	if (!("provideEimPackageResultError" in answer)) return;
	const { provideEimPackageResultError: code } = answer;
	throw new EsipaError("ESIPA_NOTIFICATION_REFUSED", `the result was not taken: provideEimPackageResultError ${code}`);
}

async function storeNotification(
	context: EsipaContext,
	notification: Kept<PendingNotification>,
	peer: EsipaPeer | undefined,
): Promise<void> {
	const device = await deviceOf(context, notification.value, peer);
	if (device === undefined) throw refused("its device is not known here", undefined);
	const { eid } = device;
	requireOwn(peer, eid);
	const taken = await takeNotification(context, device, notification);
	if (taken.kind === "refused") throw refused(taken.why, eid);
	const { row, isStored } = taken;
	if (!isStored) await context.store.saveNotifications([row]);
	context.logger("eim.esipa").info("notification stored", { eid, seqNumber: row.seqNumber, event: row.event });
}

/**
 * A notification proves its EID by the certificate in it. An installation result has none: the session that it ends
 * tells the device, or, when the device spoke to the SM-DP+ itself, the key that verifies it.
 */
async function deviceOf(
	context: EsipaContext,
	notification: PendingNotification,
	peer: EsipaPeer | undefined,
): Promise<Device | undefined> {
	if ("profileInstallationResult" in notification) {
		const { profileInstallationResult } = notification;
		const { transactionId } = profileInstallationResult.profileInstallationResultData.value;
		const session = await loadRelay(context, transactionId);
		if (session !== undefined) return context.store.loadDevice(session.eid);
		return signerOfDirect(context, profileInstallationResult, peer);
	}
	if ("compactProfileInstallationResult" in notification) {
		const { transactionId } = notification.compactProfileInstallationResult.compactProfileInstallationResultData;
		const session = await loadRelay(context, transactionId);
		return session && context.store.loadDevice(session.eid);
	}
	const eid = eidOfNotification(notification);
	return eid && context.store.loadDevice(eid);
}

function refused(why: string, eid: Eid | undefined): EsipaError {
	return new EsipaError("ESIPA_NOTIFICATION_REFUSED", `the notification was not taken: ${why}`, { context: { eid } });
}
