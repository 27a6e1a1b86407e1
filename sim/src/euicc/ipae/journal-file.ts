import type { JournalStorage } from "@iot-esim/ipa/index";
import { concatBytes } from "@iot-esim/shared/util/bytes";
import type { InCardInterface } from "../in-card-application.ts";

const NAME = "journal";

/** The journal of the agent in the card's own memory, which is durable when a write returns. */
export function cardJournal(card: Pick<InCardInterface, "readFile" | "writeFile">): JournalStorage {
	const contents = () => card.readFile(NAME) ?? new Uint8Array(0);
	return {
		read: async () => contents().slice(),
		append: async (bytes) => card.writeFile(NAME, concatBytes(contents(), bytes)),
		replace: async (bytes) => card.writeFile(NAME, bytes),
	};
}
