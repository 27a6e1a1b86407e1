import type { StrictForm } from "../../../asn1/relax.ts";
import type { Sgp32Version } from "./version.ts";

/** One difference. A row without `read` is told by nothing on the wire, or reads alike. */
export interface Difference {
	/** What it is, in the words of the standard. */
	readonly item: string;
	/** Versions that have the other form; all others do as version 1.2. */
	readonly versions: readonly Sgp32Version[];
	/** The other form, in octets or words. */
	readonly form: string;
	/** Type of the module that `read` and `write` are for. */
	readonly type?: string;
	/** From the other form to the one of version 1.2; the same octets when they are in that one already. */
	readonly read?: StrictForm;
	/** Tag of the other form, where it differs from the type's own. */
	readonly otherTag?: number;
	/** From the form of version 1.2 to the other one. */
	readonly write?: StrictForm;
	/** Numbers of `type` by the names that these versions have for them, and version 1.2 does not. */
	readonly codes?: Readonly<Record<string, number>>;
	/** Numbers of `type` by their names that version 1.2 does not have, nor these. */
	readonly lacksCodes?: Readonly<Record<string, number>>;
	/** Commands and functions that these versions do not have. */
	readonly lacks?: readonly string[];
}
