import { fileTable, profileTemplate } from "./file-template.ts";

const MF_FILES = fileTable(`
	mf        3F00 MF -   14
	ef-pl     2F05 TR 2   1  05 FF*
	ef-iccid  2FE2 TR 10  11
	ef-dir    2F00 LF -   10 1E
	ef-arr    2F06 LF -   10
	ef-umpc   2F08 TR 5   10 08
`);

// EF.LAUNCHPAD and EF.ICON have FIDs in ranges; the first of the range is what a profile means that gives none.
const CD_FILES = fileTable(`
	df-cd         7F11 DF - 14
	ef-launchpad  6F01 TR - 2
	ef-icon       6F40 TR - 2
`);

export const MF_TEMPLATES = [
	profileTemplate("mf", "1", "self", "MF", MF_FILES, true),
	profileTemplate("cd", "2", "mf", "DF.CD", CD_FILES),
];
