import { fileTable, profileTemplate } from "./file-template.ts";

const MANDATORY = fileTable(`
	adf-isim  -    ADF -  14
	ef-impi   6F02 TR -   2  02
	ef-impu   6F04 LF 1x- 2  04
	ef-domain 6F03 TR -   2  05
	ef-ist    6F07 TR 14  2  07
	ef-ad     6FAD TR 3   10 03 000000
	ef-arr    6F06 LF -   10 06
`);

const OPTIONAL = `
	ef-pcscf    6F09 LF 1x-    2
	ef-sms      6F3C LF 10x176 5 - 00FF*
	ef-smsp     6F42 LF 1x38   5 - FF*
	ef-smss     6F43 TR 2      5 - FFFF
	ef-smsr     6F47 LF 10x30  5 - 00FF*
	ef-gbabp    6FD5 TR -      5 - FF*
	ef-gbanl    6FD7 LF -      2 - FF*
	ef-nafkca   6FDD LF -      2 - FF*
	ef-uicciari 6FE7 LF -      2
`;

const SINCE_VERSION_2 = `
	ef-frompreferred    6FF7 TR 1 2 - 00
	ef-imsconfigdata    6FF8 BT - 2
	ef-xcapconfigdata   6FFC BT - 2
	ef-webrtcuri        6FFA LF - 2
	ef-mudmidconfigdata 6FFE BT - 2
`;

// DF.EAP has no FID of its own: the profile gives it, and it lies in the application that precedes it.
const EAP = fileTable(`
	df-eap       -    DF - 14
	ef-eapkeys   4F01 TR - 2 - - often
	ef-eapstatus 4F02 TR 1 2 - 00 often
	ef-puid      4F03 TR - 2
	ef-ps        4F04 TR - 5 - FF* often
	ef-curid     4F20 TR - 5 - FF* often
	ef-reid      4F21 TR - 5
	ef-realm     4F22 TR - 5
`);

export const ISIM_TEMPLATES = [
	profileTemplate("isim", "8", "self", "ADF.ISIM", MANDATORY, true),
	profileTemplate("opt-isim", "9", "adf-isim", "OPT-ISIM", fileTable(OPTIONAL)),
	profileTemplate("opt-isim", "9.2", "adf-isim", "OPT-ISIM v2", fileTable(OPTIONAL + SINCE_VERSION_2)),
	profileTemplate("eap", "12", "current", "DF.EAP", EAP),
];
