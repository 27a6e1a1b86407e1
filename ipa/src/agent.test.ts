import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it, onTestFailed } from "vitest";
import { DeviceBench } from "../../test/procedures/ipa-device-bench.ts";
import {
	eimConfiguration,
	otherNotification,
	signedResult,
	TEST_EID,
} from "../../test/procedures/ipa-scripted-card.ts";
import { enablePackage, euiccPackage } from "../../test/procedures/ipa-scripted-eim.ts";
import { FakeClock } from "../../test/support/fake-clock.ts";

const EID = toHex(TEST_EID);
const ENABLE = { psmoList: [{ enable: { iccid: hex`98000000000000000022` } }] };

function newBench(): DeviceBench {
	const bench = new DeviceBench();
	onTestFailed(() => console.log(bench.log()));
	return bench;
}

describe("the start of an agent", () => {
	it("sends the commands in the order of the standard, then polls", async () => {
		const bench = newBench();
		await bench.round(await bench.restart());
		expect(bench.card.apdus.filter((apdu) => !/^[0-9A-F]{2}C0/.test(apdu)).slice(0, 6)).toEqual([
			"80AA000005A903830107",
			"0070000100",
			"01A4040410A0000005591010FFFFFFFF8900000100",
			"81E2910006BF3E035C015A",
			"81E2910003BF5500",
			"81E2910003BF2B00",
		]);
		expect(bench.eim.messages[0]).toBe(`BF4F125A10${EID}`);
	});

	it("delivers notifications of earlier runs before it polls, and removes each after the eIM has taken it", async () => {
		const bench = newBench();
		bench.card.notifications.push(otherNotification(7), otherNotification(9));
		await bench.round(await bench.restart());
		expect(bench.eim.messages.map((message) => message.slice(0, 4))).toEqual(["BF3D", "BF3D", "BF4F"]);
		expect(bench.card.notifications).toHaveLength(0);
		expect(bench.card.commands.filter((command) => command.startsWith("BF30"))).toEqual([
			"BF3003800107",
			"BF3003800109",
		]);
	});

	it("keeps a notification that the eIM did not take", async () => {
		const bench = newBench();
		bench.card.notifications.push(otherNotification(7));
		bench.eim.isReachable = () => false;
		const ipa = await bench.restart();
		expect((await bench.round(ipa)).failure).toMatchObject({ code: "IPA_EIM_UNREACHABLE" });
		expect(bench.card.notifications).toHaveLength(1);
		bench.eim.isReachable = () => true;
		await bench.round(ipa);
		expect(bench.card.notifications).toHaveLength(0);
	});

	it("says plainly that a card without eIM must be associated first", async () => {
		const bench = newBench();
		bench.card.eims = [];
		expect((await bench.round(await bench.restart())).failure).toMatchObject({ code: "IPA_NO_EIM" });
	});

	it("says in words why a poll was refused, and what to do", async () => {
		const bench = newBench();
		bench.eim.answers.set(0xbf4f, () => hex`BF4F03 020102`);
		expect((await bench.round(await bench.restart())).failure).toMatchObject({
			code: "IPA_PACKAGE_REFUSED",
			gsmaCode: 2,
			message: expect.stringMatching(/eim\.example answered the poll with eidNotFound\(2\).*`eim device add EID`/),
		});
		bench.eim.answers.set(0xbf4f, () => hex`BF4F03 020163`);
		expect((await bench.round(await bench.restart())).failure?.message).toMatch(/with error\(99\)$/);
	});

	it("finds a result on the card after the journal was lost, and delivers it when nothing else is to do", async () => {
		const bench = newBench();
		bench.card.results.push(signedResult("eim.example", 3, 12, { enableResult: 0 }));
		await bench.round(await bench.restart());
		expect(bench.eim.results).toHaveLength(1);
		expect(bench.card.results).toHaveLength(0);
		expect(bench.eim.messages.map((message) => message.slice(0, 4))).toEqual(["BF4F", "BF50"]);
	});
});

