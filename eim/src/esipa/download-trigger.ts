import { encode } from "@iot-esim/shared/asn1/schema";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import {
	type ProfileDownloadData,
	ProfileDownloadTriggerRequest,
} from "@iot-esim/shared/messages/sgp32/profile-download-trigger";
import type { Device } from "../domain/device.ts";
import type { DownloadParameters } from "../domain/download.ts";
import type { BuiltPackage } from "../storage/store.ts";
import { ipaFeatures } from "./ipa-features.ts";

const LONGEST_ACTIVATION_CODE = 255;

/**
 * ProfileDownloadTriggerRequest (SGP.32 section 3.2.3). It is the same for a direct and an indirect download: the IPA
 * takes the way that it can go and that its eIM supports.
 */
export function downloadTrigger(
	parameters: DownloadParameters,
	device: Device,
	eimTransactionId: Uint8Array,
): BuiltPackage {
	const profileDownloadData = downloadData(parameters);
	const objection = modeObjection(parameters, device) ?? lengthObjection(profileDownloadData);
	if (objection !== undefined) return { kind: "unbuildable", text: objection };
	return {
		kind: "profileDownloadTrigger",
		bytes: encode(ProfileDownloadTriggerRequest, { profileDownloadData, eimTransactionId }),
		eimTransactionId: TransactionId.fromBytes(eimTransactionId),
	};
}

function downloadData(parameters: DownloadParameters): ProfileDownloadData {
	if ("smdpAddress" in parameters) return { activationCode: activationCodeOf(parameters) };
	if (parameters.contact === "defaultSmdp") return { contactDefaultSmdp: null };
	const { smdsAddress } = parameters;
	return { contactSmds: smdsAddress === undefined ? {} : { smdsAddress } };
}

function activationCodeOf(source: Extract<DownloadParameters, { smdpAddress: string }>): string {
	const { activationCode, smdpAddress, matchingId } = source;
	return activationCode?.trim().replace(/^LPA:/i, "") ?? `1$${smdpAddress}$${matchingId}`;
}

/**
 * What the IPA has not said that it can do is not asked of it: a trigger has no place for the mode, and what goes past the
 * eIM it cannot look at.
 */
function modeObjection({ mode, expected }: DownloadParameters, device: Device): string | undefined {
	if (mode === undefined && expected === undefined) return undefined;
	const features = ipaFeatures(device);
	if (!features.areKnown) {
		return "The IPA of this device does not say how it downloads (ipaFeatures), though it was asked; order the download without a mode and without what is expected.";
	}
	const isDirect = mode === "direct";
	if (features.has(isDirect ? "directRspServerCommunication" : "indirectRspServerCommunication")) return undefined;
	if (mode === undefined) {
		return "The IPA of this device takes no indirect downloads, so nothing that is expected can be looked at beforehand; order the download without it.";
	}
	return isDirect
		? "The IPA of this device does not speak to SM-DP+ servers itself; order the download without a mode, or indirect."
		: "The IPA of this device takes no indirect downloads; order the download without a mode, or direct.";
}

function lengthObjection(data: ProfileDownloadData): string | undefined {
	if (!("activationCode" in data) || data.activationCode.length <= LONGEST_ACTIVATION_CODE) return undefined;
	return `The activation code has ${data.activationCode.length} characters, ${LONGEST_ACTIVATION_CODE} are allowed.`;
}
