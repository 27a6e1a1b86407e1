import { generateVector, resynchronise } from "@iot-esim/shared/crypto/aka/authentication";
import { profileAlgorithm } from "@iot-esim/shared/crypto/aka/profile-algorithm";
import { nextSqn } from "@iot-esim/shared/crypto/aka/sequence";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import {
	contentsOf,
	type ProfilePackage,
	packageElement,
	parseProfilePackage,
} from "@iot-esim/shared/profile/profile-package";
import { subscriberOf } from "@iot-esim/shared/profile/subscriber";
import { concatBytes, hex, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { CardSecurity, FileSession } from "../file-system/file-session.ts";
import type { FileSystem } from "../file-system/file-system.ts";
import { installFileSystem } from "../file-system/install-file-system.ts";
import { kcOf, sresOf } from "./authenticate.ts";

const base = { iccid: "89882190000000000017", imsi: "901700000000001", ki: "465B5CE8B199B49FAA5F0A2EE238A6BC" };
const rand = hex`23553CBE9637A89D218AE64DAE47BF35`;
const amf = hex`8000`;

function installed(profile: ProfilePackage): FileSystem {
	const outcome = installFileSystem(profile);
	if ("failure" in outcome) throw new Error(outcome.failure.message);
	return outcome.fileSystem;
}

/** A card with the profile, its USIM selected, and the home network's view of the same profile. */
function scene(description: Record<string, unknown>, change: (profile: ProfilePackage) => ProfilePackage = (p) => p) {
	const profile = change(parseProfilePackage(buildProfilePackage({ ...base, ...description })));
	const fs = installed(profile);
	const session = new FileSession(fs, new CardSecurity());
	session.execute({ cla: 0, ins: 0xa4, p1: 4, p2: 0x0c, data: hex`A0000000871002` });
	const algorithm = profileAlgorithm(subscriberOf(profile));
	const challenge = (sqn: number, field = amf) => generateVector({ algorithm, rand, sqn, amf: field });
	const send = (autn: Uint8Array, p2 = 0x81) => {
		const data = concatBytes(hex`10`, rand, hex`10`, autn);
		return session.execute({ cla: 0, ins: 0x88, p1: 0, p2, data, le: 256 });
	};
	return { fs, session, algorithm, challenge, send };
}

const algorithms: [string, Record<string, unknown>, number][] = [
	["Milenage", { op: "CDC202D5123E20F62B6D676AC72CB318" }, 8],
	["TUAK with a key of 128 bits", { algorithm: "tuak", opc: "07".repeat(32), resLength: 16 }, 16],
	[
		"TUAK with a key of 256 bits",
		{ algorithm: "tuak", ki: "5A".repeat(32), op: "07".repeat(32), keccakIterations: 2 },
		8,
	],
	["the test algorithm", { algorithm: "usim-test" }, 16],
];

describe.each(algorithms)("AUTHENTICATE with %s", (_, description, resLength) => {
	it("answers a challenge of the home network with RES, CK and IK", () => {
		const { challenge, send } = scene(description);
		const vector = challenge(32);
		expect(vector.xres).toHaveLength(resLength);
		const expected = concatBytes(
			hex`DB`,
			Uint8Array.of(resLength),
			vector.xres,
			hex`10`,
			vector.ck,
			hex`10`,
			vector.ik,
		);
		const answer = send(vector.autn);
		expect(answer.sw).toBe(0x9000);
		expect(toHex(answer.data)).toBe(toHex(expected));
	});

	it("answers 9862 when MAC is wrong, and stores nothing", () => {
		const { challenge, send } = scene(description);
		const autn = challenge(32).autn.map((octet, i) => (i === 15 ? octet ^ 1 : octet));
		expect(send(autn)).toMatchObject({ sw: 0x9862, changed: false });
	});

	it("answers an AUTS by which the home network finds its way again", () => {
		const { challenge, send, algorithm } = scene(description);
		const isTest = algorithm.name === "usim-test";
		const sqn = 32 * 5 + 3;
		if (!isTest) expect(send(challenge(sqn).autn)).toMatchObject({ sw: 0x9000, changed: true });
		const repeated = send(challenge(sqn, isTest ? hex`FFFF` : amf).autn);
		expect(repeated).toMatchObject({ sw: 0x9000, changed: false });
		expect(toHex(repeated.data.subarray(0, 2))).toBe("DC0E");
		const sqnMs = resynchronise({ algorithm, rand, auts: repeated.data.subarray(2) });
		expect(sqnMs).toBe(sqn);
		expect(send(challenge(nextSqn(sqnMs)).autn).data[0]).toBe(0xdb);
	});
});

describe("AUTHENTICATE", () => {
	const milenage = { op: "CDC202D5123E20F62B6D676AC72CB318" };

	it("asks for the PIN of the application", () => {
		const { session, challenge, send } = scene({ ...milenage, pinEnabled: true });
		const { autn } = challenge(32);
		expect(send(autn).sw).toBe(0x6982);
		session.execute({ cla: 0, ins: 0x20, p1: 0, p2: 1, data: hex`30303030FFFFFFFF` });
		expect(send(autn).sw).toBe(0x9000);
	});

	it("works inside of the application only", () => {
		const { session, challenge, send } = scene(milenage);
		session.execute({ cla: 0, ins: 0xa4, p1: 0, p2: 0x0c, data: hex`3F00` });
		expect(send(challenge(32).autn).sw).toBe(0x6985);
	});

	it("refuses other contexts and other lengths", () => {
		const { session, challenge, send } = scene(milenage);
		expect(send(challenge(32).autn, 0x84).sw).toBe(0x6a86);
		expect(session.execute({ cla: 0, ins: 0x88, p1: 0, p2: 0x81, data: concatBytes(hex`10`, rand) }).sw).toBe(0x6700);
		expect(session.execute({ cla: 0, ins: 0x88, p1: 1, p2: 0x81, data: hex`` }).sw).toBe(0x6a86);
	});

	it("keeps sequence numbers in the file system, so that a challenge is not taken twice after a power cut", () => {
		const { fs, challenge, send } = scene(milenage);
		const { autn } = challenge(64);
		expect(send(autn)).toMatchObject({ sw: 0x9000, changed: true, changes: [{ part: "authentication" }] });
		const kept = JSON.parse(JSON.stringify(fs.authentication.keys[0]?.sequenceNumbers));
		expect(kept[0]).toBe(2);
		const session = new FileSession(fs, new CardSecurity());
		session.execute({ cla: 0, ins: 0xa4, p1: 4, p2: 0x0c, data: hex`A0000000871002` });
		const data = concatBytes(hex`10`, rand, hex`10`, autn);
		expect(session.execute({ cla: 0, ins: 0x88, p1: 0, p2: 0x81, data }).data[0]).toBe(0xdc);
	});

	/** The package with services 27 and 38 in EF.UST and a limit of authentications. */
	const withServices = (profile: ProfilePackage): ProfilePackage => ({
		elements: profile.elements.map((element) => {
			const usim = contentsOf(element, "usim");
			const aka = contentsOf(element, "akaParameter");
			if (usim) {
				const table = [{ fileDescriptor: { efFileSize: hex`05` } }, { fillFileContent: hex`0000000420` }];
				return packageElement({ usim: { ...usim, "ef-ust": table } });
			}
			if (aka && "algoParameter" in aka.algoConfiguration) {
				const algoParameter = { ...aka.algoConfiguration.algoParameter, authCounterMax: hex`000002` };
				return packageElement({ akaParameter: { ...aka, algoConfiguration: { algoParameter } } });
			}
			return element;
		}),
	});

	it("gives Kc beside the keys and the GSM context when EF.UST offers them", () => {
		const { session, challenge, send } = scene(milenage, withServices);
		const vector = challenge(32);
		const kc = kcOf(vector.ck, vector.ik);
		expect(toHex(send(vector.autn).data).endsWith(`08${toHex(kc)}`)).toBe(true);
		const gsm = session.execute({ cla: 0, ins: 0x88, p1: 0, p2: 0x80, data: concatBytes(hex`10`, rand) });
		expect(toHex(gsm.data)).toBe(`04${toHex(sresOf(vector.xres))}08${toHex(kc)}`);
	});

	it("stops when the profile's limit of authentications is used up", () => {
		const { challenge, send } = scene(milenage, withServices);
		expect(send(challenge(32).autn).sw).toBe(0x9000);
		expect(send(challenge(64).autn).sw).toBe(0x9000);
		expect(send(challenge(96).autn)).toMatchObject({ sw: 0x6985, changed: false });
	});

	it("answers 9864 to the GSM context without service 38", () => {
		const { session } = scene(milenage);
		const data = concatBytes(hex`10`, rand);
		expect(session.execute({ cla: 0, ins: 0x88, p1: 0, p2: 0x80, data }).sw).toBe(0x9864);
	});

	it("derives SRES and Kc as 3GPP TS 35.207 does for test set 1", () => {
		// f2, f3 and f4 of 3GPP TS 35.207 section 6.3; SRES and Kc of 3GPP TS 55.205 section 6, test set 1 (same inputs)
		const ck = hex`B40BA9A3C58B2A05BBF0D987B21BF8CB`;
		const ik = hex`F769BCD751044604127672711C6D3441`;
		expect(toHex(kcOf(ck, ik))).toBe("EAE4BE823AF9A08B");
		expect(toHex(sresOf(hex`A54211D5E3BA50BF`))).toBe("46F8416A");
	});
});
