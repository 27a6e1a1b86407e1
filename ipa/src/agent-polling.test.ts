import { hex, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it, onTestFailed } from "vitest";
import { benchSettings, DeviceBench } from "../../test/procedures/ipa-device-bench.ts";
import { eimConfiguration, otherNotification, signedResult } from "../../test/procedures/ipa-scripted-card.ts";
import { euiccPackage } from "../../test/procedures/ipa-scripted-eim.ts";
import { EsipaLinkError } from "./esipa/errors.ts";
import { sightOfResult } from "./procedures/result-facts.ts";

function newBench(): DeviceBench {
	const bench = new DeviceBench();
	onTestFailed(() => console.log(bench.log()));
	return bench;
}

describe("polling", () => {
	it("backs off after failures up to a limit and returns to the interval after success", async () => {
		const bench = newBench();
		bench.eim.isReachable = () => false;
		const ipa = await bench.restart({ retryAfter: Seconds(10), retryAtMost: Seconds(60) });
		const stop = new AbortController();
		const running = ipa.run(stop.signal);
		await bench.clock.advance(Minutes(4));
		bench.eim.isReachable = () => true;
		await bench.clock.advance(Minutes(2));
		const pauses = bench.events.flatMap((event) => (event.type === "sleeping" ? [Math.round(event.ms / 1000)] : []));
		expect(pauses).toEqual([10, 20, 40, 60, 60, 60, 900]);
		stop.abort();
		await bench.clock.until(running);
		expect(bench.types().at(-1)).toBe("stopped");
	});

	it("goes on at once when somebody says that an eIM has something, also when that was during a round", async () => {
		const bench = newBench();
		const ipa = await bench.restart();
		const stop = new AbortController();
		const running = ipa.run(stop.signal);
		const polls = () => bench.eim.messages.filter((message) => message.startsWith("BF4F")).length;
		await bench.clock.advance(Seconds(1));
		expect(polls()).toBe(1);
		ipa.pollSoon();
		await bench.clock.advance(Seconds(1));
		expect(polls()).toBe(2);
		const stopListening = ipa.events.on("polled", () => {
			stopListening();
			ipa.pollSoon();
		});
		ipa.pollSoon();
		await bench.clock.advance(Seconds(1));
		expect(polls()).toBe(4);
		await bench.clock.advance(Minutes(10));
		expect(polls()).toBe(4);
		stop.abort();
		await bench.clock.until(running);
	});

	it("answers a package that it cannot read with an error instead of asking for it for ever", async () => {
		const bench = newBench();
		bench.eim.packages.push(hex`BF5403 FF0101`, hex`BF7000`);
		bench.eim.answers.set(0xbf50, () => {
			bench.eim.packages.shift();
			return hex`BF50023000`;
		});
		await bench.round(await bench.restart());
		const errors = bench.eim.messages.filter((message) => message.startsWith("BF50"));
		expect(errors.map((message) => message.slice(-10))).toEqual(["A003020101", "A003020102"]);
	});

	it("opens the card again after it was lost", async () => {
		const bench = newBench();
		const ipa = await bench.restart();
		await bench.round(ipa);
		bench.card.failAfter = "BF51";
		bench.eim.packages.push(euiccPackage("eim.example", 6, { psmoList: [{ getRAT: {} }] }));
		expect((await bench.round(ipa)).failure).toMatchObject({ code: "CARD_LINK_LOST" });
		expect((await bench.round(ipa)).failure).toBeUndefined();
		expect(bench.card.results).toHaveLength(0);
	});

	it.each([400, 500])(
		"goes on polling when the eIM answers a notification with HTTP status %i, and keeps it",
		async (status) => {
			const bench = newBench();
			bench.card.notifications.push(otherNotification(7), otherNotification(8));
			bench.eim.answers.set(0xbf3d, (message) => {
				if (!toHex(message).includes("BF2F17800107")) return undefined;
				throw new EsipaLinkError("IPA_EIM_STATUS", `HTTP status ${status}`, { context: { status } });
			});
			expect((await bench.round(await bench.restart())).failure).toBeUndefined();
			expect(bench.card.notifications).toHaveLength(1);
			expect(bench.eim.messages.at(-1)).toMatch(/^BF4F/);
		},
	);

	it.each([400, 500])(
		"goes on polling when the eIM answers a result with HTTP status %i, and offers it again",
		async (status) => {
			const bench = newBench();
			bench.eim.packages.push(euiccPackage("eim.example", 5, { psmoList: [{ getRAT: {} }] }));
			let rejects = true;
			bench.eim.answers.set(0xbf50, () => {
				if (!rejects) return undefined;
				bench.eim.packages.length = 0;
				throw new EsipaLinkError("IPA_EIM_STATUS", `HTTP status ${status}`, { context: { status } });
			});
			const ipa = await bench.restart({ eimDialect: "1.2" });
			await bench.round(ipa);
			await bench.round(ipa);
			expect(bench.types().filter((type) => type === "polled").length).toBeGreaterThan(1);
			expect(bench.card.results).toHaveLength(1);
			rejects = false;
			await bench.round(ipa);
			expect(bench.card.results).toHaveLength(0);
			expect(bench.eim.results).toHaveLength(1);
		},
	);

	it("does not hammer an eIM that sends the same package for ever", async () => {
		const bench = newBench();
		bench.eim.packages.push(hex`BF5406 A0048002 3124`);
		bench.eim.answers.set(0xbf50, () => hex`BF50023000`);
		await bench.round(await bench.restart());
		expect(bench.eim.messages.filter((message) => message.startsWith("BF4F"))).toHaveLength(2);
	});

	it("waits for two eIMs, and one that is out of reach does not keep the other away", async () => {
		const bench = newBench();
		bench.card.eims = [eimConfiguration("eim.example"), eimConfiguration("other.example", 2)];
		bench.eim.packages.push(euiccPackage("eim.example", 5, { psmoList: [{ getRAT: {} }] }));
		bench.eim.answers.set(0xbf50, () => {
			bench.eim.isReachable = () => false;
			throw new EsipaLinkError("IPA_EIM_UNREACHABLE", "connection reset");
		});
		const ipa = await bench.restart();
		await bench.round(ipa);
		bench.otherEim.packages.push(euiccPackage("other.example", 9, { psmoList: [{ getRAT: {} }] }));
		await bench.round(ipa);
		expect(bench.otherEim.results).toHaveLength(1);
		bench.eim.isReachable = () => true;
		bench.eim.answers.delete(0xbf50);
		await bench.round(ipa);
		await bench.round(ipa);
		expect(bench.eim.results).toHaveLength(1);
		expect(bench.card.executed).toEqual([5, 9]);
		expect(bench.card.results).toHaveLength(0);
	});
});

