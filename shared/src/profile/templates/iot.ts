import { fileTable, profileTemplate } from "./file-template.ts";
import { FIVE_GS_ROWS } from "./usim-folders.ts";

/**
 * The IoT Minimal Profile puts the MF and ADF.USIM into one PE. Sizes and contents are those of the MF and USIM
 * templates; files behind `adf-usim` lie in it.
 */
const MANDATORY = fileTable(`
	mf           3F00 MF  -    14
	ef-pl        2F05 TR  2    1  05 FF*
	ef-iccid     2FE2 TR  10   11
	ef-dir       2F00 LF  -    10 1E
	ef-arr       2F06 LF  -    10
	ef-umpc      2F08 TR  5    10 08
	> adf-usim   -    ADF -    14
	ef-imsi      6F07 TR  9    2  07
	ef-arr-usim  6F06 LF  -    10 17
	ef-keys      6F08 TR  33   5  08 07FF* often
	ef-keysPS    6F09 TR  33   5  09 07FF* often
	ef-hpplmn    6F31 TR  1    2  12 0A
	ef-ust       6F38 TR  17   2  04
	ef-start-hfn 6F5B TR  6    5  0F F00000F00000 often
	ef-threshold 6F5C TR  3    2  10 FFFFFF
	ef-psloci    6F73 TR  14   5  0C FFFFFFFFFFFFFFFFFFFF0000FF01 often
	ef-acc       6F78 TR  2    2  06
	ef-fplmn     6F7B TR  12   5  0D FF*
	ef-loci      6F7E TR  11   5  0B FFFFFFFFFFFFFF0000FF01 often
	ef-ad        6FAD TR  4    10 03 00000002
	ef-ecc       6FB7 LF  1x4  10 01
	ef-netpar    6FC4 TR  128  5  -  FF* often
`);

const OPTIONAL = fileTable(`
	ef-fdn       6F3B LF 20x26  8  -  FF*
	ef-sms       6F3C LF 10x176 5  -  00FF*
	ef-smsp      6F42 LF 1x38   5  -  FF*
	ef-smss      6F43 TR 2      5  -  FFFF
	ef-spn       6F46 TR 17     10
	ef-est       6F56 TR 1      8  05
	ef-oplmnwact 6F61 TR 40     2  11 (FFFFFF0000)*
	ef-hplmnwact 6F62 TR 5      2  13 (FFFFFF0000)*
	ef-ehplmn    6FD9 TR 15     2  1D FF*
	ef-epsloci   6FE3 TR 18     5  1E FFFFFFFFFFFFFFFFFFFFFFFFFFFFFF000001 often
	ef-epsnsc    6FE4 LF 1x80   5  18 FF* often
	> ${FIVE_GS_ROWS.trimStart().replace("ef-supinai ", "ef-supi-nai")}
	ef-ursp      4F0B BT -      2
	ef-tn3gppsnn 4F0C TR 1      2  0C 00
	> df-df-saip 5FD0 DF -      14
	ef-suci-calc-info-usim 4F01 TR - 3 - FF*
`);

export const IOT_TEMPLATES = [
	profileTemplate("iot", "17", "self", "IoT", MANDATORY, true),
	profileTemplate("opt-iot", "18", "adf-usim", "OPT-IoT", OPTIONAL),
];
