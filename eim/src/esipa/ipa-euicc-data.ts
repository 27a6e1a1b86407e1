import { encode } from "@iot-esim/shared/asn1/schema";
import { DeviceInfo } from "@iot-esim/shared/messages/sgp22/device-info";
import {
	IpaCapabilities,
	type IpaEuiccData,
	IpaEuiccDataErrorCodes,
	type IpaEuiccDataResponse,
} from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import type { Device, DeviceChange } from "../domain/device.ts";
import type { Operation, OperationEvent } from "../domain/operation.ts";
import { answeredPackage } from "./answered-package.ts";
import { versionChange } from "./dialect.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import { mayReplaceCertificates } from "./euicc-keys.ts";
import { acceptEuiccPackageResult } from "./euicc-package-result.ts";
import { verifyKeptResults } from "./kept-results.ts";
import { isOfLatest, offeredAgain } from "./offer-again.ts";
import { ownOperation } from "./own-operation.ts";
import { recordAgain, unsignedEvent } from "./record-unsigned.ts";
import { resolveReplays } from "./replays.ts";
import { reasonOf } from "./result-text.ts";
import { takeNotifications } from "./take-notifications.ts";

/**
 * Takes what an IPA says of itself and its eUICC. None of it is signed: certificates count because their chain is, the
 * rest is information. Results and notifications in it are taken as if they had come by themselves.
 * @param bytes BF52
 * @returns sequence numbers that may be acknowledged
 */
export async function acceptIpaEuiccData(
	context: EsipaContext,
	device: Device,
	bytes: Uint8Array,
	response: IpaEuiccDataResponse,
): Promise<readonly number[]> {
	const at = context.clock.now();
	const isData = "ipaEuiccData" in response;
	const body = isData ? response.ipaEuiccData : response.ipaEuiccDataResponseError;
	const found = await answeredPackage(context, device.eid, "ipaEuiccDataRequest", body.eimTransactionId);
	const result = {
		eid: device.eid,
		...(found === undefined ? {} : { operationId: found.operation.id }),
		bytes,
		verification: "unsigned",
		receivedAt: at,
	} as const;
	const isLatest = found !== undefined && (await isOfLatest(context, found));
	if (!isData) {
		const { ipaEuiccDataErrorCode } = response.ipaEuiccDataResponseError;
		const reason = reasonOf("ipaEuiccDataError", ipaEuiccDataErrorCode);
		const smaller = found && smallerQuestion(context, device, found.operation, ipaEuiccDataErrorCode);
		const isReplaced = smaller !== undefined && smaller.length > 0;
		const failure = { kind: "failed", at, reason } as const;
		const event = isReplaced ? failure : isLatest && (await offeredAgain(context, found.operation, reason));
		await recordAgain(context, {
			result,
			operationEvent: event && isLatest ? event : undefined,
			enqueue: isLatest ? smaller : undefined,
		});
		return [];
	}
	const data = response.ipaEuiccData;
	const isAsked = found?.operation.state === "sent";
	const { change, event: learnt } = learn(context, device, data, isAsked);
	const isRefused = learnt.kind === "failed" && isLatest;
	const event = isRefused ? await offeredAgain(context, found.operation, learnt.reason) : learnt;
	const notifications = await takeNotifications(context, { ...device, ...known(change) }, data.notificationsList ?? []);
	const isNewKey = change.euiccCertificate !== undefined;
	await recordAgain(context, {
		result,
		operationEvent: learnt.kind === "failed" && !isLatest ? undefined : unsignedEvent(found?.operation, event),
		deviceChange: change,
		notifications: notifications.rows,
		// Should this process die now, the job verifies what is kept.
		jobs: isNewKey ? [{ kind: "keptResultVerification", reference: device.eid, runAfter: at }] : undefined,
	});
	context.logger("eim.esipa").info("eUICC data received", { eid: device.eid, certificates: isNewKey });
	const current = (await context.store.loadDevice(device.eid)) ?? device;
	const acknowledged = new Set(notifications.seqNumbers);
	for (const stored of data.euiccPackageResultList ?? []) {
		const accepted = await acceptEuiccPackageResult(context, current, stored);
		if (accepted.kind === "accepted") for (const seqNumber of accepted.seqNumbers) acknowledged.add(seqNumber);
	}
	for (const seqNumber of await verifyKeptResults(context, current)) acknowledged.add(seqNumber);
	if (found !== undefined && isAsked) await resolveReplays(context, current, found.operation);
	return [...acknowledged];
}