describe("eIM configuration operations", () => {
	it("make the agent look at the card's eIMs again: one that was added is polled from then on", async () => {
		const bench = newBench();
		const added = eimConfiguration("other.example", 2);
		bench.eim.packages.push(euiccPackage("eim.example", 5, { ecoList: [{ listEim: {} }] }));
		const { onPackage } = bench.card;
		bench.card.onPackage = (request) => {
			bench.card.eims.push(added);
			return onPackage(request);
		};
		const ipa = await bench.restart();
		await bench.round(ipa);
		await bench.round(ipa);
		expect(bench.eim.results).toHaveLength(1);
		expect(bench.otherEim.messages.length).toBeGreaterThan(0);
	});

	it("deliver the result to an eIM that has just removed itself, and end there", async () => {
		const bench = newBench();
		bench.eim.packages.push(euiccPackage("eim.example", 5, { ecoList: [{ deleteEim: { eimId: "eim.example" } }] }));
		const { onPackage } = bench.card;
		bench.card.onPackage = (request) => {
			bench.card.eims = [];
			return onPackage(request);
		};
		const ipa = await bench.restart();
		await bench.round(ipa);
		expect(bench.eim.results).toHaveLength(1);
		expect(bench.card.results).toHaveLength(0);
		expect((await bench.round(ipa)).failure).toMatchObject({ code: "IPA_NO_EIM" });
	});

	it("leave a result on the card when its eIM is gone after a power cut", async () => {
		const bench = newBench();
		bench.eim.packages.push(euiccPackage("eim.example", 5, { ecoList: [{ deleteEim: { eimId: "eim.example" } }] }));
		bench.eim.answers.set(0xbf50, () => {
			throw new EsipaLinkError("IPA_EIM_UNREACHABLE", "connection reset");
		});
		await bench.round(await bench.restart());
		bench.card.eims = [eimConfiguration("other.example", 2)];
		await bench.round(await bench.restart());
		expect(bench.otherEim.messages.map((message) => message.slice(0, 4))).toEqual(["BF4F"]);
		expect(bench.card.results).toHaveLength(1);
	});
});

