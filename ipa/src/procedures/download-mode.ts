import type { IpaCapabilities } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import type { AssociatedEim, ProcedureContext, ProcedureSettings } from "./procedure-context.ts";

/** How a profile comes to the device; none when both ways are switched off. */
export type DownloadMode = "direct" | "indirect" | "none";

/**
 * Indirect where the IPA may and the eIM says that it offers it (indirectProfileDownload of its configuration on the
 * card), else direct where the IPA can, else the way that is left (SGP.32 §3.2.3).
 */
export function downloadMode(context: Pick<ProcedureContext, "settings" | "rsp">, eim: AssociatedEim): DownloadMode {
	const { isDirect, isIndirect } = downloadAbilities(context);
	if (isDirect && isIndirect) return eim.indirectProfileDownload ? "indirect" : "direct";
	if (isDirect) return "direct";
	return isIndirect ? "indirect" : "none";
}

/** Direct downloads need an RSP client, which needs certificates of CIs to trust. */
export function downloadAbilities({ settings, rsp }: Pick<ProcedureContext, "settings" | "rsp">) {
	const { directDownload = true, indirectDownload = true } = settings;
	return { isDirect: directDownload && rsp !== undefined, isIndirect: indirectDownload };
}

/** Bits 2 to 5 of ipaFeatures when the last of them is set. */
const MINIMIZE_ESIPA_BYTES = "0001";

/** Bits of ipaSupportedProtocols (SGP.32 §2.11.2). */
const PROTOCOLS = [
	"ipaRetrieveHttps",
	"ipaRetrieveCoaps",
	"ipaInjectHttps",
	"ipaInjectCoaps",
	"ipaProprietary",
] as const;
export type IpaProtocol = (typeof PROTOCOLS)[number];

/** What this IPA can do, as an eIM may ask for it. */
export function ipaCapabilities(context: Pick<ProcedureContext, "settings" | "rsp">): IpaCapabilities {
	const { settings } = context;
	const { isDirect, isIndirect } = downloadAbilities(context);
	const features = [isDirect, isIndirect]
		.map((can) => (can ? "1" : "0"))
		.join("")
		.replace(/0+$/, "");
	const ipaFeatures = settings.minimizeBytes ? `${features}${MINIMIZE_ESIPA_BYTES}` : features;
	return { ipaFeatures, ipaSupportedProtocols: supportedProtocols(settings) };
}

function supportedProtocols({ protocols = ["ipaRetrieveHttps"], takesPackages = false }: ProcedureSettings): string {
	const spoken: readonly IpaProtocol[] = takesPackages ? [...protocols, "ipaInjectHttps"] : protocols;
	const bits = PROTOCOLS.map((protocol) => (spoken.includes(protocol) ? "1" : "0")).join("");
	return bits.replace(/0+$/, "");
}
