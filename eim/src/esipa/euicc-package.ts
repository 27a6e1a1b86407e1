import { encode, keep } from "@iot-esim/shared/asn1/schema";
import { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { EuiccPackageRequest, EuiccPackageSigned, type Psmo } from "@iot-esim/shared/messages/sgp32/euicc-package";
import { IpaEuiccDataRequest } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { ProfileDownloadTriggerRequest } from "@iot-esim/shared/messages/sgp32/profile-download-trigger";
import { eimSignatureInput, NO_ASSOCIATION_TOKEN } from "@iot-esim/shared/security/signature-input";
import { concatBytes, fromHex, hex } from "@iot-esim/shared/util/bytes";
import type { DownloadParameters, Operation } from "../domain/operation.ts";
import type { BuildPackage, BuiltPackage, PackageDraft } from "../storage/store.ts";
import type { EsipaDeps } from "./esipa-deps.ts";

/**
 * Tags asked for of every profile, explicitly, since cards differ in what they give by default (SGP.32 section 5.9.14):
 * ICCID, ISD-P AID, state, nickname, service provider, profile name, class, PPRs, fallback attribute and permission, eCall.
 */
export const PROFILE_TAGS = hex`5A 4F 9F70 90 91 92 95 99 9F26 9F67 9F7B`;

/**
 * Members of IpaEuiccData asked for when an operation names none: default SM-DP+, stored results, EUICCInfo1 and 2,
 * root SM-DS, association token, EUM and eUICC certificate, IPA capabilities, device information. `5A` and `BF2D` are no
 * members, and IPAs refuse lists that name them.
 */
export const EUICC_DATA_TAGS = hex`81 A2 BF20 BF22 83 84 A5 A6 A8 A9`;

/** Builds what an operation sends: pure but for the signature, so the store may throw it away and ask again. */
export function packageBuilder(deps: Pick<EsipaDeps, "signer" | "settings" | "random">): BuildPackage {
	return (draft) => {
		const eimTransactionId = deps.random.bytes(16);
		switch (draft.operation.type) {
			case "download":
				return downloadTrigger(draft.operation.parameters, eimTransactionId);
			case "readEuiccData":
				return dataRequest(draft.operation.parameters.tags, eimTransactionId);
			default:
				return signedPackage(deps, draft, psmoOf(draft.operation), eimTransactionId);
		}
	};
}

/** The one command of an operation on profiles. */
function psmoOf(operation: Exclude<Operation, { type: "download" | "readEuiccData" }>): Psmo {
	switch (operation.type) {
		case "enable": {
			const iccid = Iccid.toBytes(operation.parameters.iccid);
			return { enable: operation.parameters.rollback ? { iccid, rollbackFlag: null } : { iccid } };
		}
		case "disable":
			return { disable: { iccid: Iccid.toBytes(operation.parameters.iccid) } };
		case "delete":
			return { delete: { iccid: Iccid.toBytes(operation.parameters.iccid) } };
		case "listProfiles":
			return { listProfileInfo: { tagList: PROFILE_TAGS } };
	}
}

/** EuiccPackageRequest, signed over the received form of what it carries and the token (SGP.32 section 2.11.1.1). */
function signedPackage(
	deps: Pick<EsipaDeps, "signer" | "settings">,
	{ device, counter }: PackageDraft,
	psmo: Psmo,
	eimTransactionId: Uint8Array,
): BuiltPackage | Promise<BuiltPackage> {
	const euiccPackageSigned = keep(EuiccPackageSigned, {
		eimId: deps.settings.eimId,
		eidValue: Eid.toBytes(device.eid),
		counterValue: counter,
		eimTransactionId,
		euiccPackage: { psmoList: [psmo] },
	});
	const input = eimSignatureInput(euiccPackageSigned.der, device.associationToken ?? NO_ASSOCIATION_TOKEN);
	const finish = (eimSignature: Uint8Array): BuiltPackage => ({
		kind: "euiccPackage",
		bytes: encode(EuiccPackageRequest, { euiccPackageSigned, eimSignature }),
		counter,
		eimTransactionId: TransactionId.fromBytes(eimTransactionId),
	});
	const signature = deps.signer.sign(input);
	return signature instanceof Promise ? signature.then(finish) : finish(signature);
}

function downloadTrigger(parameters: DownloadParameters, eimTransactionId: Uint8Array): BuiltPackage {
	const activationCode = activationCodeOf(parameters);
	if (activationCode.length > 255) {
		return {
			kind: "unbuildable",
			text: `The activation code has ${activationCode.length} characters, 255 are allowed.`,
		};
	}
	const request = { profileDownloadData: { activationCode }, eimTransactionId };
	return {
		kind: "profileDownloadTrigger",
		bytes: encode(ProfileDownloadTriggerRequest, request),
		eimTransactionId: TransactionId.fromBytes(eimTransactionId),
	};
}

function activationCodeOf({ activationCode, smdpAddress, matchingId }: DownloadParameters): string {
	return activationCode?.trim().replace(/^LPA:/i, "") ?? `1$${smdpAddress}$${matchingId}`;
}

function dataRequest(tags: readonly string[] | undefined, eimTransactionId: Uint8Array): BuiltPackage {
	const wrong = tags?.find((tag) => /^(5A|BF2D)$/i.test(tag) || !/^([0-9A-F]{2}){1,3}$/i.test(tag));
	if (wrong !== undefined) {
		return { kind: "unbuildable", text: `"${wrong}" is no tag of IpaEuiccData that an IPA could give.` };
	}
	const tagList = tags === undefined ? EUICC_DATA_TAGS : concatBytes(...tags.map(fromHex));
	return {
		kind: "ipaEuiccDataRequest",
		bytes: encode(IpaEuiccDataRequest, { tagList, eimTransactionId }),
		eimTransactionId: TransactionId.fromBytes(eimTransactionId),
	};
}