describe("eUICC package execution", () => {
	it("gives the package to the card untouched, the result to the eIM untouched, and polls again at once", async () => {
		const bench = newBench();
		const request = euiccPackage("eim.example", 5, { psmoList: [{ getRAT: {} }] });
		bench.eim.packages.push(request);
		const { packages } = await bench.round(await bench.restart());
		expect(packages).toBe(1);
		expect(bench.card.commands).toContain(toHex(request));
		expect(bench.eim.results).toEqual([toHex(signedResult("eim.example", 5, 1, { listEimResult: { eimIdList: [] } }))]);
		expect(bench.eim.messages.map((message) => message.slice(0, 4))).toEqual(["BF4F", "BF50", "BF4F"]);
	});

	it("sends the notifications of the package with the result and removes exactly what the eIM lists", async () => {
		const bench = newBench();
		bench.eim.packages.push(euiccPackage("eim.example", 5, ENABLE));
		bench.eim.answers.set(0xbf50, () => {
			bench.eim.packages.shift();
			return hex`BF5006 BF5303 800101`;
		});
		await bench.round(await bench.restart());
		expect(bench.eim.messages[1]).toMatch(/^BF50.{4}5A10[0-9A-F]{32}30.*BF51.*A0.*BF2F/);
		expect(new Set(bench.card.commands.filter((command) => command.startsWith("BF30")))).toEqual(
			new Set(["BF3003800101"]),
		);
		expect(bench.card.results).toHaveLength(1);
		expect(bench.card.notifications).toHaveLength(0);
	});

	it("removes nothing on the plain yes", async () => {
		const bench = newBench();
		bench.eim.acknowledges = false;
		bench.eim.packages.push(euiccPackage("eim.example", 5, ENABLE));
		await bench.round(await bench.restart());
		expect(bench.card.commands.filter((command) => command.startsWith("BF30"))).toEqual([]);
		expect(bench.card.results).toHaveLength(1);
	});

	it("keeps the result on the card when the eIM refuses it, and offers it again", async () => {
		const bench = newBench();
		bench.eim.packages.push(euiccPackage("eim.example", 5, ENABLE));
		bench.eim.answers.set(0xbf50, () => {
			bench.eim.packages.shift();
			return hex`BF5003 020102`;
		});
		const ipa = await bench.restart();
		expect((await bench.round(ipa)).failure).toMatchObject({ code: "IPA_RESULT_REFUSED", gsmaCode: 2 });
		expect(bench.card.results).toHaveLength(1);
		expect(bench.card.commands.filter((command) => command.startsWith("BF30"))).toEqual([]);
		bench.eim.answers.delete(0xbf50);
		await bench.round(ipa);
		expect(bench.eim.results).toHaveLength(1);
		expect(bench.card.results).toHaveLength(0);
	});

	it("sends the same result again when the answer to the first is lost", async () => {
		const bench = newBench();
		bench.eim.packages.push(euiccPackage("eim.example", 5, { psmoList: [{ getRAT: {} }] }));
		bench.eim.answers.set(0xbf50, () => {
			bench.eim.losesNextAnswer = true;
			bench.eim.answers.delete(0xbf50);
			return undefined;
		});
		const ipa = await bench.restart();
		expect((await bench.round(ipa)).failure).toMatchObject({ code: "IPA_EIM_UNREACHABLE" });
		expect((await bench.round(ipa)).failure).toBeUndefined();
		const sent = bench.eim.messages.filter((message) => message.startsWith("BF50"));
		expect(sent).toHaveLength(2);
		expect(sent[1]).toBe(sent[0]);
		expect(bench.card.executed).toEqual([5]);
		expect(bench.card.results).toHaveLength(0);
	});

	it("tells the eIM when the card refuses a package with a status, after a second try on a fresh channel", async () => {
		const bench = newBench();
		bench.eim.packages.push(euiccPackage("eim.example", 5, ENABLE));
		bench.card.refuses = "BF51";
		const { failure } = await bench.round(await bench.restart());
		expect(failure).toMatchObject({ code: "IPA_PACKAGE_NOT_EXECUTED" });
		expect(bench.card.commands.filter((command) => command.startsWith("BF51"))).toHaveLength(2);
		expect(bench.eim.messages.at(-1)).toMatch(/^BF50.*A00302017F$/);
	});

	it("forwards an unsigned error and removes nothing, since it has no number", async () => {
		const bench = newBench();
		const unsigned = tlv(0xbf51, tlv(0xa2, tlv(0x80, new TextEncoder().encode("eim.example"))));
		bench.card.onPackage = () => unsigned;
		bench.eim.packages.push(euiccPackage("eim.example", 5, ENABLE));
		await bench.round(await bench.restart());
		expect(bench.eim.results).toEqual([toHex(unsigned)]);
		expect(bench.card.commands.filter((command) => command.startsWith("BF30"))).toEqual([]);
	});

	it("answers a package whose execution the card calls a replay with the result that waits on the card", async () => {
		const bench = newBench();
		const earlier = signedResult("eim.example", 5, 3, { enableResult: 0 });
		bench.card.results.push(earlier);
		const data = hex`30 13 80 0B 65696D2E6578616D706C65 8101 05 0201 04`;
		bench.card.onPackage = () => tlv(0xbf51, tlv(0xa1, tlv(0x30, data.subarray(2)), tlv(0x5f37, new Uint8Array(64))));
		bench.eim.packages.push(euiccPackage("eim.example", 5, ENABLE));
		await bench.round(await bench.restart());
		expect(bench.eim.results).toEqual([toHex(earlier)]);
	});

	it("tells another eIM that profiles changed, once", async () => {
		const bench = newBench();
		bench.card.eims = [eimConfiguration("eim.example"), eimConfiguration("other.example", 2)];
		bench.eim.packages.push(euiccPackage("eim.example", 5, ENABLE));
		const ipa = await bench.restart();
		await bench.round(ipa);
		await bench.round(ipa);
		expect(bench.otherEim.messages).toEqual([`BF4F175A10${EID}8000810100`, `BF4F125A10${EID}`]);
	});

	it("opens the channel anew after a switch, since the REFRESH has closed it", async () => {
		const bench = newBench();
		bench.eim.packages.push(euiccPackage("eim.example", 5, ENABLE));
		await bench.round(await bench.restart());
		expect(bench.card.apdus.filter((apdu) => apdu.startsWith("80AA"))).toHaveLength(2);
		expect(bench.types()).toEqual(expect.arrayContaining(["refresh-started", "refresh-finished"]));
	});
});

