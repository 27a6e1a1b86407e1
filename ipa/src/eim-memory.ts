import type { EimMemory } from "./esipa/eim-knowledge.ts";
import type { IpaDeps } from "./ipa-settings.ts";

/** What each eIM knows of the device, kept in the journal. */
export function journalledMemory({ journal, logger }: Pick<IpaDeps, "journal" | "logger">) {
	return (eimId: string): EimMemory => ({
		recall: () => journal.state.eimKnowledge[eimId],
		async remember(knowledge) {
			await journal.note({ type: "eim-knowledge", eimId, knowledge: { ...knowledge } });
		},
		async forget(functionName, reason) {
			logger("ipa.esipa").warn("compact message refused, from now on they are sent in full", {
				eimId,
				functionName,
				reason,
			});
			await journal.note({ type: "eim-knowledge", eimId });
		},
	});
}
