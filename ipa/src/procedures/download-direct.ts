import type { EventEntries } from "@iot-esim/shared/messages/sgp22/es11";
import type { ProfileDownloadTriggerRequest } from "@iot-esim/shared/messages/sgp32/profile-download-trigger";
import { fromHex, toHex } from "@iot-esim/shared/util/bytes";
import { deliverDirectly, unattemptedNotifications } from "./direct-notifications.ts";
import { downloadResult, provideDownloadError, provideDownloadResult } from "./download-result.ts";
import { type DownloadSource, directSource } from "./download-source.ts";
import { ProcedureError } from "./errors.ts";
import { es9PlusServer } from "./es9plus-server.ts";
import { isLinkFailure, isServerFailure } from "./failure-kind.ts";
import { announceInstallation, type Installation, installProfile } from "./install-profile.ts";
import { deliverNotifications } from "./notifications.ts";
import type { AssociatedEim, DirectRsp, ProcedureContext } from "./procedure-context.ts";
import { installationIn, sightOfNotification, transactionIdOf } from "./result-facts.ts";
import { type RspSession, runRspSession } from "./rsp-session.ts";

/** A root SM-DS may name an alternative one, which names the SM-DP+. */
const LONGEST_CHAIN = 3;
const ATTEMPTS = 5;

/**
 * Direct profile download (SGP.32 §3.2.3.1): the IPA speaks to SM-DP+ and SM-DS itself. The installation result goes to
 * the SM-DP+ by ES9+.HandleNotification and to the eIM in the answer to its trigger; the journal holds it until the eIM
 * has it. A server that cannot be reached is tried again with the trigger, which the eIM repeats, so often as the
 * settings allow.
 */
export async function downloadDirect(
	context: ProcedureContext,
	eim: AssociatedEim,
	trigger: ProfileDownloadTriggerRequest,
	rsp: DirectRsp,
): Promise<void> {
	const { eimTransactionId } = trigger;
	const direct = { eimTransactionIdHex: eimTransactionId && toHex(eimTransactionId) };
	const step = "ProfileDownloadTriggerRequest";
	const { postponedDownload } = await context.journal.note({ type: "download-step", eimId: eim.eimId, step, direct });
	const attemptsBefore = postponedDownload?.key === direct.eimTransactionIdHex ? (postponedDownload?.count ?? 0) : 0;
	let installation: Installation;
	try {
		const source = await directSource(context, trigger.profileDownloadData);
		installation = await downloadFrom({ context, eim, rsp, eimTransactionId }, source, 1);
	} catch (error) {
		if (
			isServerFailure(error) &&
			mayBeTriedAgain(error) &&
			attemptsBefore + 1 < (context.settings.downloadAttempts ?? ATTEMPTS)
		) {
			await context.journal.note({ type: "download-postponed" });
			context.emit({ type: "download-postponed", eimId: eim.eimId, reason: error.message });
			throw error;
		}
		if (!(error instanceof ProcedureError || isServerFailure(error))) throw error;
		context.emit({ type: "download-failed", eimId: eim.eimId, reason: error.message });
		context.log.warn("download failed", { eimId: eim.eimId, reason: error.message });
		await provideDownloadError(context, eim, eimTransactionId, error.message);
		await context.journal.note({ type: "download-ended" });
		return;
	}
	announceInstallation(context, eim, installation);
	await settleDirectDownload(context, eim);
	// Enabling has made notifications of its own, and no eUICC Package will carry them.
	if (installation.enabled) await deliverNotifications(context, eim, await unattemptedNotifications(context));
}

interface DirectDownload {
	readonly context: ProcedureContext;
	readonly eim: AssociatedEim;
	readonly rsp: DirectRsp;
	readonly eimTransactionId: Uint8Array | undefined;
}

