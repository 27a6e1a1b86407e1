import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { ProactiveSession } from "./apdu/proactive.ts";
import type { Ecasd } from "./ecasd.ts";
import type { RspSession } from "./es10/rsp-session.ts";
import type { Nvm } from "./nvm/nvm.ts";
import type { Personalisation } from "./personalisation.ts";
import type { ProfileFileSystems } from "./profile-files.ts";
import type { EimAssociations } from "./state/eims.ts";
import type { NotificationStore } from "./state/notifications.ts";
import type { ProfileRegistry } from "./state/profiles.ts";
import type { SettingsStore } from "./state/settings.ts";

/** Everything an ES10 function works with: what is durable, what lasts until power goes, and what comes from outside. */
export interface Euicc {
	readonly card: Personalisation;
	readonly random: RandomSource;
	readonly ecasd: Ecasd;
	readonly fileSystems: ProfileFileSystems;

	readonly nvm: Nvm;
	readonly profiles: ProfileRegistry;
	readonly notifications: NotificationStore;
	readonly eims: EimAssociations;
	readonly settings: SettingsStore;

	readonly session: RspSession;
	readonly proactive: ProactiveSession;
}

/** One ES10 function: the whole request TLV in, the whole response TLV out. A request it cannot read throws Asn1Error. */
export type Es10Function = (request: Uint8Array, euicc: Euicc) => Uint8Array;

/** True on an IoT card that obeys an eIM: who changes profiles is then the eIM alone. */
export function isUnderEim({ card, eims }: Euicc): boolean {
	return card.mode === "iot" && !eims.isEmpty;
}
