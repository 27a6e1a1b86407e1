import { hex } from "@iot-esim/shared/util/bytes";
import { Minutes } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it, onTestFailed } from "vitest";
import { shows } from "../conformance/claim.ts";
import { CURVES } from "../support/esipa-face-client.ts";
import { benchSettings } from "./ipa-device-bench.ts";
import { BOOTSTRAP_ICCID, OTHER_ICCID, RoomsBench } from "./ipa-rooms-bench.ts";

const benches: RoomsBench[] = [];
afterEach(async () => {
	for (const bench of benches.splice(0)) await bench.close();
});

async function start(options: Parameters<typeof RoomsBench.start>[0] = {}): Promise<RoomsBench> {
	const bench = await RoomsBench.start(options);
	benches.push(bench);
	onTestFailed(() => console.log(bench.log()));
	return bench;
}

const ES10 = "ES10a, ES10b, ES10c";

describe.each(CURVES)("IPA, eIM, SM-DP+ and eUICC together on %s", (curve) => {
	it("download a profile indirectly, enable it with rollback granted, and leave nothing on the card", async (context) => {
		const bench = await start({ curve });
		const download = await bench.orderDownload(OTHER_ICCID);
		const ipa = await bench.restart();
		await bench.round(ipa);
		expect(await bench.eim.state(download)).toBe("succeeded");
		expect(await bench.iccids()).toEqual([BOOTSTRAP_ICCID, OTHER_ICCID]);
		const enable = await bench.orderEnable(OTHER_ICCID, true);
		await bench.round(ipa);
		await bench.round(ipa);
		expect(await bench.enabledIccid()).toBe(OTHER_ICCID);
		expect(await bench.eim.state(enable)).toBe("succeeded");
		expect(await bench.leftOnCard()).toBe(0);
		expect(bench.events.map((event) => event.type)).toContain("profile-installed");
		shows(context, { interface: ES10, functions: ["LoadEuiccPackage"], curve });
	});

	it("roll back to the old profile when the new one has no coverage, and the eIM learns it from the card", async (context) => {
		const bench = await start({ curve });
		await bench.orderDownload(OTHER_ICCID);
		const ipa = await bench.restart();
		await bench.round(ipa);
		const enable = await bench.orderEnable(OTHER_ICCID, true);
		bench.isAttached = async () => (await bench.enabledIccid()) === BOOTSTRAP_ICCID;
		const began = bench.eim.clock.now();
		await bench.round(ipa);
		await bench.round(ipa);
		expect(bench.eim.clock.now() - began).toBeGreaterThanOrEqual(Minutes(5));
		expect(await bench.enabledIccid()).toBe(BOOTSTRAP_ICCID);
		expect(await bench.eim.state(enable)).toBe("rolled-back");
		expect(await bench.leftOnCard()).toBe(0);
		shows(context, { interface: ES10, functions: ["ProfileRollback"], curve });
	});
});

describe("IPA, eIM and eUICC together", () => {
	it("answer a request for eUICC data, so that results can be verified", async () => {
		const bench = await start();
		const read = await bench.order({ type: "readEuiccData", parameters: {} });
		const list = await bench.order({ type: "listProfiles", parameters: {} });
		const ipa = await bench.restart();
		await bench.round(ipa);
		await bench.round(ipa);
		expect(await bench.eim.state(read)).toBe("succeeded");
		expect(await bench.eim.state(list)).toBe("succeeded");
		expect(bench.events.filter((event) => event.type === "euicc-data-sent")).not.toHaveLength(0);
	});
});

describe("immediate enabling", () => {
	const procedures = { ...benchSettings.procedures, immediateEnable: true };

	it.for([
		["P-256", undefined],
		["brainpoolP256r1", undefined],
		["P-256", "json"],
	] as const)(
		"enables the profile in the session that installed it, and tells the eIM why: on %s, direct %s",
		async ([curve, direct], context) => {
			const settings = { settings: { procedures }, beforeAssociation: [hex`BF59028000`] };
			const bench = await start({ curve, ...(direct === undefined ? {} : { direct }), ...settings });
			const download = await bench.orderDownload(OTHER_ICCID);
			const ipa = await bench.restart();
			await bench.round(ipa);
			expect(await bench.eim.state(download)).toBe("succeeded");
			expect(await bench.enabledIccid()).toBe(OTHER_ICCID);
			expect(bench.events).toContainEqual(expect.objectContaining({ type: "profile-installed", enabled: true }));
			expect(bench.log()).toContain('"stateChangeCause":5');
			expect(await bench.leftOnCard()).toBe(0);
			shows(context, { interface: ES10, functions: ["ImmediateEnable"], curve });
		},
	);

	it("leaves the profile disabled on a card that is not configured for it", async () => {
		const bench = await start({ settings: { procedures } });
		const download = await bench.orderDownload(OTHER_ICCID);
		await bench.round(await bench.restart());
		expect(await bench.eim.state(download)).toBe("succeeded");
		expect(await bench.enabledIccid()).toBe(BOOTSTRAP_ICCID);
	});
});

