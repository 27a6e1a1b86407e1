import { fileTable, profileTemplate } from "./file-template.ts";

/**
 * CSIM files (3GPP2 C.S0065). Of the CSIM template we hold only names, FIDs and sizes; the access rule of every row is
 * the general "read PIN, update ADM" or "read and update PIN" unless the profile says otherwise, which TS.48 does.
 */
const MANDATORY = fileTable(`
	adf-csim        -    ADF -   14
	ef-arr          6F06 LF -    10
	ef-call-count   6F21 CY 2x2  5 - 00* often
	ef-imsi-m       6F22 TR 10   2
	ef-imsi-t       6F23 TR 10   2
	ef-tmsi         6F24 TR 16   5
	ef-ah           6F25 TR 2    2
	ef-aop          6F26 TR 1    2
	ef-aloc         6F27 TR 7    5
	ef-cdmahome     6F28 LF -x5  2
	ef-znregi       6F29 LF -x8  5
	ef-snregi       6F2A TR 7    5
	ef-distregi     6F2B TR 8    5
	ef-accolc       6F2C TR 1    2
	ef-term         6F2D TR 1    2
	ef-acp          6F2F TR 7    2
	ef-prl          6F30 TR -    2
	ef-ruimid       6F31 TR 8    2
	ef-csim-st      6F32 TR -    2
	ef-spc          6F33 TR 3    10
	ef-otapaspc     6F34 TR 1    5
	ef-namlock      6F35 TR 1    5
	ef-ota          6F36 TR -    2
	ef-sp           6F37 TR 1    5
	ef-esn-meid-me  6F38 TR 8    5
	ef-li           6F3A TR -    1
	ef-usgind       6F42 TR 1    2
	ef-ad           6F43 TR 3    2
	ef-max-prl      6F45 TR 4    2
	ef-spcs         6F46 TR 1    2
	ef-mecrp        6F55 TR 3    5
	ef-home-tag     6F70 TR -    2
	ef-group-tag    6F71 TR -    2
	ef-specific-tag 6F72 TR -    2
	ef-call-prompt  6F73 TR -    2
`);

const OPTIONAL = fileTable(`
	ef-ssci            6F2E TR 1   5
	ef-fdn             6F3B LF -   8
	ef-sms             6F3C LF -   5
	ef-smsp            6F3D LF -   5
	ef-smss            6F3E TR 5   5
	ef-ssfc            6F3F TR -   5
	ef-spn             6F41 TR 35  10
	ef-mdn             6F44 LF 1x11 5
	ef-ecc             6F47 TR -   10
	ef-me3gpdopc       6F48 TR 1   5
	ef-3gpdopm         6F49 TR 1   5
	ef-sipcap          6F4A TR 4   2
	ef-mipcap          6F4B TR 5   2
	ef-sipupp          6F4C TR -   2
	ef-mipupp          6F4D TR -   2
	ef-sipsp           6F4E TR 1   5
	ef-mipsp           6F4F TR -   5
	ef-sippapss        6F50 TR -   5
	ef-puzl            6F53 TR -   2
	ef-maxpuzl         6F54 TR 5   2
	ef-hrpdcap         6F56 TR 3   2
	ef-hrpdupp         6F57 TR -   2
	ef-csspr           6F58 TR 1   2
	ef-atc             6F59 TR 1   2
	ef-eprl            6F5A TR -   2
	ef-bcsmscfg        6F5B TR 1   2
	ef-bcsmspref       6F5C TR 1   5
	ef-bcsmstable      6F5D LF -   2
	ef-bcsmsp          6F5E LF -x2 5
	ef-bakpara         6F63 LF -   2
	ef-upbakpara       6F64 LF -   2
	ef-mmsn            6F65 LF -   5
	ef-ext8            6F66 LF -x13 5
	ef-mmsicp          6F67 TR -   2
	ef-mmsup           6F68 LF -   5
	ef-mmsucp          6F69 TR -   5
	ef-auth-capability 6F6A LF -x5 2
	ef-3gcik           6F6B TR 32  5
	ef-dck             6F6C TR 20  5
	ef-gid1            6F6D TR -   2
	ef-gid2            6F6E TR -   2
	ef-cdmacnl         6F6F TR -   2
	ef-sf-euimid       6F74 TR 7   2
	ef-est             6F75 TR -   8
	ef-hidden-key      6F76 TR 4   5
	ef-lcsver          6F77 TR 2   2
	ef-lcscp           6F78 TR -   5
	ef-sdn             6F79 LF -   2
	ef-ext2            6F7A LF -x13 8
	ef-ext3            6F7B LF -x13 2
	ef-ici             6F7C CY -   5 - - often
	ef-oci             6F7D CY -   5 - - often
	ef-ext5            6F7E LF -x13 5
	ef-ccp2            6F7F LF -   5
	ef-applabels       6F80 TR -   2
	ef-model           6F81 TR 126 5
	ef-rc              6F82 TR -   2
	ef-smscap          6F83 TR 4   2
	ef-mipflags        6F84 TR 1   2
	ef-3gpduppext      6F85 TR -   2
	ef-ipv6cap         6F87 TR 21  2
	ef-tcpconfig       6F88 TR 2   2
	ef-dgc             6F89 TR 3   2
	ef-wapbrowsercp    6F8A LF -   2
	ef-wapbrowserbm    6F8B LF -   2
	ef-mmsconfig       6F8C TR 8   2
	ef-jdl             6F8D TR -   2
`);

export const CSIM_TEMPLATES = [
	profileTemplate("csim", "10", "self", "ADF.CSIM", MANDATORY, true),
	profileTemplate("csim", "10.2", "self", "ADF.CSIM v2", MANDATORY, true),
	profileTemplate("opt-csim", "11", "adf-csim", "OPT-CSIM", OPTIONAL),
	profileTemplate("opt-csim", "11.2", "adf-csim", "OPT-CSIM v2", OPTIONAL),
];
