import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { ScriptedCard } from "../../../test/procedures/ipa-scripted-card.ts";
import { inProcessDriver } from "./drivers/in-process.ts";
import { IsdRChannel, type IsdRChannelOptions } from "./isd-r-channel.ts";

const GET_EID = hex`BF3E035C015A`;

function channelOver(
	answer: (apdu: string) => Uint8Array | undefined,
	options: Partial<IsdRChannelOptions> = {},
	resets: string[] = [],
) {
	const apdus: string[] = [];
	const driver = inProcessDriver({
		reset: async () => {
			resets.push("reset");
			return hex`3B00`;
		},
		transmit: async (apdu) => {
			apdus.push(toHex(apdu));
			return answer(toHex(apdu)) ?? hex`9000`;
		},
	});
	return { apdus, channel: new IsdRChannel(driver, { ...options, logger: silentLogger("test") }) };
}

describe("the channel to the ISD-R", () => {
	it("takes the channel that the card gives when the wanted one is taken", async () => {
		const { apdus, channel } = channelOver((apdu) => {
			if (apdu === "0070000100") return hex`6A81`;
			if (apdu === "0070000001") return hex`05 9000`;
			return undefined;
		});
		await channel.call(GET_EID, true);
		expect(apdus.slice(1)).toEqual([
			"0070000100",
			"0070000001",
			"41A4040410A0000005591010FFFFFFFF8900000100",
			"C1E2910006BF3E035C015A",
		]);
	});

	it("selects another AID when told so, and falls back to the ISO form of SELECT", async () => {
		const { apdus, channel } = channelOver((apdu) => (apdu.startsWith("02A40404") ? hex`6A86` : undefined), {
			isdrAid: "A0000005591010000000008900000100",
			channel: 2,
		});
		await channel.open();
		expect(apdus.slice(2)).toEqual([
			"02A4040410A0000005591010000000008900000100",
			"02A4040010A0000005591010000000008900000100",
		]);
	});

	it("closes the channel again and says so when there is no ISD-R", async () => {
		const { apdus, channel } = channelOver((apdu) => (/^01A4/.test(apdu) ? hex`6A82` : undefined));
		await expect(channel.open()).rejects.toMatchObject({ code: "CARD_NOT_EUICC", status: 0x6a82 });
		expect(apdus.at(-1)).toBe("0070800100");
	});

	it("goes on when the card does not know TERMINAL CAPABILITY", async () => {
		const { channel } = channelOver((apdu) => (apdu.startsWith("80AA") ? hex`6E00` : undefined));
		await expect(channel.open()).resolves.toBeUndefined();
	});

	it("opens again once for a command that may be repeated, and never for one that may not", async () => {
		let isGone = false;
		const gone = (apdu: string) => (isGone && apdu.startsWith("81E2") ? hex`6881` : undefined);
		const { apdus, channel } = channelOver((apdu) => {
			if (apdu.startsWith("80AA")) isGone = false;
			return gone(apdu);
		});
		await channel.call(GET_EID, true);
		isGone = true;
		await channel.call(GET_EID, true);
		expect(apdus.filter((apdu) => apdu.startsWith("80AA"))).toHaveLength(2);
		isGone = true;
		await expect(channel.call(hex`BF5100`, false)).rejects.toMatchObject({ code: "CARD_STATUS", status: 0x6881 });
		expect(apdus.filter((apdu) => apdu.includes("BF5100"))).toHaveLength(1);
	});

	it("on a bare card serves the proactive command, then resets the card", async () => {
		const resets: string[] = [];
		let isWaiting = false;
		const { apdus, channel } = channelOver(
			(apdu) => {
				if (apdu.includes("BF5100")) {
					isWaiting = true;
					return hex`910B`;
				}
				if (apdu.startsWith("80F2")) return isWaiting ? hex`910B` : hex`9000`;
				if (apdu === "801200000B") return hex`D009 8103010104 82028182 9000`;
				if (apdu.startsWith("8014")) isWaiting = false;
				return undefined;
			},
			{ proactive: "agent" },
			resets,
		);
		await channel.call(hex`BF5100`, false);
		expect(channel.proactivePending).toBe(true);
		await channel.reopen();
		expect(apdus).toContain("801400000C810301010482028281830100");
		expect(resets).toHaveLength(3);
		expect(apdus.at(-1)).toMatch(/^01A4/);
		expect(channel.proactivePending).toBe(false);
	});

	it("resets a bare card before its first command, since another agent may have left it waiting", async () => {
		const resets: string[] = [];
		const { channel } = channelOver(() => undefined, { proactive: "agent" }, resets);
		await channel.call(GET_EID, true);
		await channel.call(GET_EID, true);
		expect(resets).toEqual(["reset", "reset"]);
	});

	it("behind a modem never resets the card, and closes its own channel", async () => {
		const card = new ScriptedCard();
		const channel = new IsdRChannel(inProcessDriver(card), { proactive: "modem", logger: silentLogger("test") });
		await channel.call(GET_EID, true);
		const { resets } = card;
		await channel.reopen();
		await channel.call(GET_EID, true);
		expect(card.resets).toBe(resets);
		expect(card.apdus.filter((apdu) => apdu === "0070800100")).toHaveLength(1);
		expect(card.apdus.filter((apdu) => apdu === "0070000001")).toHaveLength(0);
	});

	it("closes the channel and lets go of the card", async () => {
		const { apdus, channel } = channelOver(() => undefined);
		await channel.open();
		await channel.close();
		expect(apdus.at(-1)).toBe("0070800100");
	});
});
