import { IdError } from "./errors.ts";

/** The identifier of an eIM, 1 to 128 characters (SGP.32 v1.2, EimConfigurationData); what it looks like is `eimIdType`'s. */
export type EimId = string & { readonly __brand: "EimId" };

/**
 * @throws IdError ID_EIM_ID_INVALID
 */
export function EimId(text: string): EimId {
	const characters = [...text].length;
	if (characters < 1 || characters > 128) {
		throw new IdError("ID_EIM_ID_INVALID", `an eimId has 1 to 128 characters, not ${characters}`);
	}
	return text as EimId;
}
