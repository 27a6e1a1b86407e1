import { fileTable, profileTemplate } from "./file-template.ts";

/**
 * DF.PHONEBOOK, below DF.TELECOM or ADF.USIM. Most files exist up to eight times, each kind in its own range of eight
 * FIDs; the first of the range is what a profile means that gives none.
 */
export const PHONEBOOK_ROWS = `
	> df-phonebook 5F3A DF - 14
	ef-pbr    4F30 LF -    2
	ef-ext1   4F38 LF -x13 5 -  00FF*
	ef-aas    4F40 LF -    5 -  FF*
	ef-gas    4F48 LF -    5 -  FF*
	ef-psc    4F22 TR 4    5 -  00000000
	ef-cc     4F23 TR 2    5 -  0000 often
	ef-puid   4F24 TR 2    5 -  0000 often
	ef-iap    4F50 LF -    5 -  FF*
	ef-adn    4F58 LF -    5 -  FF*
	ef-pbc    4F60 LF -x2  5 -  00*
	ef-anr    4F68 LF -    5 -  FF*
	ef-puri   4F70 LF -    5
	ef-email  4F78 LF -    5 -  FF*
	ef-sne    4F80 LF -    5 -  FF*
	ef-uid    4F88 LF -x2  5 -  0000
	ef-grp    4F90 LF -    5 -  00*
	ef-ccp1   4F98 LF -    5 -  FF*
`;

export const PHONEBOOK_TEMPLATES = [
	profileTemplate("phonebook", "6", "adf-usim", "DF.PHONEBOOK", fileTable(PHONEBOOK_ROWS)),
];
