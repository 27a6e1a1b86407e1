import { Iccid } from "@iot-esim/shared/ids/iccid";
import { CancelSessionReasonCode } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { StateChangeCauseCode } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { segmentBoundProfilePackage } from "@iot-esim/shared/security/bound-profile-package";
import { toHex } from "@iot-esim/shared/util/bytes";
import { ProcedureError } from "./errors.ts";
import type { AssociatedEim, ProcedureContext } from "./procedure-context.ts";
import { waitForRefresh } from "./refresh.ts";
import { type NotificationSight, sightOfNotification } from "./result-facts.ts";
import { cancelSession, type RspSession } from "./rsp-session.ts";

const OK = 0;

/** What the card made of a package. */
export interface Installation {
	/** The Profile Installation Result, as the card signed it. */
	readonly result: Uint8Array;
	readonly sight: NotificationSight;
	/** The profile was enabled in the session that installed it. */
	readonly enabled: boolean;
}

/**
 * ES10b.LoadBoundProfilePackage, optionally ES10b.ImmediateEnable in the same session.
 * @param onLoaded makes the result durable before anything else is done
 */
export async function installProfile<Onward>(
	session: RspSession<Onward>,
	download: { readonly boundProfilePackage: Uint8Array; readonly transactionId: Uint8Array },
	onLoaded: (result: Uint8Array) => Promise<void> = async () => undefined,
): Promise<Installation> {
	const { context, note } = session;
	const segments = await segmentsOf(session, download);
	await note("ES10b.LoadBoundProfilePackage");
	const result = await context.commands.loadBoundProfilePackage(segments);
	const sight = sightOfNotification(result);
	await onLoaded(result);
	const enabled = sight.installation !== "failure" && (await enableImmediately(context));
	if (enabled) await waitForRefresh(context);
	return { result, sight, enabled };
}

/** Tells the world how an installation ended. */
export function announceInstallation(
	context: ProcedureContext,
	eim: AssociatedEim,
	{ sight, enabled }: Pick<Installation, "sight" | "enabled">,
): void {
	if (sight.installation === "failure") {
		const reason = sight.failure ?? "without a reason";
		context.emit({ type: "download-failed", eimId: eim.eimId, reason: `the card refused the profile: ${reason}` });
		return;
	}
	const iccid = sight.iccid && printedIccid(sight.iccid);
	context.emit({ type: "profile-installed", eimId: eim.eimId, iccid, enabled });
}

/**
 * The change is noted before the card is asked and taken back when the card refuses: after a power cut in between an eIM
 * is rather told once too often than never.
 */
async function enableImmediately(context: ProcedureContext): Promise<boolean> {
	if (!context.settings.immediateEnable) return false;
	const { stateChanges: before } = context.journal.state;
	const cause = StateChangeCauseCode.immediateEnableProfile;
	await context.journal.note({ type: "state-changed", cause, tell: context.eimIds });
	const result = await context.commands.immediateEnable(true);
	context.log.info("step 8: ES10b.ImmediateEnable", { result });
	if (result !== OK) await context.journal.note({ type: "state-change-withdrawn", before });
	return result === OK;
}

/** A package that cannot be split is cancelled on both sides, so that the order is not held up. */
async function segmentsOf<Onward>(
	session: RspSession<Onward>,
	download: { readonly boundProfilePackage: Uint8Array; readonly transactionId: Uint8Array },
): Promise<readonly Uint8Array[]> {
	try {
		return segmentBoundProfilePackage(download.boundProfilePackage);
	} catch (cause) {
		const why = `the Bound Profile Package cannot be split: ${cause instanceof Error ? cause.message : String(cause)}`;
		await cancelSession(session, download.transactionId, CancelSessionReasonCode.loadBppExecutionError, why);
		throw new ProcedureError("IPA_DOWNLOAD_REFUSED", why, { cause });
	}
}

/** The digits, or the octets as they are when they are no digits. */
function printedIccid(octets: Uint8Array): string {
	try {
		return Iccid.fromBytes(octets);
	} catch {
		return toHex(octets);
	}
}
