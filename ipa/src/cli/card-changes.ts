import { toHex } from "@iot-esim/shared/util/bytes";
import { type IpaConfig, settingsOf } from "../config.ts";
import { type LocalAction, type LocalOutcome, performLocally } from "../procedures/local-actions.ts";
import { openJournal } from "../state/journal.ts";
import { fileJournalStorage } from "../state/journal-storage.ts";
import { withCard } from "./card-session.ts";
import { IpaCliError } from "./errors.ts";
import { type Output, print } from "./output.ts";
import type { ProgramEffects } from "./program.ts";
import { journalPath } from "./run.ts";
import { lockState } from "./state-lock.ts";

const DONE: Readonly<Record<LocalAction["type"], string>> = {
	"execute-fallback": "The fallback profile is enabled.",
	"return-from-fallback": "The profile from before the fallback is enabled.",
	"enable-emergency-profile": "The emergency profile is enabled.",
	"disable-emergency-profile": "The profile from before the emergency is enabled.",
	"reset-memory": "Reset.",
	"set-default-smdp": "The default SM-DP+ is set.",
	"configure-immediate-enable": "Immediate enabling is configured.",
	"activate-ipae": "The card's own IPA is active.",
};

/**
 * One local action on the card, beside no agent: the journal of the state folder is what tells the eIMs of it, at the
 * next poll of `ipa run`.
 * @throws IpaCliError IPA_CARD_REFUSED, IPA_CARD_IN_USE
 */
export async function performOnCard(
	config: IpaConfig,
	effects: ProgramEffects,
	action: LocalAction,
	output: Output,
): Promise<void> {
	const { clock, random, signal } = effects;
	// What the card refuses is told in words below.
	const logger = effects.logger("error");
	const folder = config["state.folder"];
	const unlock = lockState(folder, effects.processes);
	try {
		await withCard(config, { clock, logger }, async ({ es10, commands, channel }) => {
			const journal = await openJournal(fileJournalStorage(journalPath(folder)));
			const eid = await es10.getEid();
			await journal.note({ type: "card-seen", eid: toHex(eid) });
			const eimIds = (await es10.getEimConfigurationData()).map((one) => one.eimId);
			const outcome = await performLocally(
				{
					eid,
					es10,
					commands,
					channel,
					journal,
					clock,
					random,
					signal,
					rsp: undefined,
					eimIds,
					isMetered: false,
					log: logger("ipa.procedure"),
					emit: () => undefined,
					settings: settingsOf(config, "modem").procedures,
				},
				action,
				eimIds,
			);
			printOutcome(action, outcome, output);
		});
	} finally {
		unlock();
	}
}

function printOutcome(action: LocalAction, outcome: LocalOutcome, output: Output): void {
	if (!outcome.isDone) {
		const reason = `${outcome.meaning} (${outcome.name}, ${outcome.code})`;
		throw new IpaCliError("IPA_CARD_REFUSED", `the card refuses: ${reason}`);
	}
	const isCleared = action.type === "set-default-smdp" && action.address === "";
	const done = isCleared ? "The card has no default SM-DP+ any more." : DONE[action.type];
	print(output, { action: action.type, ...outcome }, () => [done, ...refusedParts(outcome)]);
}

/** What of a reset the card could not do, though it did the rest. */
function refusedParts({ reset }: LocalOutcome): readonly string[] {
	if (reset === undefined) return [];
	const parts = [
		["profiles and addresses", reset.resetResult],
		["eIMs", reset.resetEimResult],
		["immediate enabling", reset.resetImmediateEnableConfigResult],
	] as const;
	return parts.flatMap(([what, code]) =>
		code === undefined || code === 0 ? [] : [`${what}: ${code === 1 ? "there was nothing" : `code ${code}`}`],
	);
}
