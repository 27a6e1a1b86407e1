import type { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { OperationEvent, OperationReason } from "../domain/operation.ts";
import type { RspSession } from "../domain/rsp-session.ts";
import type { Es9PlusAnswer, Es9PlusRefusal } from "../es9plus/es9plus-client.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import { offeredAgain } from "./offer-again.ts";

/** The server's answer, or the ESipa error that stands for its refusal or its silence. */
export type RelayedAnswer<T> = ({ readonly kind: "ok" } & T) | { readonly kind: "failed"; readonly esipaError: number };

/** What the error of every ESipa download function calls undefinedError. */
const UNDEFINED_ERROR = 127;

/**
 * Asks an SM-DP+ or SM-DS. Its refusal ends the operation with subject and reason as it gave them, unless anybody could have
 * caused it. That it could not be asked at
 * all ends nothing: the device's next poll gets the same trigger again, unless the device itself gives up, and then the
 * operation tells why.
 */
export async function askServer<T>(
	context: EsipaContext,
	of: {
		readonly eid: string;
		readonly operationId?: string | undefined;
		/** Of the trigger. */
		readonly eimTransactionId?: TransactionId | undefined;
		/** With the SM-DP+, once there is one. */
		readonly session?: RspSession;
		/** Nobody but the device's own eUICC can have caused a refusal: then it ends the operation. */
		readonly isProven: boolean;
	},
	ask: () => Promise<Es9PlusAnswer<T>>,
): Promise<RelayedAnswer<T>> {
	const log = context.logger("eim.esipa").with({ eid: of.eid, operationId: of.operationId });
	let answer: Es9PlusAnswer<T>;
	try {
		answer = await askTwice(ask);
	} catch (error) {
		if (!(error instanceof EsimError)) throw error;
		log.warn("SM-DP+ gave no usable answer", { error });
		if (of.eimTransactionId !== undefined) await rememberFailure(context, of.eimTransactionId, error);
		return { kind: "failed", esipaError: UNDEFINED_ERROR };
	}
	if (answer.kind === "ok") return answer;
	const reason = refusalReason(answer.refusal);
	log.warn("SM-DP+ refused", { code: reason.code, esipaError: answer.refusal.esipaError });
	const event = await eventOfRefusal(context, of, reason);
	if (of.session !== undefined) {
		await context.store.moveSession(of.session.transactionId, "failed", { at: event.at, operationEvent: event });
	} else if (of.operationId !== undefined) await context.store.moveOperation(of.operationId, event);
	return { kind: "failed", esipaError: answer.refusal.esipaError };
}

async function eventOfRefusal(
	context: EsipaContext,
	{ operationId: id, isProven }: { readonly operationId?: string | undefined; readonly isProven: boolean },
	reason: OperationReason,
): Promise<OperationEvent> {
	if (isProven || id === undefined) return { kind: "failed", at: context.clock.now(), reason };
	return offeredAgain(context, { id }, reason);
}

/** What both functions of a session call an unknown transaction: AuthenticateClient 10, GetBoundProfilePackage 95. */
const TRANSACTION_UNKNOWN = [10, 95];

/**
 * A broken connection is tried once more at once: the session with the SM-DP+ lives on. Should the SM-DP+ have taken the
 * first request and be done with the session, that is no refusal of this download.
 */
async function askTwice<T>(ask: () => Promise<Es9PlusAnswer<T>>): Promise<Es9PlusAnswer<T>> {
	try {
		return await ask();
	} catch (error) {
		if (!isBroken(error)) throw error;
		const answer = await ask();
		if (answer.kind === "refused" && TRANSACTION_UNKNOWN.includes(answer.refusal.esipaError)) throw error;
		return answer;
	}
}

/** A peer that has let the time run out does not answer sooner a second time. */
function isBroken(error: unknown): boolean {
	if (!(error instanceof EsimError) || error.code !== "ES9PLUS_UNREACHABLE") return false;
	return !(error.cause instanceof EsimError && error.cause.code === "TRANSPORT_TIMEOUT");
}

function refusalReason(refusal: Es9PlusRefusal): OperationReason {
	const { subjectCode, reasonCode, message, esipaError, meaning, code } = refusal;
	const said = message === undefined || message === "" ? "" : ` It said: ${message}`;
	return {
		text: `The SM-DP+ refused the download.${meaning === undefined ? "" : ` ${meaning}`}${said}`,
		code: subjectCode === undefined ? (code ?? `ES9+ error ${esipaError}`) : `${subjectCode}/${reasonCode ?? ""}`,
	};
}

/** What the device can only call undefinedError, kept for the operator. */
async function rememberFailure(
	context: EsipaContext,
	eimTransactionId: TransactionId,
	error: EsimError,
): Promise<void> {
	const details = { failureText: error.message.slice(0, 500), failureCode: error.code };
	await context.store.moveSession(eimTransactionId, "initiated", { at: context.clock.now(), details });
}

/** The SM-DP+ answers again: what fails from now on has another cause. */
export async function forgetFailure(context: EsipaContext, trigger: RspSession): Promise<void> {
	if (!trigger.details.failureText) return;
	const details = { failureText: "", failureCode: "" };
	await context.store.moveSession(trigger.transactionId, "initiated", { at: context.clock.now(), details });
}

/** Why the SM-DP+ could not be asked in the download of this trigger, when that is so. */
export async function rememberedFailure(
	context: EsipaContext,
	eimTransactionId: TransactionId,
): Promise<OperationReason | undefined> {
	const { failureText, failureCode } = (await context.store.loadSession(eimTransactionId))?.details ?? {};
	if (!failureText || !failureCode) return undefined;
	return { text: `The SM-DP+ could not be asked: ${failureText}`, code: failureCode };
}
