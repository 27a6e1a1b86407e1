import { EventEmitter } from "node:events";
import { describe, expect, test } from "vitest";
import { Milliseconds, Seconds } from "../util/duration.ts";
import { systemClock } from "./clock.ts";
import { ConfigError } from "./errors.ts";
import { exitCode, Lifecycle, runUntilSignal } from "./lifecycle.ts";
import { memoryLogger, silentLogger } from "./logger.ts";

function parts(seen: string[]) {
	const part = (name: string, failsAt?: "start" | "stop") => ({
		name,
		start: async () => {
			if (failsAt === "start") throw new Error("port taken");
			seen.push(`+${name}`);
		},
		stop: () => {
			if (failsAt === "stop") throw new Error("stuck");
			seen.push(`-${name}`);
		},
	});
	const lifecycle = new Lifecycle({ clock: systemClock, log: silentLogger("x"), stopTimeout: Seconds(5) });
	return { part, lifecycle };
}

describe("lifecycle", () => {
	test("starts in order, stops in reverse order, and only once", async () => {
		const seen: string[] = [];
		const { part, lifecycle } = parts(seen);
		lifecycle.add(part("database")).add(part("listener"));
		await lifecycle.start();
		await Promise.all([lifecycle.stop(), lifecycle.stop()]);
		expect(seen).toEqual(["+database", "+listener", "-listener", "-database"]);
	});

	test("a part that cannot start takes the others back and is named", async () => {
		const seen: string[] = [];
		const { part, lifecycle } = parts(seen);
		lifecycle.add(part("database")).add(part("listener", "start")).add(part("jobs"));
		await expect(lifecycle.start()).rejects.toThrow("listener could not be started: port taken");
		expect(seen).toEqual(["+database", "-database"]);
	});

	test("a part that fails to stop does not keep the others running", async () => {
		const seen: string[] = [];
		const { part, lifecycle } = parts(seen);
		lifecycle.add(part("database")).add(part("listener", "stop"));
		await lifecycle.start();
		await expect(lifecycle.stop()).rejects.toMatchObject({ code: "LIFECYCLE_STOP_FAILED" });
		expect(seen).toContain("-database");
	});

	test("a part that hangs is given up after the time limit", async () => {
		const lifecycle = new Lifecycle({ clock: systemClock, log: silentLogger("x"), stopTimeout: Milliseconds(5) });
		lifecycle.add({ name: "hanging", start: () => undefined, stop: () => new Promise(() => undefined) });
		await lifecycle.start();
		await expect(lifecycle.stop()).rejects.toThrow("hanging could not be stopped: took longer than 5 ms");
	});

	test("SIGTERM stops the program with code 0, a second one abandons it", async () => {
		const seen: string[] = [];
		const { part, lifecycle } = parts(seen);
		lifecycle.add(part("a"));
		const signals = new EventEmitter();
		const abandoned: number[] = [];
		const { logger } = memoryLogger();
		const code = await runUntilSignal(lifecycle, {
			signals,
			log: logger("main"),
			abandon: (exit) => abandoned.push(exit),
			ready: () => {
				signals.emit("SIGTERM");
				signals.emit("SIGINT");
			},
		});
		expect(code).toBe(0);
		expect(abandoned).toEqual([130]);
		expect(seen).toEqual(["+a", "-a"]);
		expect(signals.listenerCount("SIGTERM")).toBe(0);
	});

	test("a failed start is logged and becomes an exit code: 2 for a wrong configuration", async () => {
		const { part, lifecycle } = parts([]);
		lifecycle.add(part("a", "start"));
		const { logger, entries } = memoryLogger();
		const deps = { signals: new EventEmitter(), log: logger("main"), abandon: () => undefined };
		const told: string[] = [];
		expect(await runUntilSignal(lifecycle, { ...deps, complain: (text) => told.push(text) })).toBe(1);
		expect(entries[0]?.phrase).toBe("program failed");
		expect(told).toEqual([expect.stringMatching(/port taken \(LIFECYCLE_START_FAILED\)$/)]);
		expect(exitCode(new ConfigError("CONFIG_VALUE_INVALID", "x"))).toBe(2);
	});
});
