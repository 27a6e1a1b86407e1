import { Asn1Error, decode, encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import {
	GetBoundProfilePackageErrorEsipaCode as ErrorCode,
	GetBoundProfilePackageRequestEsipa,
	GetBoundProfilePackageResponseEsipa,
} from "@iot-esim/shared/messages/sgp32/esipa-download";
import { loadRelay } from "./download-session.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import { askSmdp } from "./relay.ts";

/** ESipa.GetBoundProfilePackage (SGP.32 section 5.14.3). */
export async function getBoundProfilePackage(context: EsipaContext, body: Uint8Array): Promise<Uint8Array> {
	const log = context.logger("eim.esipa");
	let request: GetBoundProfilePackageRequestEsipa;
	try {
		request = decode(GetBoundProfilePackageRequestEsipa, body);
	} catch (error) {
		if (!(error instanceof Asn1Error)) throw error;
		log.warn("GetBoundProfilePackage that cannot be read", { error });
		return failure(ErrorCode.undefinedError);
	}
	const { transactionId, prepareDownloadResponse } = request;
	const session = await loadRelay(context, transactionId);
	if (session === undefined) return failure(ErrorCode.invalidTransactionId);
	if ("compactDownloadResponseOk" in prepareDownloadResponse.value) {
		log.warn("compact PrepareDownloadResponse refused", { eid: session.eid });
		return failure(ErrorCode.undefinedError);
	}
	const answer = await askSmdp(context, { ...session, session }, () =>
		context.es9plus.getBoundProfilePackage(session.smdpAddress, {
			transactionId,
			prepareDownloadResponse: prepareDownloadResponse.der,
		}),
	);
	if (answer.kind === "failed") return failure(answer.esipaError);
	await context.store.moveSession(session.transactionId, "profileDelivered", { at: context.clock.now() });
	log.info("bound profile package relayed", { eid: session.eid, octets: answer.boundProfilePackage.length });
	return tlv(0xbf3a, tlv(0xa0, tlv(0x80, answer.transactionId), answer.boundProfilePackage));
}

function failure(code: number): Uint8Array {
	return encode(GetBoundProfilePackageResponseEsipa, { getBoundProfilePackageErrorEsipa: code });
}
