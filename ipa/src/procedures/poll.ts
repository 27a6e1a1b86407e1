import { createHash } from "node:crypto";
import type { GetEimPackageRequest } from "@iot-esim/shared/messages/sgp32/esipa-package";
import type { ProfileDownloadTriggerRequest } from "@iot-esim/shared/messages/sgp32/profile-download-trigger";
import { toHex } from "@iot-esim/shared/util/bytes";
import { downloadDirect } from "./download-direct.ts";
import { downloadIndirect } from "./download-indirect.ts";
import { downloadMode } from "./download-mode.ts";
import { provideDownloadError } from "./download-result.ts";
import { eimErrorText } from "./eim-error.ts";
import { ProcedureError } from "./errors.ts";
import { sendEuiccData } from "./euicc-data.ts";
import { executeEuiccPackage } from "./execute-euicc-package.ts";
import type { AssociatedEim, ProcedureContext } from "./procedure-context.ts";
import { sightOfPackage } from "./result-facts.ts";

/** What one poll did: nothing was there, or a package was worked off and another may wait. */
export interface PollResult {
	readonly hadPackage: boolean;
	/** SHA-256 of the package; a repetition has the same. */
	readonly packageHash: string | undefined;
	/** The card's eIM configurations may have changed. */
	readonly mayHaveChangedEims: boolean;
}

/**
 * One poll: ESipa.GetEimPackage and whatever the eIM has for the device.
 * @throws EsipaLinkError, CardError, ProcedureError
 */
export async function poll(
	context: ProcedureContext,
	eim: AssociatedEim,
	otherEimIds: readonly string[],
	rPLMN: Uint8Array | undefined,
): Promise<PollResult> {
	const cause = context.journal.state.stateChanges[eim.eimId];
	const request: Omit<GetEimPackageRequest, "eidValue"> = {
		...(cause === undefined ? {} : { notifyStateChange: null, stateChangeCause: cause }),
		...(rPLMN === undefined ? {} : { rPLMN }),
	};
	context.log.debug("step 2: ESipa.GetEimPackage", { eimId: eim.eimId, stateChangeCause: cause });
	const found = await eim.esipa.getEimPackage(request, context.signal);
	context.emit({ type: "polled", eimId: eim.eimId, outcome: found.type });
	if (found.type === "refused") {
		const message = `eIM ${eim.eimId} answered the poll with ${eimErrorText(found.code)}`;
		throw new ProcedureError("IPA_PACKAGE_REFUSED", message, { gsmaCode: found.code });
	}
	if (cause !== undefined) await context.journal.note({ type: "state-change-told", eimId: eim.eimId });
	if (found.type === "none") return { hadPackage: false, packageHash: undefined, mayHaveChangedEims: false };
	const packageHash = toHex(createHash("sha256").update(found.der).digest());
	const worked = { hadPackage: true, packageHash, mayHaveChangedEims: false };
	switch (found.type) {
		case "euicc-package":
			await executeEuiccPackage(context, eim, found.der, otherEimIds);
			return { ...worked, mayHaveChangedEims: sightOfPackage(found.der).hasEco };
		case "ipa-euicc-data":
			await sendEuiccData(context, eim, found.request);
			return worked;
		case "download-trigger":
			await downloadProfile(context, eim, found.request);
			return worked;
		case "unreadable":
			context.log.warn("package not understood", { eimId: eim.eimId, reason: found.reason });
			await eim.esipa.provideEimPackageResult({ errorCode: found.resultCode }, context.signal);
			return worked;
	}
}

/**
 * How the words begin by which an eIM is told that a download is put off: BF54 has no reason for it, and without an answer
 * the trigger would stand in the way of whatever else the eIM has.
 */
const POSTPONED = "IPA_DOWNLOAD_POSTPONED";

/** A trigger, by whichever way it came. */
export async function downloadProfile(
	context: ProcedureContext,
	eim: AssociatedEim,
	trigger: ProfileDownloadTriggerRequest,
): Promise<void> {
	if (context.isMetered && context.settings.downloadOnMetered === false) {
		const reason = "the link is paid by volume, and downloads wait for another one (download.onMetered)";
		context.log.info("download postponed", { eimId: eim.eimId, reason });
		context.emit({ type: "download-postponed", eimId: eim.eimId, reason });
		await provideDownloadError(context, eim, trigger.eimTransactionId, `${POSTPONED}: ${reason}`);
		return;
	}
	const mode = downloadMode(context, eim);
	if (mode === "indirect") return downloadIndirect(context, eim, trigger);
	if (mode === "direct" && context.rsp !== undefined) return downloadDirect(context, eim, trigger, context.rsp);
	const reason = "this device is set to download profiles in no way (download.direct, download.indirect)";
	context.emit({ type: "download-failed", eimId: eim.eimId, reason });
	await provideDownloadError(context, eim, trigger.eimTransactionId, reason);
}
