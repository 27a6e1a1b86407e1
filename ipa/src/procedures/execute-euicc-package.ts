import { ProfileStateCode } from "@iot-esim/shared/messages/sgp22/profile-info";
import { EimPackageResultErrorCodes, StateChangeCauseCode } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { fromHex, hex, toHex } from "@iot-esim/shared/util/bytes";
import type { RollbackState } from "../state/device-state.ts";
import { acceptedNumbers, numbersOfResults, removeFromCard } from "./acknowledgements.ts";
import { eimErrorText } from "./eim-error.ts";
import { ProcedureError } from "./errors.ts";
import { isStatus } from "./failure-kind.ts";
import type { AssociatedEim, ProcedureContext } from "./procedure-context.ts";
import { provideEimPackageResult } from "./provide-eim-package-result.ts";
import { waitForRefresh } from "./refresh.ts";
import { type PackageSight, type ResultSight, sightOfPackage, sightOfResult } from "./result-facts.ts";

const REPLAY_ERROR = 4;
const ICCID_AND_STATE = hex`5A 9F70`;

/**
 * eUICC Package execution (IPA part): the package goes to the card untouched, the signed result to the eIM. What has
 * happened is noted before and after the card is asked, so that after a power cut the card's own list of results
 * decides, and no package is executed twice.
 * @param otherEimIds eIMs to be told of changes that this one makes
 */
export async function executeEuiccPackage(
	context: ProcedureContext,
	eim: AssociatedEim,
	euiccPackageRequest: Uint8Array,
	otherEimIds: readonly string[],
): Promise<ResultSight> {
	const sight = sightOfPackage(euiccPackageRequest);
	const given = resultGiven(context, sight.packageHash);
	if (given !== undefined) return repeatResult(context, eim, given);
	const enabledBeforeHex = sight.rollbackGranted ? await enabledProfile(context) : undefined;
	const { hasPsmo: _psmo, hasEco: _eco, ...facts } = sight;
	await context.journal.note({ type: "package-received", ...facts, enabledBeforeHex });
	context.emit({ type: "package-loading", eimId: eim.eimId, counterValue: sight.counterValue });
	context.log.info("step 3: ES10b.LoadEuiccPackage", { eimId: eim.eimId, counter: sight.counterValue });
	const loaded = await loadUnlessRefused(context, euiccPackageRequest, sight);
	if (loaded === undefined) return reportRefusal(context, eim, sight);
	const result = await unlessReplayed(context, sight, loaded);
	return afterExecution(context, eim, result, otherEimIds);
}

/**
 * The result that an eIM was given for a package before. An error is none: the card may have refused the package for a while
 * only (ecallActive), and it never executes one twice.
 */
export function resultGiven({ journal }: ProcedureContext, packageHash: string): Uint8Array | undefined {
	const { lastResult } = journal.state;
	if (lastResult === undefined || lastResult.packageHash !== packageHash) return undefined;
	const result = fromHex(lastResult.resultHex);
	const { outcome } = sightOfResult(result);
	return outcome === "signed-error" || outcome === "unsigned-error" ? undefined : result;
}

/**
 * A card that answers with a status gets a fresh channel and a second chance, after a look whether it has executed the
 * package all the same.
 * @returns undefined when it refuses again
 */
async function loadUnlessRefused(
	context: ProcedureContext,
	request: Uint8Array,
	sight: PackageSight,
): Promise<Uint8Array | undefined> {
	try {
		return await context.commands.loadEuiccPackage(request);
	} catch (error) {
		if (!isStatus(error)) throw error;
		context.log.warn("package refused by the card", { error });
	}
	await waitForRefresh(context);
	const executed = await findResult(context, sight);
	if (executed !== undefined) return executed;
	try {
		return await context.commands.loadEuiccPackage(request);
	} catch (error) {
		if (!isStatus(error)) throw error;
		return undefined;
	}
}

/** Without any result of the card the eIM is told that there will be none, so that it does not wait for ever. */
async function reportRefusal(
	context: ProcedureContext,
	eim: AssociatedEim,
	{ eimTransactionIdHex }: PackageSight,
): Promise<ResultSight> {
	await context.journal.note({ type: "package-not-executed" });
	const errorCode = EimPackageResultErrorCodes.undefinedError;
	const eimTransactionId = eimTransactionIdHex === undefined ? undefined : fromHex(eimTransactionIdHex);
	await eim.esipa.provideEimPackageResult({ errorCode, eimTransactionId }, context.signal);
	throw new ProcedureError("IPA_PACKAGE_NOT_EXECUTED", "the card refuses the package without a result");
}

