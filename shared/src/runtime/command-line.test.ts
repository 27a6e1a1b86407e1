import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { defineErrors, EsimError } from "../util/errors.ts";
import { endOfProgram, withUsageHints } from "./command-line.ts";

defineErrors({
	TEST_USAGE: { meaning: "A wrong argument.", action: "Correct it.", httpStatus: 400 },
	TEST_FAILED: { meaning: "It failed.", action: "Try again." },
});

function program(onRun: () => void = () => undefined) {
	const written: string[] = [];
	const root = new Command("meter").configureOutput({
		writeErr: (text) => written.push(text),
		writeOut: () => undefined,
	});
	root.command("card").command("reset").requiredOption("--what <what>").action(onRun);
	return { root: withUsageHints(root), written };
}

async function run(argv: string[], onRun?: () => void): Promise<{ code: number; said: string }> {
	const { root, written } = program(onRun);
	const code = await root.parseAsync(argv, { from: "user" }).then(
		() => 0,
		(error) => endOfProgram("meter", error, (text) => written.push(text)),
	);
	return { code, said: written.join("") };
}

describe("a program's end", () => {
	it.each([
		["an unknown option", ["card", "reset", "--what", "all", "--loud"], "unknown option"],
		["a missing option", ["card", "reset"], "required option"],
		["an unknown command", ["card", "polish"], "unknown command"],
	])("is 2 with a hint for %s", async (_what, argv, text) => {
		const { code, said } = await run(argv);
		expect(code).toBe(2);
		expect(said).toContain(text);
		expect(said).toMatch(/See `meter card( reset)? --help`\./);
	});

	it("is 0 for help", async () => {
		expect((await run(["card", "--help"])).code).toBe(0);
	});

	it("is 2 for what an argument says, 1 for what went wrong, and tells why and what to do", async () => {
		const throws = (code: string) => () => {
			throw new EsimError(code, "no such meter");
		};
		const argv = ["card", "reset", "--what", "all"];
		expect(await run(argv, throws("TEST_USAGE"))).toEqual({
			code: 2,
			said: "meter: no such meter (TEST_USAGE)\n  Correct it.",
		});
		expect(await run(argv, throws("TEST_FAILED"))).toEqual({
			code: 1,
			said: "meter: no such meter (TEST_FAILED)\n  Try again.",
		});
	});

	it("is not hidden when it is a fault of the program", async () => {
		const fault = () => {
			throw new TypeError("undefined is not a meter");
		};
		await expect(run(["card", "reset", "--what", "all"], fault)).rejects.toThrow(TypeError);
	});
});
