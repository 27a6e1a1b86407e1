import { Asn1Error, encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Eid } from "@iot-esim/shared/ids/eid";
import { decodeLenient, type Lenient } from "@iot-esim/shared/messages/sgp32/deviations";
import {
	GetEimPackageErrorCode,
	GetEimPackageRequest,
	GetEimPackageResponse,
} from "@iot-esim/shared/messages/sgp32/esipa-package";
import { toHex } from "@iot-esim/shared/util/bytes";
import { type Device, newDevice } from "../domain/device.ts";
import type { Sgp32Version } from "../domain/dialect.ts";
import { mayEnrol } from "../domain/enrolment.ts";
import type { BuildPackage, Poll, TakenPackage } from "../storage/store.ts";
import { answerIn, noteVersion, rememberTransaction, versionOfPoll } from "./dialect.ts";
import { rememberDownload } from "./download-session.ts";
import { tlsTrustIdOf } from "./eim-configuration.ts";
import type { EsipaContext, EsipaPeer } from "./esipa-deps.ts";
import { requireOwn } from "./proven-eid.ts";
import { refreshAfterStateChange } from "./state-change.ts";

const TAG = 0xbf4f;

/**
 * ESipa.GetEimPackage (SGP.32 section 5.14.5): one package for the device, the same octets again as long as no verified
 * result is there.
 */
export async function getEimPackage(
	context: EsipaContext,
	body: Uint8Array,
	build: BuildPackage,
	peer?: EsipaPeer,
): Promise<Uint8Array> {
	const log = context.logger("eim.esipa");
	const read = readPoll(context, body, peer?.remoteAddress);
	if (typeof read === "number") return failure(read);
	requireOwn(peer, read.poll.eid);
	const { seen } = read;
	const poll: Poll = peer?.link === undefined ? read.poll : { ...read.poll, link: peer.link };
	if (peer?.connection !== undefined) peer.connection.eid = poll.eid;
	if (poll.stateChangeCause !== undefined) await refreshAfterStateChange(context, poll);
	let taken = await context.store.takeNextPackage(poll, build);
	if (taken.kind === "unknownDevice" && (await enrol(context, poll))) {
		taken = await context.store.takeNextPackage(poll, build);
	}
	switch (taken.kind) {
		case "unknownDevice":
			await context.store.noteUnknown(poll.eid, poll.at, context.settings.seenUnknownBound);
			context.onUnregistered?.("GetEimPackage");
			context.warnBounded(peer?.remoteAddress, UNREGISTERED, { eid: poll.eid });
			return failure(GetEimPackageErrorCode.eidNotFound, seen);
		case "nothing":
			await noteVersion(context, taken.device, seen, "GetEimPackage");
			log.debug("nothing to send", { eid: poll.eid });
			return failure(GetEimPackageErrorCode.noEimPackageAvailable);
		case "package":
			return handOut(context, taken, await noteVersion(context, taken.device, seen, "GetEimPackage"));
	}
}

async function handOut(
	context: EsipaContext,
	taken: Extract<TakenPackage, { kind: "package" }>,
	device: Device,
): Promise<Uint8Array> {
	await notePackage(context, taken, device);
	return answerIn(device.dialect, GetEimPackageResponse, tlv(TAG, taken.package.bytes));
}

/** What later messages of the device are told by; before its package goes out. */
export async function notePackage(
	context: EsipaContext,
	taken: Extract<TakenPackage, { kind: "package" }>,
	device: Device,
): Promise<void> {
	const { operation, repeated } = taken;
	const { eid, counter, kind } = taken.package;
	if (operation.type === "download") await rememberDownload(context, taken.package, operation, repeated);
	else await rememberTransaction(context, device, taken.package);
	context.logger("eim.esipa").info("package sent", { eid, operationId: operation.id, kind, counter, repeated });
}

interface ReadPoll {
	readonly poll: Poll;
	readonly seen: Sgp32Version | undefined;
}

/** The poll and the version that it shows, or the error code that answers it. */
function readPoll(context: EsipaContext, body: Uint8Array, remoteAddress: string | undefined): ReadPoll | number {
	let read: Lenient<GetEimPackageRequest>;
	try {
		read = decodeLenient(GetEimPackageRequest, body);
	} catch (error) {
		if (!(error instanceof Asn1Error)) throw error;
		context.warnBounded(remoteAddress, "poll that cannot be read", { error });
		if (!error.path.startsWith("GetEimPackageRequest.eidValue")) return GetEimPackageErrorCode.undefinedError;
		const isMissing = error.code === "ASN1_FIELD_MISSING";
		return isMissing ? GetEimPackageErrorCode.missingEid : GetEimPackageErrorCode.invalidEid;
	}
	const request = read.value;
	const digits = toHex(request.eidValue);
	if (!Eid.is(digits)) return GetEimPackageErrorCode.invalidEid;
	const { rPLMN, notifyStateChange, stateChangeCause } = request;
	const isChanged = notifyStateChange !== undefined || stateChangeCause !== undefined;
	const poll = {
		eid: digits,
		at: context.clock.now(),
		...(rPLMN === undefined ? {} : { rplmn: toHex(rPLMN) }),
		...(isChanged ? { stateChangeCause: stateChangeCause ?? UNDEFINED_CAUSE } : {}),
	};
	return { poll, seen: versionOfPoll(body, read) };
}

const UNDEFINED_CAUSE = 127;

const UNREGISTERED =
	"poll of an unregistered device: register it (`eim device add EID`), or name its EID in esipa.enrolment";

async function enrol(context: EsipaContext, { eid, at }: Poll): Promise<boolean> {
	if (!mayEnrol(eid, context.settings.enrolment)) return false;
	const audit = { at, actor: "eim", action: "device.enrolled", subject: eid, facts: {} };
	// What it knows of this eIM is taken to be what new cards are told; its first error says if that is wrong.
	const told = { signingKeyId: context.signingKeys.currentId, tlsTrustId: tlsTrustIdOf(context.ownEim()) };
	await context.store.registerDevice(newDevice({ eid, at, ...told }), audit);
	context.logger("eim.esipa").info("device enrolled itself", { eid });
	return true;
}

function failure(code: number, version: Sgp32Version = "1.2"): Uint8Array {
	return answerIn({ version }, GetEimPackageResponse, encode(GetEimPackageResponse, { eimPackageError: code }));
}
