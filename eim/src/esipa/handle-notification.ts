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
import { acceptInstallation } from "./download-result.ts";
import { loadRelay } from "./download-session.ts";
import { EsipaError } from "./errors.ts";
import type { EsipaContext, EsipaPeer } from "./esipa-deps.ts";
import { checkNotification, eidOfNotification, mayForward, notificationRow } from "./notifications.ts";
import { provideEimPackageResult } from "./provide-eim-package-result.ts";

/**
 * ESipa.HandleNotification (SGP.32 section 5.14.7). It has no answer: that the call went well tells the IPA that it may
 * remove the notification from the card, so the notification and its delivery job are durable by then.
 * @throws EsipaError ESIPA_MESSAGE_INVALID, ESIPA_NOTIFICATION_REFUSED
 */
export async function handleNotification(context: EsipaContext, body: Uint8Array, peer?: EsipaPeer): Promise<null> {
	try {
		const result = packageResultIn(body);
		if (result !== undefined) await takePackageResult(context, result, peer);
		else {
			const message = decode(HandleNotificationEsipa, body);
			if ("pendingNotification" in message) await takeNotification(context, message.pendingNotification);
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

async function takeNotification(context: EsipaContext, notification: Kept<PendingNotification>): Promise<void> {
	const eid = await eidFor(context, notification.value);
	const device = eid && (await context.store.loadDevice(eid));
	if (device === undefined) throw refused("its device is not known here", eid);
	const row = notificationRow(context, device.eid, notification);
	if (row === undefined) throw refused("compact notifications are not understood", eid);
	const check = checkNotification(context, device, notification.value);
	if (check === "rejected") throw refused("it is not signed by the eUICC of its device", eid);
	const isForwarded = await mayForward(context, row, check);
	if ("profileInstallationResult" in notification.value) {
		const result = { value: notification.value.profileInstallationResult, der: notification.der };
		const forwarded = isForwarded ? { notification: row } : {};
		await acceptInstallation(context, device, result, { bytes: notification.der, ...forwarded });
	} else if (isForwarded) await context.store.saveNotifications([row]);
	if (!isForwarded) throw refused("the certificates behind its signature are not known or not trusted yet", eid);
	context
		.logger("eim.esipa")
		.info("notification stored", { eid: device.eid, seqNumber: row.seqNumber, event: row.event });
}

/** A notification proves its EID by the certificate in it; an installation result only by the session it ends. */
async function eidFor(context: EsipaContext, notification: PendingNotification): Promise<Eid | undefined> {
	if (!("profileInstallationResult" in notification)) return eidOfNotification(notification);
	const { transactionId } = notification.profileInstallationResult.profileInstallationResultData.value;
	return (await loadRelay(context, transactionId))?.eid;
}

function refused(why: string, eid: Eid | undefined): EsipaError {
	return new EsipaError("ESIPA_NOTIFICATION_REFUSED", `the notification was not taken: ${why}`, { context: { eid } });
}