/** From an SM-DP+, or from the first server with a profile among those that an SM-DS names. */
async function downloadFrom(
	download: DirectDownload,
	source: DownloadSource & { readonly smdpAddress: string },
	place: number,
): Promise<Installation> {
	const { context, eim, rsp, eimTransactionId } = download;
	const note = async (step: string, transactionId?: Uint8Array) => {
		const direct = transactionId === undefined ? {} : { direct: { transactionIdHex: toHex(transactionId) } };
		await context.journal.note({ type: "download-step", eimId: eim.eimId, step, ...direct });
		context.log.info(`direct download: ${step}`, { eimId: eim.eimId, server: source.smdpAddress });
		context.emit({ type: "download-step", eimId: eim.eimId, step });
	};
	const server = es9PlusServer(rsp, source.smdpAddress);
	const session: RspSession<readonly EventEntries[]> = { context, server, source, note };
	const found = await runRspSession(session);
	if ("boundProfilePackage" in found) {
		return installProfile(session, found, async (result) => {
			const resultHex = toHex(downloadResult(eimTransactionId, result));
			await context.journal.note({ type: "download-executed", resultHex });
		});
	}
	return downloadFromEvents(download, source.smdpAddress, found.onward, place + 1);
}

async function downloadFromEvents(
	download: DirectDownload,
	smdsAddress: string,
	events: readonly EventEntries[],
	place: number,
): Promise<Installation> {
	const { log } = download.context;
	log.info("events of the SM-DS", { smdsAddress, events: events.length });
	let failure: unknown = new ProcedureError(
		"IPA_NO_EVENT",
		place > LONGEST_CHAIN
			? `${smdsAddress} is one SM-DS too many in a row`
			: `the SM-DS ${smdsAddress} has no event for this eUICC`,
	);
	if (place > LONGEST_CHAIN) throw failure;
	for (const { eventId, rspServerAddress } of events) {
		try {
			return await downloadFrom(download, { smdpAddress: rspServerAddress, matchingId: eventId }, place);
		} catch (error) {
			if (!(error instanceof ProcedureError || isServerFailure(error))) throw error;
			log.warn("event without a profile", { eventId, rspServerAddress, reason: error.message });
			failure = error;
		}
	}
	throw failure;
}

/**
 * From the installation on; also the way back into the procedure after a power cut. The SM-DP+ hears first, since the
 * eIM may send the next package as soon as it has the result.
 */
export async function settleDirectDownload(context: ProcedureContext, eim: AssociatedEim): Promise<void> {
	const { work } = context.journal.state;
	if (work.phase !== "download-executed") return;
	const result = fromHex(work.resultHex);
	const installationResult = installationIn(result);
	const { seqNumber } = sightOfNotification(installationResult);
	// After a power cut it may have been delivered already.
	const waiting = seqNumber === undefined ? [] : await context.es10.retrieveNotifications({ seqNumber });
	for (const notification of waiting) await deliverDirectly(context, notification);
	try {
		await provideDownloadResult(context, eim, result);
	} catch (error) {
		if (context.signal.aborted || !isLinkFailure(error)) throw error;
		// Other eIMs and other work must not wait for this one.
		await context.journal.note({ type: "download-result-waiting" });
		context.emit({ type: "result-waiting", eimId: eim.eimId, reason: error.message });
		throw error;
	}
	await context.journal.note({ type: "download-ended" });
}

/**
 * After a power cut in the middle of a direct download: the card says whether it came to an installation result, which
 * is then the result of the trigger.
 * @returns whether it did
 */
export async function recoverDirectDownload(context: ProcedureContext): Promise<boolean> {
	const { work } = context.journal.state;
	if (work.phase !== "downloading" || work.direct?.transactionIdHex === undefined) return false;
	const { eimTransactionIdHex, transactionIdHex } = work.direct;
	for (const notification of await context.es10.retrieveNotifications()) {
		const found = transactionIdOf(notification);
		if (found === undefined || toHex(found) !== transactionIdHex) continue;
		const eimTransactionId = eimTransactionIdHex === undefined ? undefined : fromHex(eimTransactionIdHex);
		await context.journal.note({
			type: "download-executed",
			resultHex: toHex(downloadResult(eimTransactionId, notification)),
		});
		return true;
	}
	return false;
}

/** A name or an answer that is wrong today is wrong tomorrow. */
function mayBeTriedAgain(error: { readonly code: string }): boolean {
	return error.code === "IPA_RSP_UNREACHABLE" || error.code === "IPA_RSP_STATUS";
}
