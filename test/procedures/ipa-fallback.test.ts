import type { IpaSettings } from "@iot-esim/ipa/agent";
import { hex } from "@iot-esim/shared/util/bytes";
import { Hours, Minutes } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it, onTestFailed } from "vitest";
import { shows } from "../conformance/claim.ts";
import { CURVES } from "../support/esipa-face-client.ts";
import { fallbackWithPowerCut, onOtherProfile } from "./ipa-fallback-power-cut.ts";
import { BOOTSTRAP_ICCID, OTHER_ICCID, RoomsBench, SMDP_ADDRESS } from "./ipa-rooms-bench.ts";

const benches: RoomsBench[] = [];
afterEach(async () => {
	for (const bench of benches.splice(0)) await bench.close();
});

const fallback: NonNullable<IpaSettings["fallback"]> = {
	isEnabled: true,
	after: Minutes(30),
	attempts: 3,
	returnAfter: Hours(2),
	returnAtMost: Hours(8),
};

async function start(options: Parameters<typeof RoomsBench.start>[0] = {}): Promise<RoomsBench> {
	const bench = await RoomsBench.start({ ...options, settings: { fallback, ...options.settings } });
	benches.push(bench);
	onTestFailed(() => console.log(bench.log()));
	return bench;
}

/** The agent's own rounds for a time. */
async function run(bench: RoomsBench, hours: number): Promise<void> {
	const stop = new AbortController();
	const ipa = await bench.restart();
	const running = ipa.run(stop.signal);
	const end = bench.eim.clock.now() + Hours(hours);
	while (bench.eim.clock.now() < end) await bench.inTime(new Promise((resolve) => setTimeout(resolve, 5)), Minutes(1));
	stop.abort();
	await bench.inTime(running);
}

describe.each(CURVES)(
	"ES10b.ExecuteFallbackMechanism and ReturnFromFallback (SGP.32 §5.9.20, §5.9.21) on %s",
	(curve) => {
		it("are called when no eIM can be reached over the profile, and after the time on the other; the eIM is told", async (context) => {
			const bench = await start({ curve });
			await onOtherProfile(bench);
			bench.isAttached = async () => (await bench.enabledIccid()) === BOOTSTRAP_ICCID;
			await run(bench, 1);
			expect(await bench.enabledIccid()).toBe(BOOTSTRAP_ICCID);
			expect(bench.log()).toContain('"stateChangeCause":1');
			bench.isAttached = () => true;
			await run(bench, 3);
			expect(await bench.enabledIccid()).toBe(OTHER_ICCID);
			expect(await bench.leftOnCard()).toBe(0);
			expect(bench.events.filter((event) => event.type === "fallback-finished")).toEqual([
				{ type: "fallback-finished", action: "falling-back", result: 0 },
				{ type: "fallback-finished", action: "returning", result: 0 },
			]);
			const functions = ["ExecuteFallbackMechanism", "ReturnFromFallback"];
			shows(context, { interface: "ES10a, ES10b, ES10c", functions, curve });
			shows(context, { interface: "eIM packages", functions: ["notifyStateChange"], binding: "asn1", curve });
		});
	},
);

describe("the device on its own", () => {
	it("falls back in quiet hours too, though it polls no more than once in them", async (context) => {
		const bench = await start({ settings: { quietHours: [{ from: 15, until: 600 }] } });
		await onOtherProfile(bench);
		bench.isAttached = () => false;
		const polls = () => bench.events.filter((event) => event.type === "poll-failed").length;
		await run(bench, 0.5);
		const before = polls();
		expect(before).toBeGreaterThanOrEqual(fallback.attempts);
		await run(bench, 1);
		// Once more, right before the own profile is given up.
		expect(polls()).toBeLessThanOrEqual(before + 1);
		expect(await bench.enabledIccid()).toBe(BOOTSTRAP_ICCID);
		const [waiting] = await bench.listNotifications();
		expect(waiting).toMatchObject({ notificationAddress: SMDP_ADDRESS });
		shows(context, { interface: "ES10a, ES10b, ES10c", functions: ["ListNotification"], curve: "P-256" });
	});

	it("stays where it is on a card without a fallback profile, and asks the card no more than once in its time", async () => {
		const bench = await start();
		bench.isAttached = () => false;
		await run(bench, 1.2);
		expect(bench.events.filter((event) => event.type === "fallback-finished")).toEqual([
			{ type: "fallback-finished", action: "falling-back", result: 6 },
		]);
		expect(bench.events.filter((event) => event.type === "poll-failed").length).toBeGreaterThan(5);
	});

	it("is brought back by the eIM's own switch, after which it does not return by itself", async () => {
		const bench = await start();
		await onOtherProfile(bench);
		bench.isAttached = async () => (await bench.enabledIccid()) === BOOTSTRAP_ICCID;
		await run(bench, 1);
		bench.isAttached = () => true;
		await bench.orderEnable(OTHER_ICCID, false);
		await run(bench, 4);
		expect(await bench.enabledIccid()).toBe(OTHER_ICCID);
		expect(bench.events.filter((event) => event.type === "fallback-started")).toHaveLength(1);
	});
});

