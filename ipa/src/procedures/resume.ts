import { assertNever } from "@iot-esim/shared/util/assert-never";
import { acceptedNumbers, numbersOfResults, removeFromCard } from "./acknowledgements.ts";
import { recoverDirectDownload, settleDirectDownload } from "./download-direct.ts";
import { afterExecution, findResult } from "./execute-euicc-package.ts";
import type { AssociatedEim, ProcedureContext } from "./procedure-context.ts";
import { acknowledge, provideEimPackageResult } from "./provide-eim-package-result.ts";
import { waitForRefresh } from "./refresh.ts";
import { sightOfResult } from "./result-facts.ts";
import { resumeRollback } from "./rollback.ts";

/**
 * Takes up what a power cut, a lost card or an unreachable eIM has left unfinished. Nothing is polled for before this
 * is through, since the card works on one thing at a time.
 * @param eims the eIMs that the card is associated with now
 */
export async function resumeWork(context: ProcedureContext, eims: readonly AssociatedEim[]): Promise<void> {
	const { work } = context.journal.state;
	if (work.phase === "idle") return;
	context.log.info("unfinished work", { phase: work.phase, eimId: work.eimId });
	const eim = eims.find((one) => one.eimId === work.eimId);
	const others = eims.filter((one) => one !== eim).map((one) => one.eimId);
	switch (work.phase) {
		case "package-received": {
			const result = await findResult(context, work);
			// The eIM still holds the package and sends it again at the next poll.
			if (result === undefined || eim === undefined)
				return void (await context.journal.note({ type: "package-not-executed" }));
			await afterExecution(context, eim, result, others);
			return;
		}
		case "package-executed":
			if (eim === undefined) return orphan(context, work.eimId);
			return provideEimPackageResult(context, eim);
		case "rollback-started": {
			const result = await resumeRollback(context, work);
			if (sightOfResult(result).hasRolledBack) await waitForRefresh(context);
			return eim === undefined ? orphan(context, work.eimId) : provideEimPackageResult(context, eim);
		}
		case "result-acknowledged":
			return acknowledge(context, eim ?? { eimId: work.eimId });
		case "downloading":
			// The card has abandoned a half-loaded package; a result that it made waits among the notifications.
			if (!(await recoverDirectDownload(context))) {
				await context.journal.note({ type: "download-ended" });
				return;
			}
			return eim === undefined ? orphanDownload(context, work.eimId) : settleDirectDownload(context, eim);
		case "download-executed":
			return eim === undefined ? orphanDownload(context, work.eimId) : settleDirectDownload(context, eim);
		default:
			return assertNever(work);
	}
}

async function orphanDownload(context: ProcedureContext, eimId: string): Promise<void> {
	context.log.warn("the eIM of a download is not associated any more", { eimId });
	await context.journal.note({ type: "download-ended" });
}

async function orphan(context: ProcedureContext, eimId: string): Promise<void> {
	context.log.warn("no way left to deliver a result: its eIM is not associated any more", { eimId });
	await context.journal.note({ type: "result-orphaned" });
}

/**
 * Offers results that wait on the card without the journal knowing of them: those that an eIM refused, or all after
 * the journal was lost.
 */
export async function offerWaitingResults(context: ProcedureContext, eims: readonly AssociatedEim[]): Promise<void> {
	for (const result of await context.es10.retrieveEuiccPackageResults()) {
		const { eimId, seqNumber } = sightOfResult(result);
		const eim = eims.find((one) => one.eimId === eimId);
		if (eim === undefined) continue;
		context.log.info("result found on the card", { eimId, seqNumber });
		const answer = await eim.esipa.provideEimPackageResult({ euiccPackageResult: result }, context.signal);
		if (answer.type === "refused") {
			context.emit({ type: "result-refused", eimId: eim.eimId, code: answer.code });
			continue;
		}
		const handed = numbersOfResults([result], eim.eimId);
		const acknowledged = await acceptedNumbers(context, eim.eimId, handed, answer.seqNumbers);
		await removeFromCard(context, acknowledged);
		context.emit({ type: "result-delivered", eimId: eim.eimId, acknowledged });
	}
	await context.journal.note({ type: "results-offered" });
}