describe("rollback", () => {
	it("brings the old profile back when the eIM stays out of reach, and delivers the new result over it", async () => {
		const bench = newBench();
		const first = bench.card.enabled;
		bench.eim.packages.push(enablePackage("eim.example", 5));
		bench.eim.isReachable = () => toHex(bench.card.enabled) === toHex(first);
		const began = bench.clock.now();
		const { failure } = await bench.round(await bench.restart());
		expect(failure).toBeUndefined();
		expect(toHex(bench.card.enabled)).toBe(toHex(first));
		expect(bench.card.commands.filter((command) => command.startsWith("BF58"))).toEqual(["BF58038001FF"]);
		expect(bench.eim.results).toHaveLength(1);
		expect(bench.eim.results[0]).toContain("8C0100");
		expect(bench.clock.now() - began).toBeGreaterThanOrEqual(Minutes(5));
		expect(bench.clock.now() - began).toBeLessThan(Minutes(5) + Seconds(10));
	});

	it("never follows a delivery that succeeded", async () => {
		const bench = newBench();
		bench.eim.packages.push(enablePackage("eim.example", 5));
		const ipa = await bench.restart();
		await bench.round(ipa);
		bench.eim.isReachable = () => false;
		await bench.clock.advance(Minutes(10));
		await bench.round(ipa);
		expect(bench.card.commands.filter((command) => command.startsWith("BF58"))).toEqual([]);
	});

	it.each([
		["it was not granted", euiccPackage("eim.example", 5, ENABLE)],
		["the profile was enabled before", enablePackage("eim.example", 5, hex`98000000000000000011`)],
	])("is not tried when %s", async (_why, request) => {
		const bench = newBench();
		bench.eim.packages.push(request);
		const ipa = await bench.restart();
		bench.eim.answers.set(0xbf50, () => {
			bench.eim.isReachable = () => false;
			bench.eim.losesNextAnswer = true;
			return hex`BF50023000`;
		});
		expect((await bench.round(ipa)).failure).toMatchObject({ code: "IPA_EIM_UNREACHABLE" });
		await bench.clock.advance(Minutes(10));
		await bench.round(ipa);
		expect(bench.card.commands.filter((command) => command.startsWith("BF58"))).toEqual([]);
		expect(bench.card.results).toHaveLength(1);
	});

	it("is tried once: a refusal by the card leaves the first result to be delivered", async () => {
		const bench = newBench();
		bench.eim.packages.push(enablePackage("eim.example", 5));
		bench.card.answers.set(0xbf58, () => hex`BF5803020101`);
		let isSwitched = false;
		bench.eim.isReachable = () => !isSwitched;
		const { onPackage } = bench.card;
		bench.card.onPackage = (request) => {
			isSwitched = true;
			return onPackage(request);
		};
		const ipa = await bench.restart();
		await bench.round(ipa);
		await bench.clock.advance(Minutes(20));
		await bench.round(ipa);
		expect(bench.card.commands.filter((command) => command.startsWith("BF58"))).toHaveLength(1);
		isSwitched = false;
		await bench.round(ipa);
		expect(bench.eim.results).toHaveLength(1);
	});

	it("is given up when the card knows no such command, and the first result is delivered later", async () => {
		const bench = newBench();
		const first = bench.card.enabled;
		bench.eim.packages.push(enablePackage("eim.example", 5));
		bench.eim.isReachable = () => toHex(bench.card.enabled) === toHex(first);
		bench.card.refuses = "BF58";
		const ipa = await bench.restart();
		expect((await bench.round(ipa)).failure).toMatchObject({ code: "IPA_EIM_UNREACHABLE" });
		bench.eim.isReachable = () => true;
		await bench.round(ipa);
		expect(bench.eim.results).toHaveLength(1);
		expect(bench.card.commands.filter((command) => command.startsWith("BF58"))).toHaveLength(2);
	});

	it("waits no longer than its time although the clock starts in the past after a power cut", async () => {
		const bench = newBench();
		const first = bench.card.enabled;
		bench.eim.packages.push(enablePackage("eim.example", 5));
		bench.eim.isReachable = () => toHex(bench.card.enabled) === toHex(first);
		const ipa = await bench.restart();
		const running = ipa.pollOnce();
		await bench.clock.advance(Minutes(1));
		const early = new FakeClock(0);
		const again = newBench();
		Object.assign(again, { card: bench.card, eim: bench.eim, storage: bench.storage, clock: early });
		await early.until((await again.restart()).pollOnce());
		expect(early.now()).toBeLessThan(Minutes(6));
		expect(toHex(bench.card.enabled)).toBe(toHex(first));
		running.catch(() => undefined);
	});
});

