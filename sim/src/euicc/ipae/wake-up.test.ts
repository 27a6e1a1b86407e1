import { fromHex, hex, toHex } from "@iot-esim/shared/util/bytes";
import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import type { InCardInterface } from "../in-card-application.ts";
import { BipTerminal } from "./bip-terminal.ts";
import { CardClock } from "./card-clock.ts";
import { WakeUp } from "./wake-up.ts";

/** Timer expiration and TIMER MANAGEMENT, among other bits; and the same without the second. */
const WITH_TIMERS = hex`21 00 E8 00 01 0C 00 03`;
const WITHOUT = hex`21 00 E8 00 01 0C 00 02`;

const STARTED = "810301270002028281830100A40101";
/** What a terminal says that does not know the command. */
const UNKNOWN = "810301270002028281830130";

async function scene(terminalProfile: Uint8Array, answer = STARTED) {
	const time = new FakeClock();
	const asked: string[] = [];
	const card: Pick<InCardInterface, "request"> = {
		request: async (command) => {
			asked.push(toHex(command));
			return fromHex(answer);
		},
	};
	const clock = new CardClock(time);
	const wakeUp = new WakeUp(new BipTerminal(card as InCardInterface), clock, { terminalProfile, pollSeconds: 10 });
	await wakeUp.begin();
	const arm = async () => {
		wakeUp.arm();
		await time.advance(0);
		return asked.splice(0);
	};
	return { time, clock, wakeUp, asked, arm };
}

/** Octets of GCF test case 27.22.4.21.1 (1.3.3), and of 27.22.4.21.2 (2.2.1): start for an hour, and 30 s. */
const FOR_30_SECONDS = "D011810301270082028182A40101A503000003";
const FOR_AN_HOUR = "D011810301270082028182A40101A503100000";
const POLL_INTERVAL = "D00D8103010300820281828402010A";

describe("how a card wakes up", () => {
	it("by a timer that ends when the next thing is due, in the octets of TIMER MANAGEMENT", async () => {
		const { clock, arm } = await scene(WITH_TIMERS);
		expect(await arm()).toEqual([]);
		clock.schedule(Seconds(3_600), () => undefined);
		expect(await arm()).toEqual([FOR_AN_HOUR]);
		clock.schedule(Milliseconds(29_001), () => undefined);
		expect(await arm()).toEqual([FOR_30_SECONDS]);
	});

	it("asks for nothing while a timer runs that ends early enough, and again after TIMER EXPIRATION", async () => {
		const { time, clock, wakeUp, arm } = await scene(WITH_TIMERS);
		const done: number[] = [];
		const cancel = clock.schedule(Seconds(30), () => undefined);
		await arm();
		cancel();
		clock.schedule(Seconds(60), () => done.push(time.now()));
		expect(await arm()).toEqual([]);
		const start = time.now();
		await time.advance(30_000);
		wakeUp.envelope(hex`D70C82028281A40102A503000003`);
		expect(await arm()).toEqual([]);
		wakeUp.envelope(hex`D70C82028281A40101A503000003`);
		expect(await arm()).toEqual([FOR_30_SECONDS]);
		await time.advance(30_000);
		wakeUp.envelope(hex`D70C82028281A40101A503000003`);
		clock.tick();
		expect(done).toEqual([start + 60_000]);
		expect(await arm()).toEqual([]);
	});

	it("starts the timer again when its end was never told", async () => {
		const { time, clock, arm } = await scene(WITH_TIMERS);
		clock.schedule(Seconds(30), () => undefined);
		await arm();
		await time.advance(40_000);
		clock.tick();
		clock.schedule(Seconds(30), () => undefined);
		expect(await arm()).toEqual([FOR_30_SECONDS]);
	});

	it("sets the longest time that a timer has for what is later than a day", async () => {
		const { clock, arm } = await scene(WITH_TIMERS);
		clock.schedule(Seconds(200_000), () => undefined);
		expect(await arm()).toEqual([FOR_AN_HOUR.replace("100000", "329595")]);
	});

	it("by STATUS, where the terminal profile has no timers, or the terminal refuses them", async () => {
		const without = await scene(WITHOUT);
		expect(without.asked.splice(0)).toEqual([POLL_INTERVAL]);
		without.clock.schedule(Seconds(30), () => undefined);
		expect(await without.arm()).toEqual([]);
		const refusing = await scene(WITH_TIMERS, UNKNOWN);
		expect(refusing.asked).toEqual([]);
		refusing.clock.schedule(Seconds(30), () => undefined);
		expect(await refusing.arm()).toEqual([FOR_30_SECONDS, POLL_INTERVAL]);
		expect(await refusing.arm()).toEqual([]);
	});

	it("survives a TIMER EXPIRATION that is cut off", async () => {
		const { wakeUp } = await scene(WITH_TIMERS);
		const event = hex`D70C82028281A40101A503000003`;
		for (let length = 0; length < event.length; length++) {
			try {
				wakeUp.envelope(event.subarray(0, length));
			} catch (error) {
				expect(error).toMatchObject({ code: "IPAE_TERMINAL_ANSWER_INVALID" });
			}
		}
	});
});
