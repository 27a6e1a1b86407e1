import { Asn1Error, decode, encode } from "@iot-esim/shared/asn1/schema";
import type { CancelSessionResponse } from "@iot-esim/shared/messages/sgp32/cancel-session";
import {
	CancelSessionRequestEsipa,
	CancelSessionResponseEsipa,
	CancelSessionErrorCode as ErrorCode,
} from "@iot-esim/shared/messages/sgp32/esipa-download";
import { toHex } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { OperationEvent, OperationReason } from "../domain/operation.ts";
import type { RspSession } from "../domain/rsp-session.ts";
import { fullCancelSessionResponse } from "./compact-messages.ts";
import { ownRelay } from "./download-session.ts";
import type { EsipaContext, EsipaPeer } from "./esipa-deps.ts";
import { offeredAgain } from "./offer-again.ts";
import { reasonOf } from "./result-text.ts";

/**
 * ESipa.CancelSession (SGP.32 section 5.14.8): the device ends a download. That is durable before the SM-DP+ is told, and
 * when it cannot be told now, a job does it.
 */
export async function cancelSession(context: EsipaContext, body: Uint8Array, peer?: EsipaPeer): Promise<Uint8Array> {
	const log = context.logger("eim.esipa");
	let request: CancelSessionRequestEsipa;
	try {
		request = decode(CancelSessionRequestEsipa, body);
	} catch (error) {
		if (!(error instanceof Asn1Error)) throw error;
		log.warn("CancelSession that cannot be read", { error });
		return failure(ErrorCode.undefinedError);
	}
	const { transactionId } = request;
	const relay = await ownRelay(context, transactionId, peer);
	if (relay === undefined) return failure(ErrorCode.invalidTransactionId);
	const { session, device } = relay;
	const full = fullCancelSessionResponse(context, session, device, request.cancelSessionResponse);
	if (full === undefined) return failure(ErrorCode.euiccSignatureInvalid);
	const at = context.clock.now();
	const reason = reasonFor(full.value);
	const details = { cancelSessionResponse: toHex(full.der) };
	const operationEvent = await eventOf(context, session, reason);
	const isOver = session.state === "installed" || session.state === "installationFailed";
	if (isOver) return failure(ErrorCode.invalidTransactionId);
	await context.store.moveSession(session.transactionId, "cancelled", { at, details, operationEvent });
	log.info("session cancelled by the device", { eid: session.eid, code: reason.code });
	// ES11 has no such function: a session with an SM-DS ends by itself.
	if (session.details.server === "smds") return success();
	return tellServer(context, session, { transactionId, cancelSessionResponse: full.der });
}

/** A session in which the eUICC has signed nothing may be anybody's. */
async function eventOf(context: EsipaContext, session: RspSession, reason: OperationReason): Promise<OperationEvent> {
	const { operationId: id, details } = session;
	if (id === undefined || details.isProven !== undefined) return { kind: "failed", at: context.clock.now(), reason };
	return offeredAgain(context, { id }, reason);
}

async function tellServer(
	context: EsipaContext,
	session: RspSession,
	request: { readonly transactionId: Uint8Array; readonly cancelSessionResponse: Uint8Array },
): Promise<Uint8Array> {
	try {
		const answer = await context.es9plus.cancelSession(session.smdpAddress, request);
		const told = { at: context.clock.now(), details: { isServerTold: "yes" } };
		await context.store.moveSession(session.transactionId, "cancelled", told);
		if (answer.kind === "refused") return failure(answer.refusal.esipaError);
	} catch (error) {
		if (!(error instanceof EsimError)) throw error;
		const at = context.clock.now();
		context.logger("eim.esipa").warn("SM-DP+ cannot be told of the end of a session", { eid: session.eid, error });
		const job = { kind: "sessionCancellation", reference: session.transactionId, runAfter: at } as const;
		await context.store.saveJobs([job], at);
	}
	return success();
}

function success(): Uint8Array {
	return encode(CancelSessionResponseEsipa, { cancelSessionOk: {} });
}

function reasonFor(response: CancelSessionResponse): OperationReason {
	if (!("cancelSessionResponseOk" in response)) {
		return { text: "The device ended the download; its eUICC did not sign why." };
	}
	const { reason } = response.cancelSessionResponseOk.euiccCancelSessionSigned.value;
	return { ...reasonOf("cancelSession", reason), text: "The device ended the download before the profile was loaded." };
}

function failure(code: number): Uint8Array {
	return encode(CancelSessionResponseEsipa, { cancelSessionError: code });
}