describe("a network that changes", () => {
	/** A network whose changes and costs the test decides. */
	function network(isMetered = false) {
		const listeners = new Set<(isAddressLost?: boolean) => void>();
		return {
			isMetered: () => isMetered,
			onChange: (listener: (isAddressLost?: boolean) => void) => {
				listeners.add(listener);
				return () => listeners.delete(listener);
			},
			change: (isAddressLost?: boolean) => {
				for (const listener of listeners) listener(isAddressLost);
			},
		};
	}

	it("makes the agent poll when it has settled, instead of after the pause", async () => {
		const bench = newBench();
		const device = network();
		bench.network = device;
		const ipa = await bench.restart({ pollAfterNetworkChange: Seconds(10) });
		const stop = new AbortController();
		const running = ipa.run(stop.signal);
		const polls = () => bench.events.filter((event) => event.type === "polled").length;
		await bench.clock.advance(Minutes(1));
		expect(polls()).toBe(1);
		device.change();
		await bench.clock.advance(Seconds(6));
		device.change();
		await bench.clock.advance(Seconds(6));
		expect(polls()).toBe(1);
		await bench.clock.advance(Seconds(6));
		expect(polls()).toBe(2);
		stop.abort();
		await bench.clock.until(running);
	});

	it("has the links opened anew at once when an address is gone, and left open when one has come", async () => {
		const bench = newBench();
		const device = network();
		bench.network = device;
		const ipa = await bench.restart();
		const stop = new AbortController();
		const running = ipa.run(stop.signal);
		await bench.clock.advance(Minutes(1));
		device.change(false);
		device.change();
		expect(bench.renewed).toEqual([]);
		device.change(true);
		expect(bench.renewed).toEqual(["eim.example"]);
		stop.abort();
		await bench.clock.until(running);
	});

	it("is polled over more rarely, and brings no profiles, when it is paid by volume and the settings say so", async () => {
		const bench = newBench();
		bench.network = network(true);
		bench.eim.packages.push(hex`BF5400`);
		const procedures = { ...benchSettings.procedures, downloadOnMetered: false };
		const ipa = await bench.restart({ procedures, meteredInterval: Minutes(60) });
		const stop = new AbortController();
		const running = ipa.run(stop.signal);
		await bench.clock.advance(Seconds(1));
		expect(bench.events).toContainEqual(expect.objectContaining({ type: "download-postponed" }));
		// The eIM hears of it, so that the trigger does not stand in the way of what else it has.
		const answers = bench.eim.messages.filter((message) => message.startsWith("BF50"));
		expect(answers).toEqual([expect.stringContaining(toHex(utf8("IPA_DOWNLOAD_POSTPONED: the link is paid")))]);
		const sleeping = bench.events.find((event) => event.type === "sleeping");
		expect(sleeping?.type === "sleeping" && Math.round(sleeping.ms / Minutes(1))).toBe(60);
		stop.abort();
		await bench.clock.until(running);
	});
});

describe("an acknowledgement", () => {
	it("removes nothing that this eIM was not given, also when it comes with a later answer", async () => {
		const bench = newBench();
		bench.card.eims.push(eimConfiguration("other.example", 2));
		bench.card.results.push(signedResult("other.example", 9, 40));
		bench.otherEim.isReachable = () => false;
		const answers = [hex`BF50023000`, hex`BF500C BF5309 800101 800128 800163`];
		bench.eim.answers.set(0xbf50, () => {
			bench.eim.packages.shift();
			return answers.shift();
		});
		for (const counter of [6, 7]) {
			bench.eim.packages.push(euiccPackage("eim.example", counter, { psmoList: [{ getRAT: {} }] }));
		}
		await bench.round(await bench.restart());
		// 1 was given before and acknowledged now; 40 (28) is another eIM's, 99 (63) nobody's, 2 not acknowledged.
		expect(bench.card.results.map((one) => sightOfResult(one).seqNumber)).toEqual([40, 2]);
		expect(bench.log()).toContain("acknowledged without having been given");
	});
});
