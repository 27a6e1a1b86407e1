import { encode } from "@iot-esim/shared/asn1/schema";
import { readTlvs, readWholeTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Eid } from "@iot-esim/shared/ids/eid";
import { decodeLenient } from "@iot-esim/shared/messages/sgp32/deviations";
import { ProvideEimPackageResultResponse } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { Seconds } from "@iot-esim/shared/util/duration";
import type { Device, InjectAddress } from "../domain/device.ts";
import { linkOf } from "../domain/device-link.ts";
import type { BuildPackage } from "../storage/store.ts";
import { EsipaError } from "./errors.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import { packageBuilder } from "./euicc-package.ts";
import { notePackage } from "./get-eim-package.ts";
import { provideEimPackageResult } from "./provide-eim-package-result.ts";

/** Brings messages to the IPA of a device. */
export interface PackageInjector {
	/**
	 * One TransferEimPackageRequest (BF4E); the whole answer.
	 * @throws EsimError when the IPA cannot be reached or gives no such answer
	 */
	transfer(address: InjectAddress, message: Uint8Array, eid: Eid): Promise<Uint8Array>;
}

const TRANSFER = 0xbf4e;
const RECEIVED = 0x05;
const ERROR = 0x02;
/** A job must end in its lease: what is left after this time comes with the next try. */
export const LONGEST_RUN = Seconds(10);

/**
 * ESipa.TransferEimPackage (SGP.32 section 5.14.4), from the eIM's side: brings the device what waits for it, one package
 * after the other, takes the answers as those to polled packages, and brings their acknowledgements. A package is open
 * until its verified result is there, so that it comes again by the next poll or by a repetition of this when an answer is
 * lost; the IPA executes it once.
 * @throws EsipaError ESIPA_INJECTION_OPEN while the IPA owes the result of what it has accepted; what `transfer` throws
 */
export async function injectPackages(context: EsipaContext, injector: PackageInjector, device: Device): Promise<void> {
	const { clock, store } = context;
	const build = packageBuilder(context);
	const { eid } = device;
	for (const began = clock.now(); clock.now() - began < LONGEST_RUN; ) {
		const { inject } = (await store.loadDevice(eid)) ?? {};
		if (inject === undefined || !(await injectNext(context, injector, { eid, inject, build }))) return;
	}
	throw stillOpen(eid, "more waits for the device");
}

interface Injection {
	readonly eid: Eid;
	readonly inject: InjectAddress;
	readonly build: BuildPackage;
}

/** False when nothing is left to bring. */
async function injectNext(context: EsipaContext, injector: PackageInjector, injection: Injection): Promise<boolean> {
	const { eid, inject, build } = injection;
	const taken = await context.store.takeNextPackage({ eid, at: context.clock.now(), isInjection: true }, build);
	if (taken.kind !== "package") return false;
	await notePackage(context, taken, taken.device);
	const answer = await injector.transfer(inject, tlv(TRANSFER, taken.package.bytes), eid);
	const part = partOf(answer);
	context.logger("eim.esipa").info("package brought", { eid, operationId: taken.operation.id, answer: part.tag });
	if (part.tag === RECEIVED) throw stillOpen(eid, "the device works on the package and will provide the result itself");
	const peer = { remoteAddress: inject.url, isOwnForm: true, link: linkOf(inject) } as const;
	const response = await provideEimPackageResult(context, resultMessage(eid, part), peer);
	await acknowledge(injector, inject, eid, response);
	if ((await context.store.loadOperation(taken.operation.id))?.state === "sent") {
		throw stillOpen(eid, "the device gave no result that ends the operation");
	}
	return true;
}

interface Part {
	readonly tag: number;
	readonly bytes: Uint8Array;
}

/** What stands in a TransferEimPackageResponse; BF60 and BF61 of version 1.3 say the same with a correlation. */
function partOf(answer: Uint8Array): Part {
	const whole = readWholeTlv(answer);
	const [member] = readTlvs(answer, whole.valueStart, whole.end);
	if (whole.tag !== TRANSFER || member === undefined) {
		throw new EsipaError("ESIPA_MESSAGE_INVALID", "the answer of the device is no TransferEimPackageResponse");
	}
	if (member.tag === 0xbf60) return { tag: RECEIVED, bytes: Uint8Array.of(RECEIVED, 0) };
	const bytes = tlvBytes(answer, member);
	if (member.tag !== 0xbf61) return { tag: member.tag, bytes };
	const code = readTlvs(answer, member.valueStart, member.end).find(({ tag }) => tag === 0x81);
	return {
		tag: ERROR,
		bytes: tlv(ERROR, code === undefined ? Uint8Array.of(127) : answer.subarray(code.valueStart, code.end)),
	};
}

/** The same part as it would stand in a ProvideEimPackageResult. */
function resultMessage(eid: Eid, { tag, bytes }: Part): Uint8Array {
	return tlv(0xbf50, tlv(0x5a, Eid.toBytes(eid)), tag === ERROR ? tlv(0xa0, bytes) : bytes);
}

async function acknowledge(
	injector: PackageInjector,
	inject: InjectAddress,
	eid: Eid,
	response: Uint8Array,
): Promise<void> {
	const answered = decodeLenient(ProvideEimPackageResultResponse, response).value;
	if (!("eimAcknowledgements" in answered)) return;
	const acknowledgements = encode(ProvideEimPackageResultResponse, answered);
	const whole = readWholeTlv(acknowledgements);
	await injector.transfer(inject, tlv(TRANSFER, acknowledgements.subarray(whole.valueStart, whole.end)), eid);
}

function stillOpen(eid: Eid, why: string): EsipaError {
	return new EsipaError("ESIPA_INJECTION_OPEN", why, { context: { eid } });
}
