import { Iccid } from "@iot-esim/shared/ids/iccid";
import { afterEach, describe, expect, it, onTestFailed } from "vitest";
import { shows } from "../conformance/claim.ts";
import { ipaeBench, TARGET, TARGET_PLMN } from "./ipae-bench.ts";

let closing: (() => Promise<void>)[] = [];
afterEach(async () => {
	for (const close of closing) await close();
	closing = [];
});

async function start(...args: Parameters<typeof ipaeBench>) {
	const device = await ipaeBench(...args);
	closing.push(() => device.close());
	onTestFailed(() => console.log(device.log(), device.types()));
	return device;
}

const target = Iccid(TARGET);

describe("a card with an IPAe in a modem, and no IPA outside of it", () => {
	it.for(["P-256", "brainpoolP256r1"] as const)(
		"polls, downloads indirectly, enables with rollback granted and delivers the result over BIP, on %s",
		{ timeout: 60_000 },
		async (curve, context) => {
			const { eid, eim, device, until, insert, activate, orderDownload, types } = await start({ curve });
			expect(await activate()).toBe("BF4203800100");
			const download = await orderDownload();
			const enable = await eim.order(eid, { type: "enable", parameters: { iccid: target, rollback: true } });
			await insert();
			await until(async () => (await eim.state(download)) === "succeeded");
			await until(async () => (await eim.state(enable)) === "succeeded");
			expect(device.status()).toMatchObject({ attached: true, iccid: TARGET, plmn: TARGET_PLMN });
			expect(types()).toEqual(expect.arrayContaining(["channel-opened", "channel-closed", "refreshed"]));
			expect(device.openIpaSession().openChannels).toEqual([]);
			const functions = ["activation", "poll and package", "indirect download"];
			shows(context, { interface: "IPAe", functions, curve });
		},
	);
});