describe("a rollback that the card puts off", () => {
	it("is tried again after what the card waits for, since catBusy is no refusal", async () => {
		const bench = newBench();
		const first = bench.card.enabled;
		bench.eim.packages.push(enablePackage("eim.example", 5));
		bench.eim.isReachable = () => toHex(bench.card.enabled) === toHex(first);
		let busy = 2;
		bench.card.answers.set(0xbf58, () => {
			if (--busy === 0) bench.card.answers.delete(0xbf58);
			return hex`BF5803020105`;
		});
		await bench.round(await bench.restart());
		expect(bench.card.commands.filter((command) => command.startsWith("BF58"))).toHaveLength(3);
		expect(bench.eim.results[0]).toContain("8C0100");
	});
});

describe("a power cut", () => {
	it("after STORE DATA and before the answer: the result is taken from the card, nothing is executed twice", async () => {
		const bench = newBench();
		bench.eim.packages.push(euiccPackage("eim.example", 5, ENABLE));
		bench.card.failAfter = "BF51";
		expect((await bench.round(await bench.restart())).failure).toMatchObject({ code: "CARD_LINK_LOST" });
		expect(bench.card.executed).toEqual([5]);
		await bench.round(await bench.restart());
		expect(bench.card.executed).toEqual([5]);
		expect(bench.eim.results).toHaveLength(1);
		expect(bench.card.results).toHaveLength(0);
	});

	it("between STORE DATA and ProvideEimPackageResult: the result of the journal is delivered at the start", async () => {
		const bench = newBench();
		bench.eim.packages.push(euiccPackage("eim.example", 5, ENABLE));
		let isUp = true;
		bench.eim.isReachable = () => isUp;
		bench.card.answers.set(0xbf51, (command) => {
			isUp = false;
			bench.card.answers.delete(0xbf51);
			bench.card.results.push(signedResult("eim.example", 5, 4, { enableResult: 0 }));
			expect(toHex(command)).toContain("BF51");
			return signedResult("eim.example", 5, 4, { enableResult: 0 });
		});
		await bench.round(await bench.restart());
		isUp = true;
		bench.eim.messages.length = 0;
		await bench.round(await bench.restart());
		expect(bench.eim.messages.map((message) => message.slice(0, 4))).toEqual(["BF50", "BF4F"]);
		expect(bench.card.results).toHaveLength(0);
	});

	it("in the middle of a rollback: the card's list tells that it took place", async () => {
		const bench = newBench();
		const first = bench.card.enabled;
		bench.eim.packages.push(enablePackage("eim.example", 5));
		bench.eim.isReachable = () => toHex(bench.card.enabled) === toHex(first);
		bench.card.failAfter = "BF58";
		await bench.round(await bench.restart());
		await bench.round(await bench.restart());
		expect(bench.card.commands.filter((command) => command.startsWith("BF58"))).toHaveLength(1);
		expect(bench.eim.results).toHaveLength(1);
		expect(bench.eim.results[0]).toContain("8C0100");
	});

	it("after the acknowledgement was forgotten by the eIM: the same result is given again from the journal", async () => {
		const bench = newBench();
		const request = euiccPackage("eim.example", 5, ENABLE);
		bench.eim.packages.push(request);
		await bench.round(await bench.restart());
		bench.eim.packages.push(request);
		await bench.round(await bench.restart());
		expect(bench.card.executed).toEqual([5]);
		expect(bench.eim.results).toHaveLength(1);
		expect(bench.eim.messages.filter((message) => message.startsWith("BF50"))).toHaveLength(2);
	});
});
