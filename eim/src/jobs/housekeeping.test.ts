import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { Days, Hours } from "@iot-esim/shared/util/duration";
import { expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { createHousekeeping, type HousekeepingOptions } from "./housekeeping.ts";

it("removes old operations, results, jobs and wake-ups in steps to the end, once in an hour, and never without a term", async () => {
	const calls: string[] = [];
	const steps = (name: string) => async (before: number, after: number | undefined) => {
		calls.push(`${name} ${before} after ${after}`);
		return after === undefined ? 500 : undefined;
	};
	const nothing = async () => undefined;
	const store = {
		expireOperations: async () => [],
		removeDeadSessions: nothing,
		forgetIdempotencyKeys: nothing,
		removeEvents: nothing,
		removeOperations: steps("operations"),
		removeResults: steps("results"),
		removeJobs: steps("jobs"),
		removeWakeUps: steps("wakeUps"),
	} as unknown as HousekeepingOptions["store"];
	const clock = new FakeClock(Days(100));
	const { logger } = memoryLogger();
	await createHousekeeping({ store, clock, logger }).runOnce();
	expect(calls).toEqual([]);
	const housekeeping = createHousekeeping({ store, clock, logger, operationsKept: Days(90) });
	await housekeeping.runOnce();
	await housekeeping.runOnce();
	const before = Days(10);
	expect(calls).toEqual([
		`operations ${before} after undefined`,
		`operations ${before} after 500`,
		`results ${before} after undefined`,
		`results ${before} after 500`,
		`jobs ${before} after undefined`,
		`jobs ${before} after 500`,
		`wakeUps ${before} after undefined`,
		`wakeUps ${before} after 500`,
	]);
	await clock.advance(Hours(1));
	await housekeeping.runOnce();
	expect(calls).toHaveLength(16);
});
