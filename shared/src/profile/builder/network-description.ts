import { complaint, DescriptionReader, shown } from "./description-reader.ts";

/** Access technologies of the PLMN selector files, in the order in which `EF.HPLMNwAcT` names them. */
export const ACCESS_TECHNOLOGIES = ["gsm", "utran", "e-utran", "e-utran-wb", "e-utran-nb", "ng-ran"] as const;
export type AccessTechnology = (typeof ACCESS_TECHNOLOGIES)[number];

/** A network with the technologies by which it is looked for. */
export interface NetworkChoice {
	/** MCC and MNC, 5 or 6 digits. */
	readonly plmn: string;
	readonly technologies: readonly AccessTechnology[];
}

const ALL: readonly AccessTechnology[] = ["gsm", "utran", "e-utran", "ng-ran"];

/** "90170", or { plmn: "90170", technologies: [e-utran-nb] }. */
export function readNetwork(value: unknown, path: string): NetworkChoice {
	if (typeof value === "string" || typeof value === "number") return { plmn: readPlmn(value, path), technologies: ALL };
	const reader = new DescriptionReader(value, path);
	const plmn = readPlmn(reader.value("plmn"), reader.pathOf("plmn"));
	const technologies = reader.list("technologies", (entry, at) => {
		if (!ACCESS_TECHNOLOGIES.includes(entry as AccessTechnology)) {
			throw complaint(at, `must be one of ${ACCESS_TECHNOLOGIES.join(", ")}, not ${shown(entry)}`);
		}
		return entry as AccessTechnology;
	});
	reader.finish();
	return { plmn, technologies: technologies.length > 0 ? technologies : ALL };
}

/** MCC and MNC as text; a YAML number would lose its leading zeros. */
export function readPlmn(value: unknown, path: string): string {
	if (typeof value === "string" && /^\d{5,6}$/.test(value)) return value;
	throw complaint(path, `must be the 5 or 6 digits of MCC and MNC in quotes, not ${shown(value)}`);
}
