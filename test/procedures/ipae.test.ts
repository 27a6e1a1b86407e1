import { Iccid } from "@iot-esim/shared/ids/iccid";
import { Hours, Minutes } from "@iot-esim/shared/util/duration";
import { CardBench } from "@iot-esim/sim/euicc/testing/card-bench";
import { afterEach, describe, expect, it, onTestFailed } from "vitest";
import { shows } from "../conformance/claim.ts";
import { CURVES } from "../support/esipa-face-client.ts";
import { BOOTSTRAP, ipaeBench, TARGET, TARGET_PLMN } from "./ipae-bench.ts";

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

/** IpaeActivation with the option set, and without. */
const ACTIVATE = "BF420480020780";
const DEACTIVATE = "BF4203800100";

const target = Iccid(TARGET);

describe("a card with an IPAe in a modem, and no IPA outside of it", () => {
	it.for(CURVES)(
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

	it.for(CURVES)("downloads from the SM-DP+ itself, trusting the CIs of the card, on %s", async (curve, context) => {
		// Its eIM offers no other way.
		const { eid, eim, line, until, insert, activate, orderDownload, events } = await start({ curve, isDirect: true });
		await activate();
		const download = await orderDownload();
		await insert();
		await until(async () => (await eim.state(download)) === "succeeded");
		expect(line.paths).toEqual([]);
		expect(events.since()).toContainEqual(expect.objectContaining({ destination: "smdp.example.com:443" }));
		const list = await eim.order(eid, { type: "listProfiles", parameters: {} });
		await until(async () => (await eim.state(list)) === "succeeded");
		expect(await eim.store.listProfiles(eid)).toContainEqual(expect.objectContaining({ iccid: target }));
		shows(context, { interface: "IPAe", functions: ["direct download"], curve });
	});

	it.for(CURVES)(
		"rolls back when the new profile finds no network, and reports over the old one, on %s",
		async (curve, context) => {
			const { eid, eim, device, network, until, insert, activate, orderDownload, types } = await start({ curve });
			network.addCoverageRule({ plmn: TARGET_PLMN, place: "*", covered: false });
			await activate();
			const download = await orderDownload();
			await insert();
			await until(async () => (await eim.state(download)) === "succeeded");
			const enable = await eim.order(eid, { type: "enable", parameters: { iccid: target, rollback: true } });
			await until(async () => (await eim.state(enable)) === "rolled-back");
			expect(device.status()).toMatchObject({ attached: true, iccid: BOOTSTRAP });
			expect(types().filter((type) => type === "refreshed")).toHaveLength(2);
			expect(types()).toContain("no-coverage");
			shows(context, { interface: "IPAe", functions: ["rollback"], curve });
		},
	);

	it("has no channel without a network, and goes on when there is one again", async () => {
		const { eid, eim, device, network, until, insert, activate, events, log } = await start();
		await activate();
		network.addCoverageRule({ plmn: "*", place: "cellar", covered: false });
		await insert();
		await until(() => events.since().some(({ type }) => type === "channel-closed"));
		device.moveTo("cellar");
		const list = await eim.order(eid, { type: "listProfiles", parameters: {} });
		const before = events.since().at(-1)?.id;
		await until(() => log().includes("no service"));
		expect(events.since(before).some(({ type }) => type === "channel-opened")).toBe(false);
		expect(await eim.state(list)).not.toBe("succeeded");
		device.moveTo("home");
		await until(async () => (await eim.state(list)) === "succeeded");
	});

	it.each([
		["by the timers of its terminal, to the second, without a single STATUS", true],
		["by the STATUS that it asks for, where the terminal has no timers", false],
	])("polls %s", async (_, hasTimers) => {
		const statusInterval = Hours(24);
		const { eid, eim, until, insert, activate, card, clock, events } = await start({ hasTimers, statusInterval });
		await activate();
		await insert();
		const list = await eim.order(eid, { type: "listProfiles", parameters: {} });
		await until(async () => (await eim.state(list)) === "succeeded");
		const end = clock.now() + Minutes(10);
		await until(() => clock.now() >= end);
		const count = (instruction: number, data?: number) =>
			card.sent.filter((one) => one.instruction === instruction && (data === undefined || one.data === data)).length;
		const polls = events.since().filter(({ type }) => type === "channel-opened").length;
		expect(polls).toBeGreaterThan(8);
		expect(count(0xf2) === 0).toBe(hasTimers);
		expect(count(0xc2, 0xd7) > 0).toBe(hasTimers);
	});

	it("goes on with a download in which its device was switched off at any moment", async () => {
		const scene = await start();
		const { eim, device, until, insert, activate, orderDownload } = scene;
		await activate();
		const download = await orderDownload();
		await insert();
		for (const apdus of [40, 90, 160, 260]) {
			const end = scene.card.apdus + apdus;
			await until(() => scene.card.apdus >= end);
			await device.setPower(false);
			await device.setPower(true);
		}
		await until(async () => (await eim.state(download)) === "succeeded");
		expect(await eim.store.listProfiles(scene.eid)).toContainEqual(expect.objectContaining({ iccid: target }));
	});

	it("is switched off and on by IpaeActivation (BF42) while it runs; ipaMode and the FCI of ISD-R tell", async () => {
		const { until, insert, activate, ask, clock, types } = await start();
		await activate();
		await insert();
		const opened = () => types().filter((type) => type === "channel-opened").length;
		await until(() => opened() > 0);
		expect(await ask("BF2200")).toContain("900101");
		expect(await ask(DEACTIVATE)).toBe("BF4203800100");
		expect(await ask("BF2200")).toContain("900100");
		const before = opened();
		const later = clock.now() + Minutes(5);
		await until(() => clock.now() >= later);
		expect(opened()).toBe(before);
		expect(await ask(ACTIVATE)).toBe("BF4203800100");
		await until(() => opened() > before);
	});

	it("asks nothing of a terminal that offers no channels, and is told so in the log", async () => {
		const { until, insert, activate, log, types } = await start({ hasDataPath: false });
		await activate();
		await insert();
		await until(() => log().includes("IPAE_TERMINAL_INCAPABLE"));
		await until(() => types().includes("attached"));
		expect(types()).not.toContain("channel-refused");
	});

	it("reaches only what the network lets it reach", async () => {
		const { until, insert, activate, types, log } = await start({ allow: ["other.example.com"] });
		await activate();
		await insert();
		await until(() => types().includes("channel-refused"));
		await until(() => log().includes("(security)"));
		expect(types()).not.toContain("tunnel-opened");
	});
});

/** FCI of the ISD-R. */
async function selected(card: CardBench): Promise<string> {
	const first = await card.send("01A40400 10A0000005591010FFFFFFFF8900000100");
	return first.startsWith("61") ? card.send(`01C00000${first.slice(2)}`) : first;
}

describe("a card without an IPAe", () => {
	it("says so in its FCI and to IpaeActivation", async () => {
		const plain = await new CardBench().start();
		expect(await plain.ask(ACTIVATE)).toBe("BF4203800101");
		expect(await selected(plain)).not.toContain("E1048002");
		const able = await new CardBench({ card: { supportsIpae: true } }).start();
		expect(await selected(able)).toContain("E10480020780");
	});
});
