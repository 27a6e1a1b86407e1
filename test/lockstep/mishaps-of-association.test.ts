/**
 * What may go wrong while a card gets its first eIM (3.5.2): the one who sets the device up speaks to the card alone, and
 * nobody signs anything. Each place between two APDUs is tried.
 */

import { addInitialEimRequest } from "@iot-esim/eim/esipa/eim-configuration";
import { inProcessDriver } from "@iot-esim/ipa/card/drivers/in-process";
import { Es10Commands } from "@iot-esim/ipa/card/es10-commands";
import { IsdRChannel } from "@iot-esim/ipa/card/isd-r-channel";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { describe, expect, it, onTestFinished } from "vitest";
import { EIM_ID } from "../support/esipa-bench.ts";
import { wholeChain } from "../support/whole-chain.ts";

type Fault = "the card is removed before APDU" | "the power is cut after APDU" | "the answer is lost of APDU";

/** The form comes in with the first poll alone. */
const FORMS = [
	["asn1", "P-256"],
	["json", "brainpoolP256r1"],
] as const;

describe.each(FORMS)("3.5.2 Add Initial eIM, over %s on %s", (binding, curve) => {
	async function tryAt(fault: Fault, moment: number): Promise<boolean> {
		const chain = await wholeChain({ binding, curve, isAssociated: false });
		onTestFinished(chain.close);
		const { device, eim, eid } = chain;
		const request = addInitialEimRequest({ eimId: EIM_ID, eimFqdn: EIM_ID }, eim.deps.signer);
		let apdus = 0;
		const associate = async () => {
			const driver = inProcessDriver({
				reset: () => device.card.powerOn(),
				transmit: async (apdu) => {
					const isIt = apdus++ === moment;
					if (isIt && fault === "the card is removed before APDU") throw new Error("the card was removed");
					const answer = await device.card.transmit(apdu);
					if (isIt) throw new Error("no answer");
					return answer;
				},
			});
			const channel = new IsdRChannel(driver, { proactive: "agent", logger: memoryLogger().logger("test.card") });
			const answer = await new Es10Commands(channel).addInitialEim(request);
			await channel.close();
			return answer;
		};
		await associate().catch(() => undefined);
		if (apdus <= moment) return false;
		if (fault === "the power is cut after APDU") await device.card.powerOff();
		const second = await associate();
		// The card has it, from now or from before: nobody else can be added any more.
		if (!("addInitialEimOk" in second)) expect(second).toMatchObject({ addInitialEimError: expect.any(Number) });
		expect(await associate()).toMatchObject({ addInitialEimError: expect.any(Number) });
		const list = await eim.order(eid, { type: "listProfiles", parameters: {} });
		await chain.round();
		expect(await eim.state(list)).toBe("succeeded");
		return true;
	}

	it.each(["the card is removed before APDU", "the power is cut after APDU", "the answer is lost of APDU"] as const)(
		"%s n, for every n: asked again, the card belongs to the eIM",
		async (fault) => {
			let moment = 0;
			while (await tryAt(fault, moment)) moment++;
			expect(moment).toBeGreaterThan(2);
		},
	);
});
