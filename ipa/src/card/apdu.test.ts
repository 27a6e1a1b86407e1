import { concatBytes, hex, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { encodeCommand, exchange, interindustryClass, proprietaryClass, storeData } from "./apdu.ts";
import { CardError } from "./errors.ts";

/** A card that answers with `responses` in turn and writes down what came. */
function scripted(...responses: Uint8Array[]) {
	const sent: string[] = [];
	const transmit = async (apdu: Uint8Array) => {
		sent.push(toHex(apdu));
		return responses.shift() ?? hex`9000`;
	};
	return { sent, transmit };
}

describe("APDUs", () => {
	it("carry the channel in the class octet: low bits up to 3, 0x40 and the distance from 4 above", () => {
		expect([0, 1, 3, 4, 19].map(interindustryClass)).toEqual([0x00, 0x01, 0x03, 0x40, 0x4f]);
		expect([0, 1, 3, 4, 19].map(proprietaryClass)).toEqual([0x80, 0x81, 0x83, 0xc0, 0xcf]);
		expect(() => interindustryClass(20)).toThrow(CardError);
	});

	it("write an Le of 256 as 00", () => {
		expect(toHex(encodeCommand({ cla: 0, ins: 0x70, p1: 0, p2: 1, le: 256 }))).toBe("0070000100");
		expect(toHex(encodeCommand({ cla: 0x80, ins: 0xe2, p1: 0x91, p2: 0, data: hex`BF55`, le: 256 }))).toBe(
			"80E2910002BF5500",
		);
	});

	it("collect an answer of more than 256 octets over 61xx, on the channel of the command", async () => {
		const first = new Uint8Array(256).fill(1);
		const second = new Uint8Array(44).fill(2);
		const card = scripted(hex`6100`, concatBytes(first, hex`612C`), concatBytes(second, hex`9000`));
		const { data, status } = await exchange(card.transmit, { cla: 0xc1, ins: 0xe2, p1: 0x91, p2: 0 }, 5);
		expect(toHex(data)).toBe(toHex(concatBytes(first, second)));
		expect(status).toBe(0x9000);
		expect(card.sent.slice(1)).toEqual(["41C0000000", "41C000002C"]);
	});

	it("repeat a command with the Le that 6Cxx names, also for GET RESPONSE", async () => {
		const card = scripted(hex`6C02`, hex`AABB 6103`, hex`6C03`, hex`010203 9110`);
		const answer = await exchange(card.transmit, { cla: 0, ins: 0xb0, p1: 0, p2: 0, le: 256 }, 0);
		expect(card.sent).toEqual(["00B0000000", "00B0000002", "00C0000003", "00C0000003"]);
		expect(toHex(answer.data)).toBe("AABB010203");
		expect(answer.status).toBe(0x9110);
	});

	it("take data that come directly with 9000", async () => {
		const card = scripted(hex`BF3E125A1089049032123451234512345678901235 9000`);
		const { data } = await exchange(card.transmit, { cla: 0x81, ins: 0xe2, p1: 0x91, p2: 0 }, 1);
		expect(data).toHaveLength(21);
		expect(card.sent).toHaveLength(1);
	});

	it("end a card that announces data for ever without giving any", async () => {
		const card = { transmit: async () => hex`6110` };
		await expect(exchange(card.transmit, { cla: 0, ins: 0xc0, p1: 0, p2: 0 }, 0)).rejects.toMatchObject({
			code: "CARD_RESPONSE_INVALID",
		});
	});

	it("need a status", async () => {
		const card = scripted(hex`90`);
		await expect(exchange(card.transmit, { cla: 0, ins: 0, p1: 0, p2: 0 }, 0)).rejects.toThrow("has no status");
	});
});

describe("STORE DATA", () => {
	it("counts blocks in P2 and marks the last in P1", async () => {
		const card = scripted();
		await storeData(card.transmit, new Uint8Array(25).fill(7), { channel: 1, blockSize: 10 });
		expect(card.sent).toEqual([
			`81E211000A${"07".repeat(10)}`,
			`81E211010A${"07".repeat(10)}`,
			`81E2910205${"07".repeat(5)}`,
		]);
	});

	it("sends a command of exactly one block size in one block", async () => {
		const card = scripted();
		await storeData(card.transmit, new Uint8Array(10), { channel: 4, blockSize: 10, withLe: true });
		expect(card.sent).toEqual([`C0E291000A${"00".repeat(10)}00`]);
	});

	it("goes up to 256 blocks and refuses more before it sends anything", async () => {
		const card = scripted();
		await storeData(card.transmit, new Uint8Array(256 * 16), { channel: 1, blockSize: 16 });
		expect(card.sent).toHaveLength(256);
		expect(card.sent.at(-1)).toMatch(/^81E291FF10/);
		const none = scripted();
		await expect(
			storeData(none.transmit, new Uint8Array(256 * 16 + 1), { channel: 1, blockSize: 16 }),
		).rejects.toMatchObject({ code: "CARD_COMMAND_TOO_LONG" });
		expect(none.sent).toHaveLength(0);
	});

	it("stops at a block that the card refuses and names it", async () => {
		const card = scripted(hex`9000`, hex`6A80`);
		await expect(storeData(card.transmit, new Uint8Array(30), { channel: 1, blockSize: 10 })).rejects.toThrow(
			"block 2 of 3 of command 0000 with 6A80",
		);
		expect(card.sent).toHaveLength(2);
	});
});