/** IPAs are known to refuse a whole list for one tag that they do not know; the certificates are what is needed. */
function smallerQuestion(context: EsipaContext, device: Device, asked: Operation, errorCode: number): Operation[] {
	const isWholeList = asked.type === "readEuiccData" && asked.origin === "eim" && asked.parameters.tags === undefined;
	if (!isWholeList || errorCode !== IpaEuiccDataErrorCodes.incorrectTagList) return [];
	return [ownOperation(context, device, { type: "readEuiccData", parameters: { tags: ["A5", "A6"] } })];
}

/**
 * What the data changes in the device's row, and how the operation that asked for it ends. Unasked, only certificates
 * count, since they prove themselves: anyone may send data in the name of an EID.
 */
function learn(
	context: EsipaContext,
	device: Device,
	data: IpaEuiccData,
	isAsked: boolean,
): { readonly change: DeviceChange; readonly event: OperationEvent } {
	const at = context.clock.now();
	const { euiccCertificate, eumCertificate } = data;
	let certificates: DeviceChange = {};
	let event: OperationEvent = { kind: "succeeded", at, outcome: outcomeOf(data) };
	if (euiccCertificate !== undefined && eumCertificate !== undefined) {
		const key = context.keys.verify(device.eid, euiccCertificate, eumCertificate);
		if (key.kind === "known") {
			if (mayReplaceCertificates(context, device, euiccCertificate))
				certificates = { euiccCertificate, eumCertificate };
		} else {
			const text = `The certificates of the eUICC cannot be trusted: ${key.error.message}`;
			event = { kind: "failed", at, reason: { text, code: key.error.code } };
			context.logger("eim.esipa").warn("certificates refused", { eid: device.eid, error: key.error });
		}
	}
	return { event, change: isAsked ? { ...certificates, ...facts(device, data) } : certificates };
}

function facts(device: Device, data: IpaEuiccData): DeviceChange {
	const { euiccInfo1, euiccInfo2, ipaCapabilities, deviceInfo } = data;
	const { defaultSmdpAddress, rootSmdsAddress, associationToken } = data;
	const isTokenUnknown = device.associationToken === undefined;
	return {
		...(euiccInfo1 === undefined ? {} : { euiccInfo1: euiccInfo1.der }),
		...(euiccInfo2 === undefined ? {} : { euiccInfo2: euiccInfo2.der, ...versionChange(device, euiccInfo2.der) }),
		...(ipaCapabilities === undefined ? {} : { ipaCapabilities: encode(IpaCapabilities, ipaCapabilities) }),
		...(deviceInfo === undefined ? {} : { deviceInfo: encode(DeviceInfo, deviceInfo) }),
		// An empty address is none.
		...(defaultSmdpAddress === undefined ? {} : { defaultSmdpAddress: defaultSmdpAddress || null }),
		...(rootSmdsAddress === undefined ? {} : { rootSmdsAddress: rootSmdsAddress || null }),
		// Unsigned: it helps to find the token, but never replaces one that a signature has proven.
		...(isTokenUnknown && associationToken !== undefined ? { associationToken } : {}),
	};
}

function outcomeOf(data: IpaEuiccData): Readonly<Record<string, string | number | boolean>> {
	return {
		...(data.rootSmdsAddress === undefined ? {} : { rootSmdsAddress: data.rootSmdsAddress }),
		...(data.defaultSmdpAddress === undefined ? {} : { defaultSmdpAddress: data.defaultSmdpAddress }),
		hasCertificates: data.euiccCertificate !== undefined && data.eumCertificate !== undefined,
		storedResults: data.euiccPackageResultList?.length ?? 0,
	};
}

function known({ euiccCertificate, eumCertificate }: DeviceChange): Partial<Device> {
	return euiccCertificate && eumCertificate ? { euiccCertificate, eumCertificate } : {};
}
