import { CmdResultCode } from "@iot-esim/shared/messages/sgp32/es10b-switch";
import { sleep } from "@iot-esim/shared/runtime/clock";
import { fromHex, toHex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import type { RollbackAnswer } from "../card/es10-commands.ts";
import type { PackageFacts, Work } from "../state/device-state.ts";
import { isCardFailure, isStatus } from "./failure-kind.ts";
import type { ProcedureContext } from "./procedure-context.ts";
import { waitForRefresh } from "./refresh.ts";
import { sightOfResult } from "./result-facts.ts";

const BUSY_ATTEMPTS = 5;
const BUSY_PAUSE = Seconds(2);

type RollbackWork = Extract<Work, { phase: "rollback-started" }>;

/**
 * Profile rollback: only for an eIM that granted it, only after a switch that took place, only while the result was
 * not delivered, and once. The card's new result takes the place of the first one.
 * @returns the result to deliver from now on
 */
export async function rollBack(context: ProcedureContext): Promise<Uint8Array> {
	const state = await context.journal.note({ type: "rollback-started" });
	return carryOut(context, state.work as RollbackWork);
}

/** After a power cut in the middle of a rollback: the card tells whether it took place. */
export async function resumeRollback(context: ProcedureContext, work: RollbackWork): Promise<Uint8Array> {
	const result = await findRollbackResult(context, work);
	if (result === undefined) return carryOut(context, work);
	await noteExecuted(context, work, result, CmdResultCode.ok);
	return result;
}

async function carryOut(context: ProcedureContext, work: RollbackWork): Promise<Uint8Array> {
	context.emit({ type: "rollback-started", eimId: work.eimId });
	context.log.info("step 7: ES10b.ProfileRollback", { eimId: work.eimId, counter: work.counterValue });
	const answer = await rollbackUnlessBusy(context, work);
	const result =
		answer.euiccPackageResult ??
		(answer.cmdResult === CmdResultCode.ok ? await findRollbackResult(context, work) : undefined);
	if (answer.cmdResult === CmdResultCode.ok && result !== undefined) {
		await noteExecuted(context, work, result, answer.cmdResult);
		await waitForRefresh(context);
		return result;
	}
	await context.journal.note({ type: "rollback-refused" });
	context.emit({ type: "rollback-finished", eimId: work.eimId, cmdResult: answer.cmdResult });
	context.log.warn("rollback refused by the card", { cmdResult: answer.cmdResult });
	return fromHex(work.resultHex);
}

/** A card that still waits for its REFRESH is busy: it gets what it waits for, and is asked again. */
async function rollbackUnlessBusy(context: ProcedureContext, work: RollbackWork): Promise<RollbackAnswer> {
	for (let attempt = 1; ; attempt++) {
		const answer = await rollbackOnce(context, work);
		if (answer.cmdResult !== CmdResultCode.catBusy || attempt === BUSY_ATTEMPTS) return answer;
		await sleep(context.clock, BUSY_PAUSE, context.signal);
		await waitForRefresh(context);
	}
}

/**
 * The link may break because the card resets at once: the list of results then shows what happened. A status instead of
 * an answer is taken as a refusal when it comes again on a fresh channel.
 */
async function rollbackOnce(
	context: ProcedureContext,
	work: RollbackWork,
	isRepeated = false,
): Promise<RollbackAnswer> {
	try {
		return await context.commands.profileRollback(true);
	} catch (error) {
		if (!isCardFailure(error)) throw error;
		context.log.warn("rollback without an answer", { reason: error.message });
		await waitForRefresh(context);
		const result = await findRollbackResult(context, work);
		if (result !== undefined) return { cmdResult: CmdResultCode.ok, euiccPackageResult: result };
		if (!isRepeated) return rollbackOnce(context, work, true);
		if (!isStatus(error)) throw error;
		return { cmdResult: CmdResultCode.undefinedError, euiccPackageResult: undefined };
	}
}

async function findRollbackResult(context: ProcedureContext, facts: PackageFacts): Promise<Uint8Array | undefined> {
	for (const result of await context.es10.retrieveEuiccPackageResults()) {
		const sight = sightOfResult(result);
		if (sight.hasRolledBack && sight.eimId === facts.eimId && sight.counterValue === facts.counterValue) return result;
	}
	return undefined;
}

async function noteExecuted(context: ProcedureContext, work: RollbackWork, result: Uint8Array, cmdResult: number) {
	await context.journal.note({ type: "rollback-executed", resultHex: toHex(result) });
	context.emit({ type: "rollback-finished", eimId: work.eimId, cmdResult });
}
