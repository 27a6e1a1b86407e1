import { PprIds } from "@iot-esim/shared/messages/sgp22/profile-info";
import type { RulesAuthorisationTable } from "@iot-esim/shared/messages/sgp22/profile-management";
import { toHex } from "@iot-esim/shared/util/bytes";
import type { OutcomeFact } from "../domain/operation.ts";

const PPR_NAMES = ["pprUpdateControl", "ppr1", "ppr2"] as const;

/** The rules of a RulesAuthorisationTable for people: which policy rules profiles of which operators may carry. */
export function rulesOf(table: RulesAuthorisationTable): OutcomeFact[] {
	return table.map(({ pprIds, allowedOperators, pprFlags }) => ({
		pprIds: PPR_NAMES.filter((name) => PprIds.has(pprIds, name)),
		allowedOperators: allowedOperators.map(({ mccMnc, gid1, gid2 }) => ({
			mccMnc: toHex(mccMnc),
			...(gid1 === undefined ? {} : { gid1: toHex(gid1) }),
			...(gid2 === undefined ? {} : { gid2: toHex(gid2) }),
		})),
		isConsentRequired: pprFlags[0] === "1",
	}));
}
