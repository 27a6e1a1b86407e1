import type { Static } from "@sinclair/typebox";
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import { cliBench } from "../../../../test/support/cli-bench.ts";
import type { WakeUpView } from "../../api/wake-schemas.ts";
import type { WakeUpJson } from "../api-types.ts";

let bench: Awaited<ReturnType<typeof cliBench>>;
beforeEach(async () => {
	bench = await cliBench();
});
afterEach(() => bench.close());

const eim = (line: string) => bench.eim(line);

describe("eim device waking", () => {
	it("says how a device is woken and when it is awake, which device show repeats", async () => {
		expect(await eim(`device waking ${bench.eid} --sms +491701234567 --psm 00100110 16`)).toEqual({
			code: 0,
			out: `changed ${bench.eid}: woken by sms to +491701234567, awake 16 s every 21600 s (psm)\n`,
		});
		expect((await eim(`device show ${bench.eid}`)).out).toMatch(/sleep +woken by sms to \+491701234567, awake 16 s/);
		const other = await eim(`device waking ${bench.eid} --webhook --reference pump --always`);
		expect(other.out).toBe(`changed ${bench.eid}: woken by webhook\n`);
		expect((await bench.store.loadDevice(bench.eid))?.wakeUp).toEqual({ via: "webhook", reference: "pump" });
		expect((await eim(`device waking ${bench.eid} --never --every 3600 --for 20`)).out).toContain(
			"not woken, awake 20 s",
		);
		await eim(`device waking ${bench.eid} --edrx 655 20`);
		expect((await bench.store.loadDevice(bench.eid))?.awake).toEqual({ by: "edrx", every: 655_000, for: 20_000 });
	});

	it.each(["", "--webhook --never", "--every 60", "--psm 10", "--edrx ten 1", "--psm 10 1 --always"])(
		"ends with 2 where it makes no sense: %s",
		async (words) => expect((await eim(`device waking ${bench.eid} ${words}`.trim())).code).toBe(2),
	);

	it("lists each time that a device was woken", async () => {
		expect((await eim(`device wake-ups ${bench.eid}`)).out).toBe("never woken\n");
		const at = Date.now();
		const row = {
			id: "wu_1",
			eid: bench.eid,
			via: "sms",
			state: "sending",
			waiting: 2,
			createdAt: at,
			updatedAt: at,
		} as const;
		await bench.store.openWakeUp(row);
		await bench.store.changeWakeUp("wu_1", { state: "failed", at, error: "WAKE_SMSC_UNREACHABLE: refused" });
		expect((await eim(`device wake-ups ${bench.eid}`)).out).toMatch(/sms +failed +2 .*WAKE_SMSC_UNREACHABLE: refused/);
	});
});

it("takes the answer for what the API says it is", () => {
	expectTypeOf<Static<typeof WakeUpView>>().toExtend<WakeUpJson>();
});

describe("eim device list and show", () => {
	it("tell over which link a device speaks", async () => {
		const seen = { lastLink: "coaps+tcp", lastLinkAt: Date.now() } as const;
		expect((await eim(`device show ${bench.eid}`)).out).not.toContain("last link");
		await bench.store.changeDevice(bench.eid, seen);
		expect((await eim(`device show ${bench.eid}`)).out).toMatch(/last link +coaps\+tcp, /);
		expect((await eim("device list --link coaps+tcp")).out).toMatch(new RegExp(`LINK.*\n.*${bench.eid}.*coaps\\+tcp`));
		expect((await eim("device list --link coap")).out).toContain("no devices");
		expect((await eim("device list --link fax")).code).not.toBe(0);
	});
});
