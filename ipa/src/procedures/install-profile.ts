import { Iccid } from "@iot-esim/shared/ids/iccid";
import { StateChangeCauseCode } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { segmentBoundProfilePackage } from "@iot-esim/shared/security/bound-profile-package";
import { toHex } from "@iot-esim/shared/util/bytes";
import { ProcedureError } from "./errors.ts";
import { deliverNotification, deliverNotifications } from "./notifications.ts";
import type { AssociatedEim, ProcedureContext } from "./procedure-context.ts";
import { waitForRefresh } from "./refresh.ts";
import { sightOfNotification } from "./result-facts.ts";

const OK = 0;

/**
 * ES10b.LoadBoundProfilePackage, optionally ES10b.ImmediateEnable in the same session, ESipa.HandleNotification with
 * the Profile Installation Result, which leaves the card once the eIM has it.
 */
export async function installProfile(
	context: ProcedureContext,
	eim: AssociatedEim,
	boundProfilePackage: Uint8Array,
): Promise<void> {
	const segments = segmentsOf(boundProfilePackage);
	const step = "ES10b.LoadBoundProfilePackage";
	await context.journal.note({ type: "download-step", eimId: eim.eimId, step });
	context.emit({ type: "download-step", eimId: eim.eimId, step });
	context.log.info(`step 8: ${step}`, { eimId: eim.eimId, segments: segments.length });
	const installationResult = await context.commands.loadBoundProfilePackage(segments);
	const sight = sightOfNotification(installationResult);
	const enabled = sight.installation !== "failure" && (await enableImmediately(context));
	if (enabled) {
		const cause = StateChangeCauseCode.immediateEnableProfile;
		await context.journal.note({ type: "state-changed", cause, tell: [eim.eimId] });
		await waitForRefresh(context);
	}
	await context.journal.note({ type: "download-step", eimId: eim.eimId, step: "ESipa.HandleNotification" });
	await deliverNotification(context, eim, installationResult);
	// Enabling has made notifications of its own, and no eUICC Package will carry them.
	if (enabled) await deliverNotifications(context, eim, await context.es10.retrieveNotifications());
	if (sight.installation === "failure") {
		const reason = sight.failure ?? "without a reason";
		context.emit({ type: "download-failed", eimId: eim.eimId, reason: `the card refused the profile: ${reason}` });
		return;
	}
	const iccid = sight.iccid && printedIccid(sight.iccid);
	context.emit({ type: "profile-installed", eimId: eim.eimId, iccid, enabled });
}

async function enableImmediately(context: ProcedureContext): Promise<boolean> {
	if (!context.settings.immediateEnable) return false;
	const result = await context.commands.immediateEnable(true);
	context.log.info("step 8: ES10b.ImmediateEnable", { result });
	return result === OK;
}

function segmentsOf(boundProfilePackage: Uint8Array): readonly Uint8Array[] {
	try {
		return segmentBoundProfilePackage(boundProfilePackage);
	} catch (cause) {
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new ProcedureError("IPA_DOWNLOAD_REFUSED", `the Bound Profile Package cannot be split: ${reason}`, { cause });
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
