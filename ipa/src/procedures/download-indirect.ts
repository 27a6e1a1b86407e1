import type { ProfileDownloadTriggerRequest } from "@iot-esim/shared/messages/sgp32/profile-download-trigger";
import { provideDownloadError } from "./download-result.ts";
import { type DownloadSource, downloadSource } from "./download-source.ts";
import { ProcedureError } from "./errors.ts";
import { esipaServer } from "./esipa-server.ts";
import { announceInstallation, installProfile } from "./install-profile.ts";
import { deliverNotification, deliverNotifications } from "./notifications.ts";
import type { AssociatedEim, ProcedureContext } from "./procedure-context.ts";
import { type RspSession, runRspSession } from "./rsp-session.ts";

/**
 * Indirect profile download: the eIM speaks to the SM-DP+, the IPA carries what card and SM-DP+ say to each other. A
 * failure that the standard has a code for ends with a result to the eIM; a broken link or card ends with an error,
 * and the eIM sends the trigger again.
 */
export async function downloadIndirect(
	context: ProcedureContext,
	eim: AssociatedEim,
	trigger: ProfileDownloadTriggerRequest,
): Promise<void> {
	const { eimTransactionId } = trigger;
	await context.journal.note({ type: "download-step", eimId: eim.eimId, step: "ProfileDownloadTriggerRequest" });
	try {
		const source = await downloadSource(context, trigger.profileDownloadData);
		const next = await downloadFrom(context, eim, source, eimTransactionId);
		if (next !== undefined)
			await downloadFrom(context, eim, await downloadSource(context, next.profileDownloadData), eimTransactionId);
	} catch (error) {
		if (!(error instanceof ProcedureError)) throw error;
		context.emit({ type: "download-failed", eimId: eim.eimId, reason: error.message });
		context.log.warn("download failed", { eimId: eim.eimId, reason: error.message, gsmaCode: error.gsmaCode });
		await provideDownloadError(context, eim, eimTransactionId, error.message);
	}
	await context.journal.note({ type: "download-ended" });
}

/** One session; its answer is the next trigger when the server was an SM-DS. */
async function downloadFrom(
	context: ProcedureContext,
	eim: AssociatedEim,
	source: DownloadSource,
	eimTransactionId: Uint8Array | undefined,
): Promise<ProfileDownloadTriggerRequest | undefined> {
	const note = async (step: string) => {
		await context.journal.note({ type: "download-step", eimId: eim.eimId, step });
		context.log.info(`step 8: ${step}`, { eimId: eim.eimId });
		context.emit({ type: "download-step", eimId: eim.eimId, step });
	};
	const server = esipaServer(eim, source, eimTransactionId);
	const session: RspSession<ProfileDownloadTriggerRequest | undefined> = { context, server, source, note };
	const found = await runRspSession(session);
	if ("onward" in found) return found.onward;
	const installation = await installProfile(session, found);
	await context.journal.note({ type: "download-step", eimId: eim.eimId, step: "ESipa.HandleNotification" });
	await deliverNotification(context, eim, installation.result);
	// Enabling has made notifications of its own, and no eUICC Package will carry them.
	if (installation.enabled) await deliverNotifications(context, eim, await context.es10.retrieveNotifications());
	announceInstallation(context, eim, installation);
	return undefined;
}
