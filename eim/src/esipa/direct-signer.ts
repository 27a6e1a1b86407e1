import type { Eid } from "@iot-esim/shared/ids/eid";
import type { NotificationMetadata } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import type { ProfileInstallationResult } from "@iot-esim/shared/messages/sgp32/notifications";
import type { Device } from "../domain/device.ts";
import type { Operation } from "../domain/operation.ts";
import type { EsipaContext, EsipaPeer } from "./esipa-deps.ts";
import { checkNotification, iccidOf } from "./notifications.ts";

/** Latest downloads, one of which a direct installation result may be of. */
const DOWNLOADS_LOOKED_AT = 50;
/** Anybody may send what no device has signed: so many keys are tried for it. */
const KEYS_TRIED = 10;

/**
 * The device that has signed an installation result of a session that is not the eIM's, found among those that were asked to
 * download: the result names none. Who has proven by the transport which device it is speaks for that one alone.
 */
export async function signerOfDirect(
	context: EsipaContext,
	profileInstallationResult: ProfileInstallationResult,
	peer: EsipaPeer | undefined,
): Promise<Device | undefined> {
	const metadata = profileInstallationResult.profileInstallationResultData.value.notificationMetadata;
	const sender = peer?.provenEid ?? peer?.connection?.eid;
	const own = sender === undefined ? [] : await downloadsOf(context, sender);
	const others = peer?.provenEid === undefined ? await downloadsOf(context, undefined) : [];
	const eids = new Set([...own, ...likeliestFirst(others, metadata)].map(({ eid }) => eid));
	for (const eid of [...eids].slice(0, KEYS_TRIED)) {
		const device = await context.store.loadDevice(eid);
		if (device === undefined) continue;
		if (checkNotification(context, device, { profileInstallationResult }) === "verified") return device;
	}
	return undefined;
}

/** Those that have gone out, of one device or of all. */
async function downloadsOf({ store }: EsipaContext, eid: Eid | undefined): Promise<readonly Operation[]> {
	const { items } = await store.listOperations({ eid, types: ["download"], limit: DOWNLOADS_LOOKED_AT });
	return items.filter(({ sentAt }) => sentAt !== undefined);
}

/** Downloads of another profile are left out; a device may know its SM-DP+ by a name that the order has not. */
function likeliestFirst(downloads: readonly Operation[], metadata: NotificationMetadata): readonly Operation[] {
	const iccid = metadata.iccid && iccidOf(metadata.iccid);
	const address = metadata.notificationAddress.toLowerCase();
	const isFrom = ({ parameters }: Operation) =>
		"smdpAddress" in parameters && parameters.smdpAddress.toLowerCase().replace(/:\d+$/, "") === address;
	const rank = (operation: Operation) => (isFrom(operation) ? 2 : 0) + (operation.finishedAt === undefined ? 1 : 0);
	return downloads
		.filter(({ outcome }) => outcome?.iccid === undefined || iccid === undefined || outcome.iccid === iccid)
		.toSorted((a, b) => rank(b) - rank(a));
}
