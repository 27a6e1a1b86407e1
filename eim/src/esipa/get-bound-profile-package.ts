import { Asn1Error, decode, encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { CancelSessionReasonCode } from "@iot-esim/shared/messages/sgp22/cancel-session";
import {
	GetBoundProfilePackageErrorEsipaCode as ErrorCode,
	GetBoundProfilePackageRequestEsipa,
	GetBoundProfilePackageResponseEsipa,
} from "@iot-esim/shared/messages/sgp32/esipa-download";
import { metadataDifference, metadataOfBoundProfilePackage } from "@iot-esim/shared/security/bpp-metadata";
import { fromHex } from "@iot-esim/shared/util/bytes";
import type { RspSession } from "../domain/rsp-session.ts";
import { fullPrepareDownloadResponse } from "./compact-messages.ts";
import { answerIn } from "./dialect.ts";
import { refuseDownload } from "./download-offer.ts";
import { noteDelivery, ownRelay } from "./download-session.ts";
import type { EsipaContext, EsipaPeer } from "./esipa-deps.ts";
import { ipaFeatures } from "./ipa-features.ts";
import { askServer } from "./relay.ts";
import { codeText } from "./result-text.ts";

/** ESipa.GetBoundProfilePackage (SGP.32 section 5.14.3). */
export async function getBoundProfilePackage(
	context: EsipaContext,
	body: Uint8Array,
	peer?: EsipaPeer,
): Promise<Uint8Array> {
	const log = context.logger("eim.esipa");
	let request: GetBoundProfilePackageRequestEsipa;
	try {
		request = decode(GetBoundProfilePackageRequestEsipa, body);
	} catch (error) {
		if (!(error instanceof Asn1Error)) throw error;
		log.warn("GetBoundProfilePackage that cannot be read", { error });
		return failure(ErrorCode.undefinedError);
	}
	const { transactionId } = request;
	const relay = await ownRelay(context, transactionId, peer);
	if (relay === undefined) return failure(ErrorCode.invalidTransactionId);
	const { session, device } = relay;
	// The eIM has refused what was offered; AuthenticateClient had no error to say so.
	if (session.details.refused !== undefined) return failure(ErrorCode.metadataMismatch);
	const full = fullPrepareDownloadResponse(context, session, device, request.prepareDownloadResponse);
	if (full === undefined) return failure(ErrorCode.euiccSignatureInvalid);
	const isProven = session.details.isProven !== undefined;
	const answer = await askServer(context, { ...session, session, isProven }, () =>
		context.es9plus.getBoundProfilePackage(session.smdpAddress, { transactionId, prepareDownloadResponse: full.der }),
	);
	if (answer.kind === "failed") {
		return answerIn(device.dialect, GetBoundProfilePackageResponseEsipa, failure(answer.esipaError));
	}
	if (await isOtherProfile(context, session, answer.boundProfilePackage)) return failure(ErrorCode.metadataMismatch);
	await context.store.moveSession(session.transactionId, "profileDelivered", { at: context.clock.now() });
	await noteDelivery(context, session);
	log.info("bound profile package relayed", { eid: session.eid, octets: answer.boundProfilePackage.length });
	const isMinimal = ipaFeatures(device).has("minimizeEsipaBytes");
	const transaction = isMinimal ? [] : [tlv(0x80, answer.transactionId)];
	return tlv(0xbf3a, tlv(0xa0, ...transaction, answer.boundProfilePackage));
}

/** Whether the package stores other metadata than those that were looked at; such a download is ended. */
async function isOtherProfile(
	context: EsipaContext,
	session: RspSession,
	boundProfilePackage: Uint8Array,
): Promise<boolean> {
	const shown = session.details.profileMetadata;
	const packed = readMetadata(boundProfilePackage);
	const difference =
		shown === undefined || packed === undefined ? undefined : metadataDifference(fromHex(shown), packed);
	if (difference === undefined) return false;
	const { metadataMismatch } = CancelSessionReasonCode;
	const text = `The SM-DP+ sent another profile than it had offered: its metadata differ in ${difference}.`;
	await refuseDownload(context, session, { text, code: codeText("cancelSession", metadataMismatch) }, metadataMismatch);
	return true;
}

/** What cannot be read is for the eUICC to judge. */
function readMetadata(boundProfilePackage: Uint8Array): Uint8Array | undefined {
	try {
		return metadataOfBoundProfilePackage(boundProfilePackage);
	} catch (error) {
		if (error instanceof Asn1Error) return undefined;
		throw error;
	}
}

function failure(code: number): Uint8Array {
	return encode(GetBoundProfilePackageResponseEsipa, { getBoundProfilePackageErrorEsipa: code });
}
