import { fromHex, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { parseProactiveCommand } from "./proactive-command.ts";
import { TerminalTimers } from "./terminal-timers.ts";

function terminal() {
	const clock = new FakeClock();
	const told: string[] = [];
	const timers = new TerminalTimers(clock, (envelope) => told.push(toHex(envelope)));
	const ask = (command: string) => toHex(timers.answer(parseProactiveCommand(fromHex(command))));
	return { clock, told, timers, ask };
}

const START = (timer: string, value: string) => `D011810301270082028182A401${timer}A503${value}`;
const DEACTIVATE = (timer: string) => `D00C810301270182028182A401${timer}`;
const GET = (timer: string) => `D00C810301270282028182A401${timer}`;

/**
 * Test cases of 3GPP TS 51.010-4 section 27.22.4.21 (also ETSI TS 102 384), as the tests of Qt Extended's telephony
 * library have them: what a card sends, and what every terminal has to answer.
 */
describe("the timers of a terminal", () => {
	it.each([
		["1.1.1 start", [START("01", "005000")], "810301270002028281830100A40101"],
		["1.1.2 get current value", [START("01", "005000"), GET("01")], "810301270202028281830100A40101A503005000"],
		["1.1.4 deactivate", [START("01", "001003"), DEACTIVATE("01")], "810301270102028281830100A40101A503001003"],
		["1.2.2 the longest time", [START("02", "329595"), GET("02")], "810301270202028281830100A40102A503329595"],
		["1.3.2 the last timer", [START("08", "000200"), GET("08")], "810301270202028281830100A40108A503000200"],
		["1.4.1 get, not running", [GET("01")], "810301270202028281830124A40101"],
		["1.5.8 deactivate, not running", [DEACTIVATE("08")], "810301270102028281830124A40108"],
	])("answer as the test cases want: %s", (_, commands, expected) => {
		const { ask } = terminal();
		expect(commands.map(ask).at(-1)).toBe(expected);
	});

	it.each([
		["2.1.1", "000001", 10, "D70C82028281A40101A503000001"],
		["2.2.1", "000003", 30, "D70C82028281A40101A503000003"],
	])("tell the card when one has expired, at its time: %s", async (_, value, seconds, envelope) => {
		const { ask, clock, told } = terminal();
		ask(START("01", value));
		await clock.advance(seconds * 1_000 - 1);
		expect(told).toEqual([]);
		await clock.advance(1);
		expect(told).toEqual([envelope]);
		expect(ask(GET("01"))).toContain("830124");
		await clock.advance(86_400_000);
		expect(told).toHaveLength(1);
	});

	it("begin anew, tell what is left, and are gone with the card", async () => {
		const { ask, clock, told, timers } = terminal();
		ask(START("01", "000001"));
		await clock.advance(9_000);
		ask(START("01", "000001"));
		ask(START("03", "000002"));
		await clock.advance(9_000);
		expect(ask(GET("01"))).toContain("A503000010");
		expect(ask(DEACTIVATE("01"))).toContain("A503000010");
		timers.end();
		await clock.advance(3_600_000);
		expect(told).toEqual([]);
		expect(clock.pending).toBe(0);
	});

	it.each([
		["timer 0", START("00", "000001")],
		["timer 9", START("09", "000001")],
		["no timer", "D009810301270282028182"],
		["no value", DEACTIVATE("01").replace("2701", "2700")],
		["a value that is no time", START("01", "000006")],
		["digits above 9", START("01", "00000F")],
	])("do not understand %s", (_, command) => {
		expect(terminal().ask(command)).toMatch(/830132$/);
	});
});