describe("what the device does to its own card", () => {
	it("resets it, and eIMs that stay hear of it", async () => {
		const bench = await start();
		await onOtherProfile(bench);
		const ipa = await bench.restart();
		await bench.round(ipa);
		const options = { operationalProfiles: true };
		const outcome = await bench.inTime(ipa.perform({ type: "reset-memory", options }));
		expect(outcome).toMatchObject({ isDone: true, reset: { resetResult: 0 } });
		expect(await bench.iccids()).toEqual([]);
		await bench.round(ipa);
		expect(bench.log()).toContain('"stateChangeCause":4');
	});

	it.for(CURVES)(
		"says what an active emergency call refuses (SGP.32 §5.9.22, §5.9.23), on %s",
		async (curve, context) => {
			const bench = await start({ curve, card: { supportsEmergencyProfile: true }, isForEcall: true });
			await onOtherProfile(bench);
			const ipa = await bench.restart();
			await bench.round(ipa);
			expect(await bench.inTime(ipa.perform({ type: "enable-emergency-profile" }))).toMatchObject({ isDone: true });
			expect(await bench.enabledIccid()).toBe(BOOTSTRAP_ICCID);
			const refused = await bench.inTime(ipa.perform({ type: "execute-fallback" }));
			expect(refused).toMatchObject({
				isDone: false,
				name: "ecallActive",
				meaning: expect.stringContaining("emergency"),
			});
			const reset = await bench.inTime(ipa.perform({ type: "reset-memory", options: { operationalProfiles: true } }));
			expect(reset).toMatchObject({ isDone: false, name: "ecallActive" });
			expect(await bench.inTime(ipa.perform({ type: "disable-emergency-profile" }))).toMatchObject({ isDone: true });
			expect(await bench.enabledIccid()).toBe(OTHER_ICCID);
			await bench.round(ipa);
			expect(bench.log()).toContain('"stateChangeCause":2');
			const functions = ["EnableEmergencyProfile", "DisableEmergencyProfile"];
			shows(context, { interface: "ES10a, ES10b, ES10c", functions, curve });
		},
	);

	it("sets the default SM-DP+, which the eIM hears of as a local change", async () => {
		const bench = await start();
		const ipa = await bench.restart();
		await bench.round(ipa);
		const done = await bench.inTime(ipa.perform({ type: "set-default-smdp", address: "smdp.example.org" }));
		expect(done).toMatchObject({ isDone: true });
		await bench.round(ipa);
		expect(bench.log()).toContain('"stateChangeCause":3');
	});

	it("tells the eIM when the card is in another device", async () => {
		const bench = await start();
		await bench.round(await bench.restart());
		expect(bench.log()).not.toContain('"stateChangeCause":6');
		bench.deviceInfo = { tac: hex`01020304`, deviceCapabilities: {} };
		await bench.round(await bench.restart());
		expect(bench.log()).toContain('"stateChangeCause":6');
	});
});

describe.each(["agent and card", "agent"] as const)("a kill of the %s", (killed) => {
	it.each([6, 14, 22, 30])("at moment %i of a fallback: one switch, and the eIM knows", async (moment) => {
		const outcome = await fallbackWithPowerCut(moment, killed);
		expect(outcome.hit).not.toBe("");
		expect(outcome, outcome.log).toMatchObject({ enabled: BOOTSTRAP_ICCID, fallback: "fallen-back", wasTold: true });
	});
});
