import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { memoryLogger } from "../runtime/logger.ts";
import { Seconds } from "../util/duration.ts";
import { failedHandshakes } from "./failed-handshakes.ts";
import { DtlsError } from "./native/dtls/errors.ts";

function bench() {
	const clock = new FakeClock();
	const { logger, entries } = memoryLogger();
	const counted: string[] = [];
	const failed = failedHandshakes({ log: logger("eim.coap"), clock, count: (reason) => counted.push(reason) });
	return { clock, entries, counted, failed };
}

const wrongKey = new DtlsError("DTLS_KEY_MISMATCH", "another key", { context: { pskIdentity: "meter" } });

describe("failed handshakes", () => {
	it("are told with address, claimed identity and reason, and counted by the reason's code", () => {
		const { failed, entries, counted } = bench();
		failed("192.0.2.1:40000", wrongKey);
		failed(undefined, new Error("something else"));
		expect(entries).toMatchObject([
			{
				level: "warn",
				phrase: "handshake failed",
				facts: { remoteAddress: "192.0.2.1:40000", pskIdentity: "meter", error: { code: "DTLS_KEY_MISMATCH" } },
			},
			{ phrase: "handshake failed", facts: { error: { message: "something else" } } },
		]);
		expect(counted).toEqual(["DTLS_KEY_MISMATCH", "OTHER"]);
	});

	it("of one host do not hide those of another, and all of them write a bounded number of lines a minute", async () => {
		const { failed, entries, counted, clock } = bench();
		for (let n = 0; n < 1000; n++) failed(`[2001:db8::${n.toString(16)}]:40000`, wrongKey);
		expect(entries).toHaveLength(5);
		failed("192.0.2.1:5", wrongKey);
		expect(entries.at(-1)?.facts).toMatchObject({ remoteAddress: "192.0.2.1:5", notTold: 995 });
		for (let n = 0; n < 1000; n++) failed(`198.51.${n >> 8}.${n & 255}:40000`, wrongKey);
		expect(entries).toHaveLength(30);
		await clock.advance(Seconds(60));
		failed("192.0.2.1:5", wrongKey);
		expect(entries.at(-1)?.facts).toMatchObject({ notTold: 976 });
		expect(entries).toHaveLength(31);
		expect(counted).toHaveLength(2002);
	});
});
