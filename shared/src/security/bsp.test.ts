import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { concatBytes, fromHex, hex, toHex } from "../util/bytes.ts";
import {
	BspSession,
	deriveBspKeys,
	MAX_ENCRYPTED_PLAINTEXT_LENGTH,
	MAX_MAC_ONLY_LENGTH,
	MAX_PROTECTED_TLV_LENGTH,
} from "./bsp.ts";

interface Block {
	readonly tag: string;
	readonly plaintext: string;
	readonly protected: string;
}
interface Blocks {
	readonly senc: string;
	readonly smac: string;
	readonly initialMcv: string;
	readonly blocks: readonly Block[];
}

const vectors = JSON.parse(readFileSync(new URL("../../../test/vectors/pysim/bsp.json", import.meta.url), "utf8")) as {
	readonly kdf: readonly Record<"sharedSecret" | "hostId" | "eid" | "senc" | "smac" | "initialMcv", string>[];
	readonly sessionBlocks: Blocks;
	readonly replacedBlocks: Blocks;
};

const keysOf = ({ senc, smac, initialMcv }: Omit<Blocks, "blocks">) => ({
	senc: fromHex(senc),
	smac: fromHex(smac),
	initialMcv: fromHex(initialMcv),
});

describe("BSP against the vectors of pySim", () => {
	it.each(vectors.kdf)("derives the keys of shared secret $sharedSecret", (vector) => {
		const keys = deriveBspKeys({
			sharedSecret: fromHex(vector.sharedSecret),
			hostId: fromHex(vector.hostId),
			eid: fromHex(vector.eid),
		});
		expect(keys).toEqual(keysOf(vector));
	});

	it.each([
		["session keys", vectors.sessionBlocks],
		["replaced keys", vectors.replacedBlocks],
	])("protects and opens the blocks of a third party's SM-DP+ with %s", (_, { blocks, ...keys }) => {
		const sender = new BspSession(keysOf(keys));
		const receiver = new BspSession(keysOf(keys));
		for (const block of blocks) {
			const tag = Number.parseInt(block.tag, 16);
			const plaintext = fromHex(block.plaintext);
			const isMacOnly = tag === 0x88;
			const made = isMacOnly ? sender.mac(tag, plaintext) : sender.encrypt(tag, plaintext);
			expect(toHex(made).toLowerCase()).toBe(block.protected);
			const opened = isMacOnly ? receiver.verify(tag, made) : receiver.decrypt(tag, made);
			expect(toHex(opened)).toBe(toHex(plaintext));
		}
	});
});

describe("BSP session", () => {
	const keys = { senc: new Uint8Array(16).fill(1), smac: new Uint8Array(16).fill(2), initialMcv: new Uint8Array(16) };

	it("fills protected TLVs of at most 1020 octets", () => {
		const session = new BspSession(keys);
		const largest = session.encrypt(0x86, new Uint8Array(MAX_ENCRYPTED_PLAINTEXT_LENGTH));
		expect(MAX_ENCRYPTED_PLAINTEXT_LENGTH).toBe(1007);
		expect(largest.length).toBe(MAX_PROTECTED_TLV_LENGTH);
		expect(session.encrypt(0x86, new Uint8Array(1008)).length).toBeGreaterThan(MAX_PROTECTED_TLV_LENGTH);
		expect(session.mac(0x88, new Uint8Array(MAX_MAC_ONLY_LENGTH)).length).toBe(MAX_PROTECTED_TLV_LENGTH);
	});

	it("opens blocks of every length", () => {
		const sender = new BspSession(keys);
		const receiver = new BspSession(keys);
		for (let length = 0; length < 40; length++) {
			const plaintext = new Uint8Array(length).fill(length);
			expect(receiver.decrypt(0x86, sender.encrypt(0x86, plaintext))).toEqual(plaintext);
		}
	});

	it("refuses a block out of its order", () => {
		const sender = new BspSession(keys);
		const receiver = new BspSession(keys);
		sender.encrypt(0x86, hex`01`);
		const second = sender.encrypt(0x86, hex`02`);
		expect(() => receiver.decrypt(0x86, second)).toThrow(expect.objectContaining({ code: "SECURITY_BSP_MAC" }));
	});

	it("refuses a block of which any octet was changed", () => {
		const made = new BspSession(keys).encrypt(0x86, hex`010203`);
		for (let i = 0; i < made.length; i++) {
			const changed = made.with(i, (made[i] as number) ^ 0x01);
			const refused = expect.objectContaining({ code: expect.stringMatching(/^SECURITY_BSP_(MAC|STRUCTURE)$/) });
			expect(() => new BspSession(keys).decrypt(0x86, changed)).toThrow(refused);
		}
	});

	it("refuses what is no block", () => {
		const structure = expect.objectContaining({ code: "SECURITY_BSP_STRUCTURE" });
		const session = () => new BspSession(keys);
		expect(() => session().decrypt(0x86, new Uint8Array(0))).toThrow(structure);
		expect(() => session().decrypt(0x86, hex`8603010203`)).toThrow(structure);
		expect(() => session().decrypt(0x86, concatBytes(session().encrypt(0x86, hex`01`), hex`00`))).toThrow(structure);
		expect(() => session().decrypt(0x86, session().encrypt(0x87, hex`01`))).toThrow(structure);
		expect(() => session().decrypt(0x86, session().mac(0x86, hex`010203`))).toThrow(structure);
	});

	it("refuses a block whose padding is missing", () => {
		const sender = new BspSession(keys);
		const unpadded = new BspSession(keys);
		const whole = sender.encrypt(0x86, new Uint8Array(16));
		const withoutPadding = unpadded.mac(0x86, whole.subarray(2, 18));
		expect(() => new BspSession(keys).decrypt(0x86, withoutPadding)).toThrow(
			expect.objectContaining({ code: "SECURITY_BSP_PADDING" }),
		);
	});
});
