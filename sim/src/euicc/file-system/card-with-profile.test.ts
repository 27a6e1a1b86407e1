import { existsSync, readdirSync, readFileSync } from "node:fs";
import { generateVector, resynchronise } from "@iot-esim/shared/crypto/aka/authentication";
import { profileAlgorithm } from "@iot-esim/shared/crypto/aka/profile-algorithm";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { parseProfilePackage } from "@iot-esim/shared/profile/profile-package";
import { subscriberOf } from "@iot-esim/shared/profile/subscriber";
import { concatBytes, hex, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { CardBench } from "../testing/card-bench.ts";
import { profileFileSystems } from "./profile-file-systems.ts";

const rand = hex`000102030405060708090A0B0C0D0E0F`;

/** A whole card with this profile enabled, powered on. */
async function cardWith(unprotectedProfilePackage: Uint8Array): Promise<CardBench> {
	const bench = new CardBench({
		fileSystems: profileFileSystems(),
		profiles: [{ unprotectedProfilePackage, isEnabled: true }],
	});
	await bench.card.powerOn();
	return bench;
}

/** Sends a command, fetches what 61xx announces; the class octet says the channel. */
async function exchange(bench: CardBench, apdu: string): Promise<string> {
	const first = await bench.send(apdu);
	if (!/^61..$/.test(first)) return first;
	return bench.send(`${apdu.slice(0, 2)}C00000${first.slice(2)}`);
}

/** SELECT of the USIM on a channel and AUTHENTICATE with a challenge of the home network. */
async function authenticate(bench: CardBench, upp: Uint8Array, sqn: number, channel = "00"): Promise<string> {
	const algorithm = profileAlgorithm(subscriberOf(parseProfilePackage(upp)));
	const { autn } = generateVector({ algorithm, rand, sqn, amf: hex`8000` });
	await exchange(bench, `${channel}A4040407A0000000871002`);
	return exchange(bench, `${channel}88008122${toHex(concatBytes(hex`10`, rand, hex`10`, autn))}00`);
}

const algorithms: [string, Record<string, unknown>][] = [
	["Milenage", { opc: "CD63CB71954A9F4E48A5994E37A02BAF" }],
	["TUAK", { algorithm: "tuak", opc: "07".repeat(32) }],
];

describe.each(algorithms)("a card with a profile of %s", (_, more) => {
	const upp = buildProfilePackage({
		iccid: "89882190000000000017",
		imsi: "901700000000001",
		ki: "465B5CE8B199B49FAA5F0A2EE238A6BC",
		...more,
	});

	it("authenticates, and after a power cut takes no challenge twice", async () => {
		const bench = await cardWith(upp);
		expect(await authenticate(bench, upp, 32 * 7)).toMatch(/^DB.*9000$/);
		bench.reopen();
		await bench.card.powerOn();
		const repeated = await authenticate(bench, upp, 32 * 7);
		expect(repeated).toMatch(/^DC0E.*9000$/);
		const auts = Uint8Array.from(Buffer.from(repeated.slice(4, 32), "hex"));
		const algorithm = profileAlgorithm(subscriberOf(parseProfilePackage(upp)));
		expect(resynchronise({ algorithm, rand, auts })).toBe(32 * 7);
		expect(await authenticate(bench, upp, 32 * 8)).toMatch(/^DB/);
		expect(bench.errors).toEqual([]);
	});

	it("keeps a file that was written over a power cut", async () => {
		const bench = await cardWith(upp);
		await exchange(bench, "00A4040407A0000000871002");
		expect(await bench.send("00D68B000411223344")).toBe("9000");
		bench.reopen();
		await bench.card.powerOn();
		await exchange(bench, "00A4040407A0000000871002");
		expect(await exchange(bench, "00B08B0004")).toBe("112233449000");
	});
});

const samples = new URL("../../../../../shared/data/upp/", import.meta.url);
const files = existsSync(samples) ? readdirSync(samples).filter((name) => name.endsWith(".der")) : [];
if (files.length === 0) console.log(`no GSMA TS.48 packages at ${samples.pathname}: no card has them in this run`);

describe.runIf(files.length > 0)("a card with a GSMA TS.48 profile", () => {
	it.each(files)("%s shows its IMSI and authenticates on two channels", async (name) => {
		const upp = new Uint8Array(readFileSync(new URL(name, samples)));
		const bench = await cardWith(upp);
		await exchange(bench, "00A4040407A0000000871002");
		expect(await exchange(bench, "00B0870009")).toBe("0809101010325406369000");
		const answer = await authenticate(bench, upp, 32);
		// RES of 16 octets is K ⊕ RAND, which is zero here
		expect(answer.slice(0, 36)).toBe(`DB10${"00".repeat(16)}`);
		expect(await exchange(bench, "0070000001")).toBe("019000");
		expect(await authenticate(bench, upp, 32, "01")).toBe(answer);
		expect(bench.errors).toEqual([]);
	});
});
