import { fileTable, profileTemplate } from "./file-template.ts";

const OPTIONAL = `
	ef-li        6F05 TR 6      1  02 FF*
	ef-acmax     6F37 TR 3      5  -  000000
	ef-acm       6F39 CY 1x3    7  -  000000 often
	ef-gid1      6F3E TR 8      2
	ef-gid2      6F3F TR 8      2
	ef-msisdn    6F40 LF 1x24   2  -  FF*
	ef-puct      6F41 TR 5      5  -  FFFFFF0000
	ef-cbmi      6F45 TR 10     5  -  FF*
	ef-cbmid     6F48 TR 10     2  0E FF*
	ef-sdn       6F49 LF 10x24  2  -  FF*
	ef-ext2      6F4B LF 10x13  8  -  00FF*
	ef-ext3      6F4C LF 10x13  2  -  00FF*
	ef-cbmir     6F50 TR 20     5  -  FF*
	ef-plmnwact  6F60 TR 40     5  0A (FFFFFF0000)*
	ef-oplmnwact 6F61 TR 40     2  11 (FFFFFF0000)*
	ef-hplmnwact 6F62 TR 5      2  13 (FFFFFF0000)*
	ef-dck       6F2C TR 16     5  -  FF*
	ef-cnl       6F32 TR 30     2  -  FF*
	ef-smsr      6F47 LF 10x30  5  -  00FF*
	ef-bdn       6F4D LF 10x25  8  -  FF*
	ef-ext5      6F4E LF 10x13  5  -  00FF*
	ef-ccp2      6F4F LF 5x15   5  16 FF*
	ef-ext4      6F55 LF 10x13  8  -  00FF*
	ef-acl       6F57 TR 101    8  -  00FF*
	ef-cmi       6F58 LF 10x11  2  -  FF*
	ef-ici       6F80 CY 20x38  5  14 FF*0000000001FFFF often
	ef-oci       6F81 CY 20x37  5  15 FF*00000001FFFF   often
	ef-ict       6F82 CY 1x3    7  -  000000 often
	ef-oct       6F83 CY 1x3    7  -  000000 often
	ef-vgcs      6FB1 TR 20     2
	ef-vgcss     6FB2 TR 7      5
	ef-vbs       6FB3 TR 20     2
	ef-vbss      6FB4 TR 7      5
	ef-emlpp     6FB5 TR 2      2
	ef-aaem      6FB6 TR 1      5  -  00
	ef-hiddenkey 6FC3 TR 4      5  -  FF*
	ef-pnn       6FC5 LF 10x16  10 19
	ef-opl       6FC6 LF 5x8    10 1A
	ef-mbdn      6FC7 LF 3x24   5
	ef-ext6      6FC8 LF 10x13  5  -  00FF*
	ef-mbi       6FC9 LF 10x5   5
	ef-mwis      6FCA LF 10x6   5  -  00* often
	ef-cfis      6FCB LF 10x16  5  -  0100FF*
	ef-ext7      6FCC LF 10x13  5  -  00FF*
	ef-spdi      6FCD TR 17     2  1B
	ef-mmsn      6FCE LF 10x6   5  -  000000FF*
	ef-ext8      6FCF LF 10x13  5  -  00FF*
	ef-mmsicp    6FD0 TR 100    2  -  FF*
	ef-mmsup     6FD1 LF -      5  -  FF*
	ef-mmsucp    6FD2 TR 100    5  -  FF*
	ef-nia       6FD3 LF 5x11   2  -  FF*
	ef-vgcsca    6FD4 TR -      2  -  00*
	ef-vbsca     6FD5 TR -      2  -  00*
	ef-gbabp     6FD6 TR -      5  -  FF*
	ef-msk       6FD7 LF -      2  -  FF* often
	ef-muk       6FD8 LF -      2  -  FF*
	ef-ehplmn    6FD9 TR 15     2  1D FF*
	ef-gbanl     6FDA LF -      2  -  FF*
	ef-ehplmnpi  6FDB TR 1      2  -  00
	ef-lrplmnsi  6FDC TR 1      2  -  00
	ef-nafkca    6FDD LF -      2  -  FF*
	ef-spni      6FDE TR -      10 -  00FF*
	ef-pnni      6FDF LF -      10 -  00FF*
	ef-ncp-ip    6FE2 LF -      2
	ef-ufc       6FE6 TR 30     10 -  801E60C01E900080040000000000000000F0000000004000000000000080
	ef-nasconfig 6FE8 TR 18     2
	ef-uicciari  6FE7 LF -      2
	ef-pws       6FEC TR -      10
	ef-fdnuri    6FED LF -      8  -  FF*
	ef-bdnuri    6FEE LF -      8  -  FF*
	ef-sdnuri    6FEF LF -      2  -  FF*
	ef-ial       6FF0 LF -      3  -  FF*
	ef-ips       6FF1 CY -x4    10 -  FF* often
	ef-ipd       6FF2 LF -      3  -  FF* often
`;

const SINCE_VERSION_2 = `
	ef-epdgid                   6FF3 TR - 2
	ef-epdgselection            6FF4 TR - 2
	ef-epdgidem                 6FF5 TR - 2
	ef-epdgselectionem          6FF6 TR - 2
	ef-frompreferred            6FF7 TR 1 2 - 00
	ef-imsconfigdata            6FF8 BT - 2
	ef-3gpppsdataoff            6FF9 TR 4 2
	ef-3gpppsdataoffservicelist 6FFA LF - 2
	ef-xcapconfigdata           6FFC BT - 2
	ef-earfcnlist               6FFD TR - 10
	ef-mudmidconfigdata         6FFE BT - 2
`;

const SINCE_VERSION_3 = `
	ef-eaka 6F01 TR 1 3
`;

export const OPT_USIM_TEMPLATES = [
	profileTemplate("opt-usim", "5", "adf-usim", "OPT-USIM", fileTable(OPTIONAL)),
	profileTemplate("opt-usim", "5.2", "adf-usim", "OPT-USIM v2", fileTable(OPTIONAL + SINCE_VERSION_2)),
	profileTemplate(
		"opt-usim",
		"5.3",
		"adf-usim",
		"OPT-USIM v3",
		fileTable(OPTIONAL + SINCE_VERSION_2 + SINCE_VERSION_3),
	),
];
