import { fileTable, profileTemplate } from "./file-template.ts";

/** Directories below ADF.USIM that have a PE of their own. */

const GSM_ACCESS = fileTable(`
	df-gsm-access 5F3B DF - 14
	ef-kc      4F20 TR 9  5 01 FF*07 often
	ef-kcgprs  4F52 TR 9  5 02 FF*07 often
	ef-cpbcch  4F63 TR 10 5 -  FF*   often
	ef-invscan 4F64 TR 1  2 -  00
`);

/** DF.5GS up to its version 1; NSC are the records of the NAS security contexts, `routing` the default indicator. */
const fiveGs = (nasSecurityContext: string, routing: string) => `
	df-df-5gs            5FC0 DF - 14
	ef-5gs3gpploci       4F01 TR 20  5 01 FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000001 often
	ef-5gsn3gpploci      4F02 TR 20  5 02 FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000001 often
	ef-5gs3gppnsc        4F03 LF ${nasSecurityContext} 5 03 FF* often
	ef-5gsn3gppnsc       4F04 LF ${nasSecurityContext} 5 04 FF* often
	ef-5gauthkeys        4F05 TR 110 5 05 - often
	ef-uac-aic           4F06 TR 4   2 06
	ef-suci-calc-info    4F07 TR -   2 07 FF*
	ef-opl5g             4F08 LF -x10 10 08 FF*
	ef-supinai           4F09 TR -   2 09
	ef-routing-indicator 4F0A TR 4   2 0A ${routing}
`;

const SINCE_5GS_2 = `
	ef-ursp       4F0B BT - 2
	ef-tn3gppsnn  4F0C TR 1 2 0C 00
`;

const SINCE_5GS_4 = `
	ef-cag              4F0D TR 2 2 0D
	ef-sor-cmci         4F0E TR - 2 0E
	ef-dri              4F0F TR 7 2 0F
	ef-5gsedrx          4F10 TR 2 2 10
	ef-5gnswo-conf      4F11 TR 1 2 11
	ef-mchpplmn         4F15 TR 1 2 15
	ef-kausf-derivation 4F16 TR 1 2 16
`;

const SAIP = fileTable(`
	df-df-saip             5FD0 DF - 14
	ef-suci-calc-info-usim 4F01 TR - 3 - FF*
`);

const SNPN = fileTable(`
	df-df-snpn  5FE0 DF - 14
	ef-pws-snpn 4F01 TR 1 10
`);

const PROXIMITY_SERVICES = fileTable(`
	df-df-5g-prose    5FF0 DF - 14
	ef-5g-prose-st    4F01 TR 1  2 01
	ef-5g-prose-dd    4F02 TR 26 2 02
	ef-5g-prose-dc    4F03 TR 12 2 03
	ef-5g-prose-u2nru 4F04 TR 32 2 04
	ef-5g-prose-ru    4F05 TR 29 2 05
	ef-5g-prose-uir   4F06 TR 32 2 06
`);

/** Rows of DF.5GS version 1, also used by the IoT template. */
export const FIVE_GS_ROWS = fiveGs("1x57", "F0FFFFFF");
const five2 = fiveGs("1x57", "F0FFFFFF") + SINCE_5GS_2;
const five3 = fiveGs("2x62", "F0FFFFFF") + SINCE_5GS_2;
const five4 = fiveGs("2x62", "F0FF0000") + SINCE_5GS_2 + SINCE_5GS_4;

export const USIM_FOLDER_TEMPLATES = [
	profileTemplate("gsm-access", "7", "adf-usim", "DF.GSM-ACCESS", GSM_ACCESS),
	profileTemplate("df-5gs", "13", "adf-usim", "DF.5GS", fileTable(FIVE_GS_ROWS)),
	profileTemplate("df-5gs", "13.2", "adf-usim", "DF.5GS v2", fileTable(five2)),
	profileTemplate("df-5gs", "13.3", "adf-usim", "DF.5GS v3", fileTable(five3)),
	profileTemplate("df-5gs", "13.4", "adf-usim", "DF.5GS v4", fileTable(five4)),
	profileTemplate("df-saip", "14", "adf-usim", "DF.SAIP", SAIP),
	profileTemplate("df-snpn", "15", "adf-usim", "DF.SNPN", SNPN),
	profileTemplate("df-5gprose", "16", "adf-usim", "DF.5G_ProSe", PROXIMITY_SERVICES),
];
