import { describe, expect, it } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { measuredEsipa } from "./measured.ts";
import { makeMetrics } from "./observability/metrics.ts";

describe("the metrics of ESipa", () => {
	it("count messages by the link that they came over, and by what came of them", async () => {
		const metrics = makeMetrics(async () => ({}));
		const answers = [() => new Uint8Array(1), () => Promise.reject(new Error("refused"))];
		const handle = async () => answers.shift()?.() ?? null;
		const handler = measuredEsipa({ handle }, metrics, new FakeClock());
		const poll = Uint8Array.of(0xbf, 0x4f, 0x00);
		await handler.handle(poll, { remoteAddress: "192.0.2.1", link: "coap" });
		await expect(handler.handle(poll, { remoteAddress: "192.0.2.1", link: "coap" })).rejects.toThrow("refused");
		await handler.handle(poll, { remoteAddress: "192.0.2.1", link: "mqtt" });
		await handler.handle(poll, { remoteAddress: "192.0.2.1" });
		const lines = (await metrics.text()).split("\n").filter((line) => line.startsWith("eim_esipa_messages_total"));
		expect(lines).toEqual([
			'eim_esipa_messages_total{link="coap",outcome="answered"} 1',
			'eim_esipa_messages_total{link="coap",outcome="refused"} 1',
			'eim_esipa_messages_total{link="mqtt",outcome="answered"} 1',
		]);
	});
});
