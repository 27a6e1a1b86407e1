import { readTlvs, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { parseProfilePackage } from "@iot-esim/shared/profile/profile-package";
import { fromHex, hex, toHex } from "@iot-esim/shared/util/bytes";
import { beforeEach, describe, expect, it } from "vitest";
import { CardSecurity, FileSession } from "./file-session.ts";
import type { FileSystem } from "./file-system.ts";
import { installFileSystem } from "./install-file-system.ts";

const USIM = "A0000000871002";
let fs: FileSystem;
let security: CardSecurity;
let session: FileSession;

function install(more: Record<string, unknown> = {}): FileSystem {
	const profile = parseProfilePackage(
		buildProfilePackage({
			iccid: "89882190000000000017",
			imsi: "901700000000001",
			ki: "465B5CE8B199B49FAA5F0A2EE238A6BC",
			opc: "CD63CB71954A9F4E48A5994E37A02BAF",
			pin: "1234",
			pinEnabled: true,
			pin2: "5678",
			puk: "11223344",
			...more,
		}),
	);
	const outcome = installFileSystem(profile);
	if ("failure" in outcome) throw new Error(outcome.failure.message);
	return outcome.fileSystem;
}

/** Sends an APDU in hex (class, INS, P1, P2, then Lc and data, then Le) and gives data and status word in hex. */
function send(apdu: string, to = session): string {
	const octets = fromHex(apdu);
	const [cla = 0, ins = 0, p1 = 0, p2 = 0, lc] = octets;
	const hasData = octets.length > 5;
	const data = hasData ? octets.slice(5, 5 + (lc as number)) : new Uint8Array(0);
	const last = hasData ? octets[5 + (lc as number)] : lc;
	const le = last === undefined ? undefined : last === 0 ? 256 : last;
	const answer = to.execute({ cla, ins, p1, p2, data, le });
	return toHex(answer.data) + answer.sw.toString(16).toUpperCase();
}

beforeEach(() => {
	fs = install();
	security = new CardSecurity();
	session = new FileSession(fs, security);
});

const selectUsim = () => send(`00A4040C07${USIM}`);
const verify = (pin: string, reference = "01") =>
	send(`002000${reference}08${Buffer.from(pin).toString("hex").padEnd(16, "F")}`);

describe("SELECT", () => {
	it("answers the FCP of the MF with its PINs", () => {
		const fcp = hex`6223 82027821 83023F00 A506800171870101 8A0105 8B032F060E C609 9001C0 830101 83010A`;
		expect(send("00A40004023F00")).toBe(`${toHex(fcp)}9000`);
	});

	it("answers the FCP of a linear fixed file with record length, count, size and short identifier", () => {
		selectUsim();
		const fcp = hex`621F 82054221000402 83026FB7 A503C00100 8A0105 8B036F060A 80020008 880108`;
		expect(send("00A40004026FB7")).toBe(`${toHex(fcp)}9000`);
	});

	it("says by an empty 88 that a file has no short identifier", () => {
		selectUsim();
		expect(send("00A40004026F46")).toContain("8800");
	});

	it("finds files by path from the MF, from the current directory and through the current application", () => {
		expect(send("00A4080C032FE200")).toBe("6A86");
		expect(send("00A4080C043F002FE2")).toBe("9000");
		expect(send("00A4080C022FE2")).toBe("9000");
		expect(send("00B000000A")).toBe("988812090000000000719000");
		selectUsim();
		expect(send("00A4080C047FFF6F07")).toBe("9000");
		expect(send("00A4000C022FE2")).toBe("6A82");
		expect(send("00A4090C026F07")).toBe("9000");
		expect(send("00A4030C")).toBe("9000");
		expect(send("00A4000C022FE2")).toBe("9000");
		expect(send("00A4000C027FFF")).toBe("9000");
		expect(send("00A4000C026F07")).toBe("9000");
	});

	it("takes the beginning of an AID, and knows no application that is not there", () => {
		expect(send(`00A4040407${USIM}`)).toMatch(/^62.*8410A0000000871002FFFFFFFF8907090000.*9000$/);
		expect(send("00A4040407A0000000871004")).toBe("6A82");
		expect(toHex(session.applicationId ?? hex``)).toBe("A0000000871002FFFFFFFF8907090000");
	});

	it("goes through the applications with the same beginning of their AIDs", () => {
		const second = fs.files.findIndex((file) => file.kind === "adf");
		fs.files.push({ ...(fs.files[second] as (typeof fs.files)[number]), aid: hex`A0000000871002FF02`, fid: 0x7ff1 });
		const aid = () => toHex(session.applicationId ?? hex``);
		expect(send(`00A4040C07${USIM}`)).toBe("9000");
		expect(send(`00A4040E07${USIM}`)).toBe("9000");
		expect(aid()).toBe("A0000000871002FF02");
		expect(send(`00A4040E07${USIM}`)).toBe("6A82");
		expect(send(`00A4040F07${USIM}`)).toBe("9000");
		expect(aid()).toBe("A0000000871002FFFFFFFF8907090000");
		expect(send(`00A4040D07${USIM}`)).toBe("9000");
		expect(aid()).toBe("A0000000871002FF02");
	});

	it("hides the temporary identifier of an ADF", () => {
		expect(send("00A4000C027FF0")).toBe("6A82");
		expect(send("00A4080C047FF06F07")).toBe("6A82");
	});

	it("keeps every channel at its own place", () => {
		const other = new FileSession(fs, security);
		selectUsim();
		expect(send("00A4000C026F07", other)).toBe("6A82");
		expect(send("00A4000C026F07")).toBe("9000");
	});

	it("writes FCPs that are well formed for every file", () => {
		for (const [id, file] of fs.files.entries()) {
			if (file.kind === "mf" || file.kind === "adf") continue;
			const position = file.parent === 0 ? "00A4000C023F00" : `00A4040C07${USIM}`;
			send(position);
			const fcp = fromHex(send(`00A4000402${file.fid.toString(16).padStart(4, "0")}`).slice(0, -4));
			const [outer] = readTlvs(fcp);
			const tags = readTlvs(tlvValue(fcp, outer as never)).map(({ tag }) => tag);
			expect(tags, `file ${id}`).toEqual([0x82, 0x83, 0xa5, 0x8a, 0x8b, 0x80, 0x88]);
		}
	});
});

describe("READ and UPDATE BINARY", () => {
	beforeEach(() => {
		selectUsim();
		verify("1234");
	});

	it("reads by offset and by short identifier, and tells the exact length", () => {
		expect(send("00B0870000")).toBe("0899100700000000109000");
		expect(send("00B0000203")).toBe("1007009000");
		expect(send("00B000000A")).toBe("6C09");
		expect(send("00B0000900")).toBe("6B00");
		expect(send("00B0990000")).toBe("6A82");
		expect(send("00B0A70000")).toBe("6A86");
	});

	it("writes where the rule allows it, within the file", () => {
		expect(send("00D68B0002AABB")).toBe("9000");
		expect(send("00B08B0004")).toBe("AABBFFFF9000");
		expect(send("00D6000A02AABB")).toBe("6700");
		expect(send("00D6870001FF")).toBe("6982");
	});

	it("refuses record commands on a transparent file and binary commands on a record file", () => {
		send("00A4000C026F07");
		expect(send("00B2010400")).toBe("6981");
		send("00A4000C026F3C");
		expect(send("00B0000000")).toBe("6981");
		selectUsim();
		expect(send("00B0000000")).toBe("6986");
	});

	it("reports a change only when something changed", () => {
		const command = { cla: 0, ins: 0xd6, p1: 0x8b, p2: 0, data: hex`01` };
		expect(session.execute(command)).toMatchObject({ changed: true, changes: [{ part: "contents" }] });
		expect(session.execute({ ...command, ins: 0xb0, data: hex`` })).toMatchObject({ changed: false, changes: [] });
		expect(session.execute({ ...command, p1: 0x87 })).toMatchObject({ sw: 0x6982, changed: false });
	});
});

describe("records", () => {
	beforeEach(() => {
		selectUsim();
		verify("1234");
	});

	it("reads records by number and moves the pointer by next and previous", () => {
		expect(send("00B2010C00")).toBe("11F2FF009000");
		expect(send("00B2020404")).toBe("19F1FF009000");
		expect(send("00B2030400")).toBe("6A83");
		expect(send("00B2010403")).toBe("6C04");
		send("00A4000C026FB7");
		expect(send("00B2000400")).toBe("6A83");
		expect(send("00B2000200")).toBe("11F2FF009000");
		expect(send("00B2000200")).toBe("19F1FF009000");
		expect(send("00B2000200")).toBe("6A83");
		expect(send("00B2000300")).toBe("11F2FF009000");
		expect(send("00B2000400")).toBe("11F2FF009000");
	});

	it("writes a whole record of a linear fixed file", () => {
		send("00A4000C026F3C");
		const message = `01${"AB".repeat(175)}`;
		expect(send(`00DC0204B0${message}`)).toBe("9000");
		expect(send("00B2020400")).toBe(`${message}9000`);
		expect(send("00B2010400")).toBe(`00${"FF".repeat(175)}9000`);
		expect(send("00DC020401AB")).toBe("6700");
		expect(send(`00DC0B04B0${message}`)).toBe("6A83");
	});

	it("searches forwards, backwards, and from an offset or behind a value", () => {
		send("00A4000C026F3C");
		for (const number of ["02", "05"]) send(`00DC${number}04B00155${"00".repeat(174)}`);
		expect(send("00A2010402015500")).toBe("02059000");
		expect(send("00A20A0502015500")).toBe("05029000");
		expect(send("00A2010402015600")).toBe("6282");
		// enhanced: forward from record 1, text from offset 1
		expect(send("00A20106040401550000").slice(-4)).toBe("9000");
		expect(send("00A201060304020155")).toBe("6282");
		expect(send("00A2010604040155 00").replace(" ", "")).toBe("02059000");
		// enhanced: behind the first 01
		expect(send("00A20106030C0155")).toBe("02059000");
		expect(send("00A2010702015500")).toBe("6A86");
	});
});

describe("cyclic files", () => {
	it("puts the newest record first and counts up by INCREASE", () => {
		const id = fs.files.length;
		const shared = { isShareable: true, lifeCycle: 5, accessRule: { record: 7 }, specialInformation: 0x80 };
		fs.files.push({
			...shared,
			name: "ef-acm",
			kind: "cyclic",
			fid: 0x6f39,
			parent: fs.files.findIndex((f) => f.kind === "adf"),
			recordLength: 3,
			size: 9,
		});
		fs.contents[id] = hex`000001 000000 000000`;
		selectUsim();
		send("00A4000C026F39");
		expect(send("003200000300000500")).toBe("6982");
		verify("1234");
		expect(send("003200000300000500")).toBe("0000060000059000");
		expect(send("00B2010400")).toBe("0000069000");
		expect(send("00B2020400")).toBe("0000019000");
		expect(send("0032000003FFFFFF00")).toBe("9850");
		expect(send("00DC000303000007")).toBe("9000");
		expect(send("00B2000400")).toBe("0000079000");
		expect(send("00B2000200")).toBe("0000069000");
		expect(send("00B2000300")).toBe("0000079000");
		expect(send("00B2000300")).toBe("0000019000");
		expect(send("00DC010403000007")).toBe("6A86");
		expect(send("00DC00030200000700")).toBe("6700");
	});
});

describe("BER-TLV files", () => {
	beforeEach(() => {
		const id = fs.files.length;
		const shared = { isShareable: true, lifeCycle: 5, accessRule: { record: 5 }, specialInformation: 0 };
		const parent = fs.files.findIndex((file) => file.kind === "adf");
		fs.files.push({ ...shared, name: "ef-mml", kind: "ber-tlv", fid: 0x4f47, parent, size: 400, shortFileId: 0x1c });
		fs.contents[id] = hex`8002AABB 5F2D02656E`;
		selectUsim();
		verify("1234");
	});

	it("give an object by its tag, in blocks when it is long", () => {
		expect(send("80CB009C018000")).toBe("8002AABB9000");
		expect(send("80CB0080025F2D00")).toBe("5F2D02656E9000");
		expect(send("80CB0080018100")).toBe("6A88");
		expect(send("80CB0080015C00")).toBe("5C03805F2D9000");
		expect(send("80CB0080025F2D02")).toBe("5F2D62F1");
		expect(send("80CB000002")).toBe("026562F1");
		expect(send("80CB000002")).toBe("6E9000");
		expect(send("80CB000002")).toBe("6985");
	});

	it("take an object in blocks, exchange it, and remove it by its tag", () => {
		expect(send("80DB009C058003112233")).toBe("9000");
		expect(send("80CB009C018000")).toBe("80031122339000");
		expect(send(`80DB0080F98181F0${"55".repeat(246)}`)).toBe("6700");
		expect(send(`80DB00800481818055`)).toBe("63F1");
		expect(send(`80DB00007F${"66".repeat(127)}`)).toBe("9000");
		expect(send("80CB0080018100").slice(0, 10)).toBe("8181805566");
		expect(send("80DB00800180")).toBe("9000");
		expect(send("80CB0080018000")).toBe("6A88");
		expect(send("80DB00800180")).toBe("6A88");
	});

	it("refuse what does not fit, blocks without a beginning, and files of other kinds", () => {
		expect(send("80DB009C0483820200")).toBe("63F1");
		for (const sw of ["63F1", "63F1"]) expect(send(`80DB0000FC${"77".repeat(252)}`)).toBe(sw);
		expect(send(`80DB000008${"77".repeat(8)}`)).toBe("6A84");
		expect(send("80DB00000177")).toBe("6985");
		expect(send("80DB00400180")).toBe("6A86");
		expect(send("80CB0087018000")).toBe("6981");
		expect(send("00B09C0000")).toBe("6981");
	});
});

describe("PINs", () => {
	it("asks for the PIN before files behind it, and counts wrong tries down to a block", () => {
		selectUsim();
		expect(send("00B0870000")).toBe("6982");
		expect(send("00200001")).toBe("63C3");
		expect(verify("0000")).toBe("63C2");
		expect(verify("1234")).toBe("9000");
		expect(send("00B0870000")).toBe("0899100700000000109000");
		expect(send("00200001")).toBe("63C3");
		for (const left of ["63C2", "63C1", "63C0", "6983"]) expect(verify("0000")).toBe(left);
		expect(verify("1234")).toBe("6983");
		expect(send("00B0870000")).toBe("6982");
	});

	it("unblocks with the PUK, which is counted as well", () => {
		selectUsim();
		for (let i = 0; i < 3; i++) verify("0000");
		const unblock = (puk: string) => send(`002C000110${Buffer.from(puk).toString("hex")}39393939FFFFFFFF`);
		expect(send("002C0001")).toBe("63CA");
		expect(unblock("00000000")).toBe("63C9");
		expect(unblock("11223344")).toBe("9000");
		expect(send("002C0001")).toBe("63CA");
		expect(send("00B0870000")).toBe("0899100700000000109000");
		expect(verify("9999")).toBe("9000");
		for (let left = 9; left >= 0; left--) expect(unblock("00000000")).toBe(`63C${left.toString(16).toUpperCase()}`);
		expect(unblock("11223344")).toBe("6983");
	});

	it("changes, disables and enables a PIN by its value", () => {
		selectUsim();
		const old = "31323334FFFFFFFF";
		const next = "38383838FFFFFFFF";
		expect(send(`0024000110${next}${old}`)).toBe("63C2");
		expect(send(`0024000110${old}${next}`)).toBe("9000");
		expect(send(`0026000108${next}`)).toBe("9000");
		expect(send(`0026000108${next}`)).toBe("6984");
		expect(verify("8888")).toBe("6984");
		const fresh = new FileSession(fs, new CardSecurity());
		send(`00A4040C07${USIM}`, fresh);
		expect(send("00B0870000", fresh)).toBe("0899100700000000109000");
		expect(send(`00A4040407${USIM}`)).toContain("900160");
		expect(send(`0028000108${next}`)).toBe("9000");
		expect(send(`00A4040407${USIM}`)).toContain("9001E0");
	});

	it("knows the second PIN inside of its application only", () => {
		expect(send("00200081")).toBe("6A88");
		selectUsim();
		expect(verify("5678", "81")).toBe("9000");
		expect(send("00200001")).toBe("63C3");
		expect(send("00200103")).toBe("6A86");
	});

	it("shares given PINs between channels, not with the next card session", () => {
		verify("1234");
		const channel = new FileSession(fs, security);
		send(`00A4040C07${USIM}`, channel);
		expect(send("00B0870000", channel)).toBe("0899100700000000109000");
		const next = new FileSession(fs, new CardSecurity());
		send(`00A4040C07${USIM}`, next);
		expect(send("00B0870000", next)).toBe("6982");
	});
});

describe("STATUS and file activation", () => {
	it("tells where the channel stands", () => {
		selectUsim();
		send("00A4000C026F07");
		expect(send("80F2000C")).toBe("9000");
		expect(send("80F2000100")).toBe("8410A0000000871002FFFFFFFF89070900009000");
		expect(send("80F2000000")).toBe(send(`00A4040407${USIM}`));
		expect(send("80F2000200")).toBe("6A86");
	});

	it("deactivates and activates files with the rights of the administrator", () => {
		selectUsim();
		verify("1234");
		send("00A4000C026F07");
		expect(send("00040000")).toBe("6982");
		expect(verify("88888888", "0A")).toBe("9000");
		expect(send("00040000")).toBe("9000");
		expect(send("00B0000000")).toBe("6984");
		expect(send("00A40004026F07")).toMatch(/8A0104.*6283$/);
		expect(send("00440000026F07")).toBe("9000");
		expect(send("00B0000000")).toBe("0899100700000000109000");
	});

	it("does not know other instructions", () => {
		expect(send("00E40000023F00")).toBe("6D00");
	});
});
