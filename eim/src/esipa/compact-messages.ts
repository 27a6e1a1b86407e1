/**
 * Compact messages of an IPA (minimizeEsipaBytes) in their full form, octet by octet, out of what the eIM knows of device
 * and session. One that cannot be rebuilt is answered like a wrong signature, and the IPA sends the full form.
 */

import { decode, decodeKept, type Kept, type Schema } from "@iot-esim/shared/asn1/schema";
import { Eid } from "@iot-esim/shared/ids/eid";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { ServerSigned1 } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { AuthenticateServerResponse } from "@iot-esim/shared/messages/sgp32/authenticate-server";
import { CancelSessionResponse } from "@iot-esim/shared/messages/sgp32/cancel-session";
import { PendingNotification } from "@iot-esim/shared/messages/sgp32/notifications";
import { PrepareDownloadResponse } from "@iot-esim/shared/messages/sgp32/prepare-download";
import { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp32/profile-info";
import {
	rebuildAuthenticateServerResponse,
	rebuildCancelSessionResponse,
	rebuildOtherNotification,
	rebuildPrepareDownloadResponse,
	rebuildProfileInstallationResult,
} from "@iot-esim/shared/security/compact";
import { SecurityError } from "@iot-esim/shared/security/errors";
import { fromHex } from "@iot-esim/shared/util/bytes";
import type { Device } from "../domain/device.ts";
import type { RspSession } from "../domain/rsp-session.ts";
import { loadRelay } from "./download-session.ts";
import type { EsipaContext } from "./esipa-deps.ts";

/** BF38 of a session, whole; undefined when it cannot be rebuilt. */
export function fullAuthenticateServerResponse(
	context: EsipaContext,
	session: RspSession,
	device: Device,
	given: Kept<AuthenticateServerResponse>,
): Kept<AuthenticateServerResponse> | undefined {
	if (!("compactAuthenticateResponseOk" in given.value)) return given;
	const serverSigned1 = octetsOf(session, "serverSigned1");
	if (serverSigned1 === undefined) return undefined;
	const { euiccInfo2, euiccCertificate, eumCertificate } = device;
	const ctxParams1 = octetsOf(session, "ctxParams1");
	const knowledge = { serverSigned1, euiccInfo2, euiccCertificate, eumCertificate, ctxParams1 };
	const rebuild = () => rebuildAuthenticateServerResponse(given.der, knowledge);
	return rebuilt(context, device, AuthenticateServerResponse, rebuild);
}

/** BF21 of a session, whole; undefined when it cannot be rebuilt. */
export function fullPrepareDownloadResponse(
	context: EsipaContext,
	session: RspSession,
	device: Device,
	given: Kept<PrepareDownloadResponse>,
): Kept<PrepareDownloadResponse> | undefined {
	if (!("compactDownloadResponseOk" in given.value)) return given;
	const smdpSignature2 = octetsOf(session, "smdpSignature2");
	const euiccCertificate = certificateOf(session, device);
	if (smdpSignature2 === undefined || euiccCertificate === undefined) return undefined;
	const knowledge = {
		transactionId: TransactionId.toBytes(session.transactionId),
		smdpSignature2,
		bppEuiccOtpk: octetsOf(session, "bppEuiccOtpk"),
		hashCc: octetsOf(session, "hashCc"),
		euiccCertificate,
	};
	const rebuild = () => rebuildPrepareDownloadResponse(given.der, knowledge);
	return rebuilt(context, device, PrepareDownloadResponse, rebuild);
}

/** BF41 of a session, whole; undefined when it cannot be rebuilt. */
export function fullCancelSessionResponse(
	context: EsipaContext,
	session: RspSession,
	device: Device,
	given: Kept<CancelSessionResponse>,
): Kept<CancelSessionResponse> | undefined {
	if (!("compactCancelSessionResponseOk" in given.value)) return given;
	const { smdpOid, refused } = session.details;
	const euiccCertificate = certificateOf(session, device);
	if (smdpOid === undefined || euiccCertificate === undefined) return undefined;
	const knowledge = {
		transactionId: TransactionId.toBytes(session.transactionId),
		smdpOid,
		reason: refused === undefined ? undefined : Number(refused),
		euiccCertificate,
	};
	return rebuilt(context, device, CancelSessionResponse, () => rebuildCancelSessionResponse(given.der, knowledge));
}

/** A notification of a device, whole; undefined when it cannot be rebuilt. */
export async function fullNotification(
	context: EsipaContext,
	device: Device,
	given: Kept<PendingNotification>,
): Promise<Kept<PendingNotification> | undefined> {
	const { value, der } = given;
	if ("compactOtherSignedNotification" in value) {
		const { euiccCertificate, eumCertificate } = device;
		const knowledge = { eidValue: Eid.toBytes(device.eid), euiccCertificate, eumCertificate };
		return rebuilt(context, device, PendingNotification, () => rebuildOtherNotification(der, knowledge));
	}
	if (!("compactProfileInstallationResult" in value)) return given;
	const { transactionId } = value.compactProfileInstallationResult.compactProfileInstallationResultData;
	const session = await loadRelay(context, transactionId);
	const knowledge = session?.eid === device.eid ? installationKnowledge(session, device) : undefined;
	if (knowledge === undefined) return undefined;
	return rebuilt(context, device, PendingNotification, () => rebuildProfileInstallationResult(der, knowledge));
}

function installationKnowledge(session: RspSession, device: Device) {
	const serverSigned1 = octetsOf(session, "serverSigned1");
	const profileMetadata = octetsOf(session, "profileMetadata");
	const smdpOid = session.details.pbOid ?? session.details.smdpOid;
	const euiccCertificate = certificateOf(session, device);
	if (serverSigned1 === undefined || smdpOid === undefined || euiccCertificate === undefined) return undefined;
	return {
		notificationAddress: decode(ServerSigned1, serverSigned1).serverAddress,
		iccid: profileMetadata && decode(StoreMetadataRequest, profileMetadata).iccid,
		smdpOid,
		euiccCertificate,
	};
}

/** The certificate of the session when it runs under another CI than the eUICC's results. */
function certificateOf(session: RspSession, { euiccCertificate }: Device): Uint8Array | undefined {
	return octetsOf(session, "euiccCertificate") ?? euiccCertificate;
}

function octetsOf({ details }: RspSession, name: string): Uint8Array | undefined {
	const text = details[name];
	return text === undefined ? undefined : fromHex(text);
}

function rebuilt<T>(
	context: EsipaContext,
	{ eid }: Device,
	schema: Schema<T>,
	rebuild: () => Uint8Array,
): Kept<T> | undefined {
	try {
		return decodeKept(schema, rebuild());
	} catch (error) {
		if (!(error instanceof SecurityError)) throw error;
		context.logger("eim.esipa").warn("compact message that cannot be rebuilt", { eid, error });
		return undefined;
	}
}
