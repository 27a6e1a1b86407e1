import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { Hours, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it, onTestFailed } from "vitest";
import { DeviceBench } from "../../test/procedures/ipa-device-bench.ts";
import { enablePackage } from "../../test/procedures/ipa-scripted-eim.ts";
import type { Ipa } from "./agent.ts";
import { parseQuietWindow, type QuietWindow } from "./procedures/policy/quiet-hours.ts";

/** The bench begins at midnight, UTC. */
const quietHours = [parseQuietWindow("00:30-08:00") as QuietWindow];
const fallback = {
	isEnabled: true,
	after: Hours(1),
	attempts: 3,
	returnAfter: Hours(24),
	returnAtMost: Hours(96),
};

function newBench(): DeviceBench {
	const bench = new DeviceBench();
	onTestFailed(() => console.log(bench.log()));
	return bench;
}

async function running(bench: DeviceBench, ipa: Ipa, work: () => Promise<void>): Promise<void> {
	const stop = new AbortController();
	const run = ipa.run(stop.signal);
	await work();
	stop.abort();
	await bench.clock.until(run);
}

describe("a switch that an eIM has brought", () => {
	it("is rolled back in its time also when the card was lost after it, however long the pause between polls", async () => {
		const bench = newBench();
		const first = bench.card.enabled;
		bench.eim.isReachable = () => toHex(bench.card.enabled) === toHex(first);
		let lostAt: number | undefined;
		bench.interruption = (effect) => {
			if (!effect.startsWith("card") || toHex(bench.card.enabled) === toHex(first)) return undefined;
			lostAt ??= bench.clock.now();
			return bench.clock.now() - lostAt < Minutes(2) ? Promise.reject(new Error("no card")) : undefined;
		};
		const ipa = await bench.restart({ pollInterval: Hours(6) });
		await running(bench, ipa, async () => {
			await bench.clock.advance(Minutes(1));
			const message = tlv(0xbf4e, enablePackage("eim.example", 5));
			const answered = ipa.transferEimPackage(message, () => true).catch(() => undefined);
			await bench.clock.advance(Minutes(12));
			await answered;
		});
		expect(lostAt).toBeDefined();
		expect(toHex(bench.card.enabled)).toBe(toHex(first));
	});
});

describe("a stranger at the inject listener", () => {
	it("is sent away at once, and does not wait behind the device's own work", async () => {
		const bench = newBench();
		const first = bench.card.enabled;
		bench.eim.packages.push(enablePackage("eim.example", 5));
		bench.eim.isReachable = () => toHex(bench.card.enabled) === toHex(first);
		const ipa = await bench.restart();
		const round = ipa.pollOnce();
		await bench.clock.advance(Minutes(1));
		let refusal: unknown;
		ipa
			.transferEimPackage(hex`BF4E 00`, () => false)
			.catch((error: unknown) => {
				refusal = error;
			});
		await bench.clock.advance(Seconds(1));
		expect(refusal).toMatchObject({ code: "IPA_TRANSFER_REFUSED" });
		await bench.clock.until(round);
	});
});

describe("an eIM that is away for everybody", () => {
	const switches = (bench: DeviceBench) => bench.events.filter((event) => event.type === "fallback-finished").length;

	it("does not make its devices go back and forth between profiles for as long as it is away", async () => {
		const bench = newBench();
		bench.card.answers.set(0xbf5d, () => hex`BF5D03800100`);
		bench.card.answers.set(0xbf5e, () => hex`BF5E03800100`);
		bench.eim.isReachable = () => false;
		const ipa = await bench.restart({ fallback });
		await running(bench, ipa, async () => {
			await bench.clock.advance(Hours(48));
			expect(switches(bench)).toBeGreaterThan(2);
			expect(switches(bench)).toBeLessThan(10);
			// One contact, and all is as it was.
			bench.eim.isReachable = () => true;
			await bench.clock.advance(Hours(200));
			bench.eim.isReachable = () => false;
			const before = switches(bench);
			await bench.clock.advance(Minutes(75));
			expect(switches(bench)).toBe(before + 1);
		});
	});
});

describe("quiet hours", () => {
	it("do not keep a device on a profile without coverage when the card was lost while a rollback was possible", async () => {
		const bench = newBench();
		const first = bench.card.enabled;
		bench.eim.packages.push(enablePackage("eim.example", 5));
		bench.eim.isReachable = () => toHex(bench.card.enabled) === toHex(first);
		// The modem restarts the card for the switch, and takes half a minute longer than the IPA waits for it.
		let lostAt: number | undefined;
		bench.interruption = (effect) => {
			if (!effect.startsWith("card") || toHex(bench.card.enabled) === toHex(first)) return undefined;
			lostAt ??= bench.clock.now();
			return bench.clock.now() - lostAt < Minutes(2) ? Promise.reject(new Error("no card")) : undefined;
		};
		const ipa = await bench.restart({ quietHours: [parseQuietWindow("00:01-08:00") as QuietWindow] });
		await running(bench, ipa, () => bench.clock.advance(Minutes(12)));
		expect(bench.types()).toContain("sleeping");
		expect(toHex(bench.card.enabled)).toBe(toHex(first));
	});

	it("are broken for one more attempt before the device gives its profile up", async () => {
		const bench = newBench();
		const outage = bench.clock.now() + Minutes(20);
		// The eIM is away for the minutes before the quiet hours alone.
		bench.eim.isReachable = () => bench.clock.now() < outage - Minutes(10) || bench.clock.now() > outage + Minutes(20);
		const ipa = await bench.restart({ quietHours, fallback, retryAfter: Seconds(10) });
		await running(bench, ipa, () => bench.clock.advance(Hours(3)));
		expect(bench.types()).not.toContain("fallback-started");
	});
});
