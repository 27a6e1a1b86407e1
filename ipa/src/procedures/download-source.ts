import type { ProfileDownloadData } from "@iot-esim/shared/messages/sgp32/profile-download-trigger";
import { parseActivationCode } from "./activation-code.ts";
import { ProcedureError } from "./errors.ts";
import type { ProcedureContext } from "./procedure-context.ts";

/** Where a profile comes from; both members may be left to the eIM. */
export interface DownloadSource {
	readonly smdpAddress: string | undefined;
	readonly matchingId: string | undefined;
	/** OID that the server's certificate must carry. */
	readonly smdpOid?: string | undefined;
}

/**
 * What the trigger says: an activation code, the default SM-DP+, or an SM-DS. Without any of them the card's default
 * SM-DP+ is meant, and when it has none, the eIM is left to know the address.
 * @throws ProcedureError IPA_ACTIVATION_CODE_INVALID
 */
export async function downloadSource(
	context: ProcedureContext,
	trigger: ProfileDownloadData | undefined,
): Promise<DownloadSource> {
	if (trigger !== undefined && "activationCode" in trigger) {
		const { smdpAddress, matchingId, smdpOid } = parseActivationCode(trigger.activationCode);
		return { smdpAddress, matchingId, smdpOid };
	}
	const addresses = await context.es10.getConfiguredAddresses();
	if (trigger !== undefined && "contactSmds" in trigger) {
		return { smdpAddress: trigger.contactSmds.smdsAddress ?? addresses.rootDsAddress, matchingId: undefined };
	}
	return { smdpAddress: addresses.defaultDpAddress, matchingId: undefined };
}

/**
 * What the trigger says to an IPA that speaks to servers itself: it has to know an address. A trigger without any data
 * means the default SM-DP+ of the card, or its root SM-DS when there is none (SGP.32 §2.11.2).
 * @throws ProcedureError IPA_ACTIVATION_CODE_INVALID, IPA_NO_SERVER
 */
export async function directSource(
	context: ProcedureContext,
	trigger: ProfileDownloadData | undefined,
): Promise<DownloadSource & { readonly smdpAddress: string }> {
	const { smdpAddress = "", ...source } = await downloadSource(context, trigger);
	if (smdpAddress !== "") return { smdpAddress, ...source };
	if (trigger !== undefined) {
		const wanted = "contactSmds" in trigger ? "root SM-DS" : "default SM-DP+";
		throw new ProcedureError("IPA_NO_SERVER", `the card names no ${wanted}, and the trigger names no server`);
	}
	return directSource(context, { contactSmds: {} });
}
