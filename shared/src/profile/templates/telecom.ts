import { fileTable, profileTemplate } from "./file-template.ts";
import { PHONEBOOK_ROWS } from "./phonebook.ts";

// The image instances and icons have FIDs in ranges; the first of the range is what a profile means that gives none.
const TELECOM = `
	df-telecom  7F10 DF -     14
	ef-arr      6F06 LF -     10
	ef-rma      6F53 LF -     3
	ef-sume     6F54 TR 22    3
	ef-ice-dn   6FE0 LF 50x24 9 - FF*
	ef-ice-ff   6FE1 LF -     9 - FF*
	ef-psismsc  6FE5 LF -     5
	> df-graphics 5F50 DF -   14
	ef-img          4F20 LF - 2  - 00FF*
	ef-iidf         4F40 TR - 2  - FF*
	ef-ice-graphics 4F21 BT - 9
	ef-launch-scws  4F01 TR - 10
	ef-icon         4F80 TR - 10
	${PHONEBOOK_ROWS}
	> df-multimedia 5F3B DF - 14
	ef-mml    4F47 BT - 5
	ef-mmdf   4F48 BT - 5
	> df-mmss 5F3C DF - 14
	ef-mlpl     4F20 TR - 2 01
	ef-mspl     4F21 TR - 2 02
	ef-mmssmode 4F22 TR 1 2 03
`;

const MISSION_CRITICAL_AND_V2X = `
	> df-mcs 5F3D DF - 14
	ef-mst        4F01 TR - 2 01
	ef-mcs-config 4F02 BT - 2 02
	> df-v2x 5F3E DF - 14
	ef-vst        4F01 TR - 2 01
	ef-v2x-config 4F02 BT - 2 02
	ef-v2xp-pc5   4F03 TR - 2
	ef-v2xp-Uu    4F04 TR - 2
`;

export const TELECOM_TEMPLATES = [
	profileTemplate("telecom", "3", "mf", "DF.TELECOM", fileTable(TELECOM)),
	profileTemplate("telecom", "3.2", "mf", "DF.TELECOM v2", fileTable(TELECOM + MISSION_CRITICAL_AND_V2X)),
];
