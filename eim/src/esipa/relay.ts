import type { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { OperationReason } from "../domain/operation.ts";
import type { RspSession } from "../domain/rsp-session.ts";
import type { Es9PlusAnswer, Es9PlusRefusal } from "../es9plus/es9plus-client.ts";
import type { EsipaContext } from "./esipa-deps.ts";

/** The server's answer, or the ESipa error that stands for its refusal or its silence. */
export type RelayedAnswer<T> = ({ readonly kind: "ok" } & T) | { readonly kind: "failed"; readonly esipaError: number };

/** What the error of every ESipa download function calls undefinedError. */
const UNDEFINED_ERROR = 127;

/**
 * Asks an SM-DP+ or SM-DS. Its refusal ends the operation with subject and reason as it gave them. That it could not be asked at
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
	},
	ask: () => Promise<Es9PlusAnswer<T>>,
): Promise<RelayedAnswer<T>> {
	const log = context.logger("eim.esipa").with({ eid: of.eid, operationId: of.operationId });
	let answer: Es9PlusAnswer<T>;
	try {
		answer = await ask();
	} catch (error) {
		if (!(error instanceof EsimError)) throw error;
		log.warn("SM-DP+ gave no usable answer", { error });
		if (of.eimTransactionId !== undefined) await rememberFailure(context, of.eimTransactionId, error);
		return { kind: "failed", esipaError: UNDEFINED_ERROR };
	}
	if (answer.kind === "ok") return answer;
	const reason = refusalReason(answer.refusal);
	log.warn("SM-DP+ refused", { code: reason.code, esipaError: answer.refusal.esipaError });
	const event = { kind: "failed", at: context.clock.now(), reason } as const;
	if (of.session !== undefined) {
		await context.store.moveSession(of.session.transactionId, "failed", { at: event.at, operationEvent: event });
	} else if (of.operationId !== undefined) await context.store.moveOperation(of.operationId, event);
	return { kind: "failed", esipaError: answer.refusal.esipaError };
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
