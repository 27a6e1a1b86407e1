/** What the eIM looks at in a profile's metadata before the download goes on (SGP.32 section 3.2.3.2). */

import { decode } from "@iot-esim/shared/asn1/schema";
import { CancelSessionReasonCode } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { type OperatorId, PprIds } from "@iot-esim/shared/messages/sgp22/profile-info";
import { RulesAuthorisationTable } from "@iot-esim/shared/messages/sgp22/profile-management";
import { EUICCInfo2 } from "@iot-esim/shared/messages/sgp32/euicc-info";
import type { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp32/profile-info";
import { policyObjection } from "@iot-esim/shared/security/profile-policy";
import { toHex } from "@iot-esim/shared/util/bytes";
import type { Device } from "../domain/device.ts";
import type { DownloadParameters } from "../domain/download.ts";
import type { OperationReason } from "../domain/operation.ts";
import { plmnOf } from "../domain/plmn.ts";
import type { ProfileClass } from "../domain/profile.ts";
import { ipaFeatures } from "./ipa-features.ts";
import { classOf } from "./listed-profiles.ts";
import { iccidOf } from "./notifications.ts";
import { codeText } from "./result-text.ts";

/** What profiles this eIM lets onto its devices. */
export interface DownloadPolicy {
	readonly profileClasses: readonly ProfileClass[];
	/** Octets of the metadata at most. */
	readonly largestMetadata: number;
	/** Whether policy rules that need the end user's consent count as consented. */
	readonly isConsentGranted: boolean;
}

export interface MetadataQuestion {
	readonly metadata: StoreMetadataRequest;
	/** Length of the metadata as received. */
	readonly octets: number;
	readonly order: DownloadParameters;
	readonly device: Device;
	readonly policy: DownloadPolicy;
}

export type MetadataVerdict =
	| { readonly kind: "allowed" }
	/** The profile has policy rules, the IPA leaves it to the eIM to check them, and the eIM does not know the table. */
	| { readonly kind: "ratNeeded" }
	| {
			readonly kind: "refused";
			/** CancelSessionReason of SGP.22. */
			readonly cancelReason: number;
			readonly reason: OperationReason;
	  };

/** Whether the download may go on. Pure. */
export function judgeMetadata(question: MetadataQuestion): MetadataVerdict {
	const mismatch = sizeObjection(question) ?? classObjection(question) ?? orderObjection(question);
	if (mismatch !== undefined) return refused(CancelSessionReasonCode.metadataMismatch, mismatch);
	return judgePolicyRules(question);
}

function sizeObjection({ octets, policy }: MetadataQuestion): string | undefined {
	if (octets <= policy.largestMetadata) return undefined;
	return `its metadata have ${octets} octets, ${policy.largestMetadata} are allowed`;
}

function classObjection({ metadata, policy, order }: MetadataQuestion): string | undefined {
	const profileClass = classOf(metadata.profileClass);
	const ordered = order.expected?.profileClass;
	if (ordered !== undefined && ordered !== profileClass) return `its class is ${profileClass}, ordered was ${ordered}`;
	return policy.profileClasses.includes(profileClass)
		? undefined
		: `its class is ${profileClass}, which this eIM does not allow (download.profileClasses)`;
}

function orderObjection({ metadata, order }: MetadataQuestion): string | undefined {
	const { iccid, owner } = order.expected ?? {};
	const given = iccidOf(metadata.iccid) ?? toHex(metadata.iccid);
	if (iccid !== undefined && given !== iccid) return `its ICCID is ${given}, ordered was ${iccid}`;
	if (owner === undefined) return undefined;
	const own = metadata.profileOwner && ownerDigits(metadata.profileOwner);
	return own === owner ? undefined : `its owner is ${own ?? "not named"}, ordered was ${owner}`;
}

function ownerDigits({ mccMnc }: OperatorId): string {
	const plmn = plmnOf(toHex(mccMnc));
	return plmn === undefined ? toHex(mccMnc) : `${plmn.mcc}${plmn.mnc}`;
}

function judgePolicyRules({ metadata, device, policy }: MetadataQuestion): MetadataVerdict {
	const { profilePolicyRules = "", profileOwner } = metadata;
	const isRuled = PprIds.has(profilePolicyRules, "ppr1") || PprIds.has(profilePolicyRules, "ppr2");
	if (!isRuled) return { kind: "allowed" };
	const { euiccInfo2, rulesAuthorisationTable } = device;
	const forbidden = euiccInfo2 && decode(EUICCInfo2, euiccInfo2).forbiddenProfilePolicyRules;
	const isForbidden = (["ppr1", "ppr2"] as const).some(
		(rule) => PprIds.has(profilePolicyRules, rule) && PprIds.has(forbidden ?? "", rule),
	);
	if (rulesAuthorisationTable === undefined && !isForbidden) {
		const isForEim = ipaFeatures(device).has("eimProfileMetadataVerification");
		return isForEim ? { kind: "ratNeeded" } : { kind: "allowed" };
	}
	const objection = policyObjection({
		profilePolicyRules,
		profileOwner,
		forbidden,
		rat: rulesAuthorisationTable === undefined ? [] : decode(RulesAuthorisationTable, rulesAuthorisationTable),
		consentGranted: policy.isConsentGranted,
	});
	if (objection === undefined) return { kind: "allowed" };
	return refused(CancelSessionReasonCode.pprNotAllowed, `of its policy rules, ${objection}`);
}

function refused(cancelReason: number, objection: string): MetadataVerdict {
	const text = `The eIM refused the profile before it was loaded: ${objection}.`;
	return { kind: "refused", cancelReason, reason: { text, code: codeText("cancelSession", cancelReason) } };
}