describe("a download that must not go on", () => {
	/** Cancelled at the card, then at the eIM; nothing was installed, and the trigger does not come again. */
	async function expectCancelled(bench: RoomsBench, download: string, reason: string): Promise<void> {
		const ipa = await bench.restart();
		await bench.round(ipa);
		await bench.round(ipa);
		expect(await bench.iccids()).toEqual([BOOTSTRAP_ICCID]);
		expect(await bench.eim.state(download)).toBe("failed");
		const failures = bench.events.filter((event) => event.type === "download-failed");
		expect(failures).toEqual([expect.objectContaining({ reason: expect.stringContaining(reason) })]);
		expect(bench.log()).toContain("step 9: ES10b.CancelSession");
		expect(bench.log()).not.toContain("step 9: ESipa.CancelSession refused");
	}

	it("is cancelled when the profile's policy rules are not authorised on this card", async () => {
		const bench = await start({ card: { rulesAuthorisationTable: [] } });
		const download = await bench.orderDownload(OTHER_ICCID, 'policyRules: ["ppr1"]');
		await expectCancelled(bench, download, "ppr1 is not authorised");
	});

	it("is cancelled when the rule needs consent and nobody may give it", async () => {
		const rule = { pprIds: "011", allowedOperators: [{ mccMnc: hex`EEEEEE` }], consentRequired: true };
		const procedures = { ...benchSettings.procedures, consentGranted: false };
		const bench = await start({ card: { rulesAuthorisationTable: [rule] }, settings: { procedures } });
		const download = await bench.orderDownload(OTHER_ICCID, 'policyRules: ["ppr2"]');
		await expectCancelled(bench, download, "needs consent");
	});

	it("ends before the card prepares anything when a confirmation code is needed and the eIM has none", async () => {
		const bench = await start();
		const download = await bench.orderDownload(OTHER_ICCID, "", { confirmationCode: "1234" });
		await bench.round(await bench.restart());
		expect(await bench.eim.state(download)).toBe("failed");
		expect(bench.log()).not.toContain("ES10b.PrepareDownload");
		expect(bench.events).toContainEqual(expect.objectContaining({ type: "download-failed" }));
	});

	it("goes on with policy rules that the card authorises", async () => {
		const bench = await start();
		const download = await bench.orderDownload(OTHER_ICCID, 'policyRules: ["ppr1"]');
		await bench.round(await bench.restart());
		expect(await bench.eim.state(download)).toBe("succeeded");
		expect(await bench.iccids()).toContain(OTHER_ICCID);
	});

	it("ends with the card's installation result when the card refuses the profile", async () => {
		const bench = await start();
		const download = await bench.orderDownload(BOOTSTRAP_ICCID);
		await bench.round(await bench.restart());
		expect(await bench.eim.state(download)).toBe("failed");
		expect(bench.events).toContainEqual(
			expect.objectContaining({ type: "download-failed", reason: expect.stringContaining("errorReason 9") }),
		);
		expect(await bench.leftOnCard()).toBe(0);
	});

	it("ends with an error of the SM-DP+ when there is no such order", async () => {
		const bench = await start();
		const parameters = { smdpAddress: "smdp.example.com", matchingId: "NO-SUCH-ORDER" };
		const download = await bench.order({ type: "download", parameters });
		const ipa = await bench.restart();
		await bench.round(ipa);
		await bench.round(ipa);
		expect(await bench.eim.state(download)).toBe("failed");
		expect(bench.events.filter((event) => event.type === "download-failed")).toHaveLength(1);
	});
});

describe("cards as they are in the field", () => {
	it.each([
		["hides its ISD-R until TERMINAL CAPABILITY", { needsTerminalCapability: true }],
		["refuses ES10 after a switch until it is reset", { refusesEs10UntilReset: true }],
	])("one that %s", async (_what, quirks) => {
		const bench = await start({ card: { quirks } });
		const download = await bench.orderDownload(OTHER_ICCID);
		const ipa = await bench.restart();
		await bench.round(ipa);
		expect(await bench.eim.state(download)).toBe("succeeded");
		const enable = await bench.orderEnable(OTHER_ICCID, true);
		await bench.round(ipa);
		expect(await bench.eim.state(enable)).toBe("succeeded");
	});

	it("takes small blocks on a high channel", async () => {
		const bench = await start({ settings: { card: { proactive: "agent", blockSize: 32, channel: 19 } } });
		const download = await bench.orderDownload(OTHER_ICCID);
		await bench.round(await bench.restart());
		expect(await bench.eim.state(download)).toBe("succeeded");
	});
});