/** From the card's answer on; also the way back into the procedure when the answer was found on the card. */
export async function afterExecution(
	context: ProcedureContext,
	eim: AssociatedEim,
	result: Uint8Array,
	otherEimIds: readonly string[],
): Promise<ResultSight> {
	const sight = sightOfResult(result);
	const rollback = rollbackState(context, sight);
	await context.journal.note({ type: "package-executed", resultHex: toHex(result), rollback });
	const { outcome, results, counterValue = -1 } = sight;
	context.emit({ type: "package-executed", eimId: eim.eimId, counterValue, outcome, results });
	if (sight.hasChangedProfiles && otherEimIds.length > 0) {
		await context.journal.note({ type: "state-changed", cause: StateChangeCauseCode.otherEim, tell: otherEimIds });
	}
	if (sight.hasSwitched) await context.journal.note({ type: "fallback-over" });
	if (sight.hasSwitched) await waitForRefresh(context);
	await provideEimPackageResult(context, eim);
	return sight;
}

/** Rollback is possible when it was granted and another profile than before is enabled now. */
function rollbackState(context: ProcedureContext, sight: ResultSight): RollbackState {
	const { work } = context.journal.state;
	const isPossible =
		work.phase === "package-received" &&
		work.rollbackGranted &&
		sight.hasEnabled &&
		(work.enablesHex === undefined || work.enabledBeforeHex !== work.enablesHex);
	if (!isPossible) return { state: "unavailable" };
	return { state: "armed", deliverBefore: context.clock.now() + context.settings.rollbackAfter };
}

/** A signed "replay" means that the card has executed this package before: its result still waits in the list. */
async function unlessReplayed(context: ProcedureContext, sight: PackageSight, loaded: Uint8Array): Promise<Uint8Array> {
	if (sightOfResult(loaded).errorCode !== REPLAY_ERROR) return loaded;
	const earlier = await findResult(context, sight);
	context.log.info("package was executed before", { counter: sight.counterValue, found: earlier !== undefined });
	return earlier ?? loaded;
}

/** The card's result for a package, by eIM and counter. */
export async function findResult(
	context: ProcedureContext,
	facts: { readonly eimId: string; readonly counterValue: number },
): Promise<Uint8Array | undefined> {
	for (const result of await context.es10.retrieveEuiccPackageResults()) {
		const sight = sightOfResult(result);
		if (sight.eimId === facts.eimId && sight.counterValue === facts.counterValue) return result;
	}
	return undefined;
}

/** The eIM asks again for what it was given: its acknowledgement came, but its memory of it is gone. */
async function repeatResult(context: ProcedureContext, eim: AssociatedEim, result: Uint8Array): Promise<ResultSight> {
	context.log.info("result given again", { eimId: eim.eimId });
	const answer = await eim.esipa.provideEimPackageResult({ euiccPackageResult: result }, context.signal);
	if (answer.type === "refused") {
		context.emit({ type: "result-refused", eimId: eim.eimId, code: answer.code });
		const message = `eIM ${eim.eimId} refused the result with ${eimErrorText(answer.code)}`;
		throw new ProcedureError("IPA_RESULT_REFUSED", message, { gsmaCode: answer.code });
	}
	const handed = numbersOfResults([result], eim.eimId);
	const acknowledged = await acceptedNumbers(context, eim.eimId, handed, answer.seqNumbers);
	await removeFromCard(context, acknowledged);
	context.emit({ type: "result-delivered", eimId: eim.eimId, acknowledged });
	return sightOfResult(result);
}

async function enabledProfile(context: ProcedureContext): Promise<string | undefined> {
	try {
		const profiles = await context.es10.getProfilesInfo(ICCID_AND_STATE);
		const enabled = profiles.find((profile) => profile.profileState === ProfileStateCode.enabled);
		return enabled?.iccid && toHex(enabled.iccid);
	} catch (error) {
		// Without the list the card decides: it refuses a rollback for which there is nothing to go back to.
		context.log.warn("profiles not read before the package", { error });
		return undefined;
	}
}
