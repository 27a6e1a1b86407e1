import type { Euicc } from "../euicc.ts";

/** Whether the IPA inside the card is the one that works (ipaMode of EUICCInfo2). */
export function isIpaeActive({ card, settings }: Pick<Euicc, "card" | "settings">): boolean {
	return card.supportsIpae === true && settings.get("ipaeActive") === true;
}
