import { Asn1Error, decode, encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Eid } from "@iot-esim/shared/ids/eid";
import {
	GetEimPackageErrorCode,
	GetEimPackageRequest,
	GetEimPackageResponse,
} from "@iot-esim/shared/messages/sgp32/esipa-package";
import { toHex } from "@iot-esim/shared/util/bytes";
import { newDevice } from "../domain/device.ts";
import { mayEnrol } from "../domain/enrolment.ts";
import type { BuildPackage, Poll, TakenPackage } from "../storage/store.ts";
import { withV12Rplmn } from "./dialect.ts";
import { rememberDownload } from "./download-session.ts";
import type { EsipaContext } from "./esipa-deps.ts";

const TAG = 0xbf4f;

/**
 * ESipa.GetEimPackage (SGP.32 section 5.14.5): one package for the device, the same octets again as long as no verified
 * result is there.
 */
export async function getEimPackage(context: EsipaContext, body: Uint8Array, build: BuildPackage): Promise<Uint8Array> {
	const log = context.logger("eim.esipa");
	const poll = readPoll(context, body);
	if (typeof poll === "number") return failure(poll);
	let taken = await context.store.takeNextPackage(poll, build);
	if (taken.kind === "unknownDevice" && (await enrol(context, poll))) {
		taken = await context.store.takeNextPackage(poll, build);
	}
	switch (taken.kind) {
		case "unknownDevice":
			await context.store.noteUnknown(poll.eid, poll.at, context.settings.seenUnknownBound);
			log.warn("poll of an unregistered device", { eid: poll.eid });
			return failure(GetEimPackageErrorCode.eidNotFound);
		case "nothing":
			log.debug("nothing to send", { eid: poll.eid });
			return failure(GetEimPackageErrorCode.noEimPackageAvailable);
		case "package":
			return handOut(context, taken);
	}
}

async function handOut(context: EsipaContext, taken: Extract<TakenPackage, { kind: "package" }>): Promise<Uint8Array> {
	const { operation, repeated } = taken;
	const { eid, counter, kind, bytes } = taken.package;
	if (operation.type === "download") await rememberDownload(context, taken.package, operation);
	context.logger("eim.esipa").info("package sent", { eid, operationId: operation.id, kind, counter, repeated });
	return tlv(TAG, bytes);
}

/** The poll, or the error code that answers it. */
function readPoll(context: EsipaContext, body: Uint8Array): Poll | number {
	let request: GetEimPackageRequest;
	try {
		request = decode(GetEimPackageRequest, withV12Rplmn(body));
	} catch (error) {
		if (!(error instanceof Asn1Error)) throw error;
		context.logger("eim.esipa").warn("poll that cannot be read", { error });
		if (!error.path.startsWith("GetEimPackageRequest.eidValue")) return GetEimPackageErrorCode.undefinedError;
		const isMissing = error.code === "ASN1_FIELD_MISSING";
		return isMissing ? GetEimPackageErrorCode.missingEid : GetEimPackageErrorCode.invalidEid;
	}
	const digits = toHex(request.eidValue);
	if (!Eid.is(digits)) return GetEimPackageErrorCode.invalidEid;
	const { rPLMN, notifyStateChange, stateChangeCause } = request;
	const isChanged = notifyStateChange !== undefined || stateChangeCause !== undefined;
	return {
		eid: digits,
		at: context.clock.now(),
		...(rPLMN === undefined ? {} : { rplmn: toHex(rPLMN) }),
		...(isChanged ? { stateChangeCause: stateChangeCause ?? UNDEFINED_CAUSE } : {}),
	};
}

const UNDEFINED_CAUSE = 127;

async function enrol(context: EsipaContext, { eid, at }: Poll): Promise<boolean> {
	if (!mayEnrol(eid, context.settings.enrolment)) return false;
	const audit = { at, actor: "eim", action: "device.enrolled", subject: eid, facts: {} };
	await context.store.registerDevice(newDevice({ eid, at }), audit);
	context.logger("eim.esipa").info("device enrolled itself", { eid });
	return true;
}

function failure(code: number): Uint8Array {
	return encode(GetEimPackageResponse, { eimPackageError: code });
}
