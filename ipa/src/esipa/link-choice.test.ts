import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { Minutes } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { SeededRandom } from "../../../test/support/seeded-random.ts";
import { EsipaLinkError } from "./errors.ts";
import { type LinkChoice, newLinkChoice, nextLinkChoice } from "./link-choice.ts";
import { type ChoosableLink, choosingLink } from "./link-choice-link.ts";

const POLL = Uint8Array.of(0xbf, 0x4f, 0x00);
const RESULT = Uint8Array.of(0xbf, 0x50, 0x00);
const INITIATE = Uint8Array.of(0xbf, 0x39, 0x00);
const AUTHENTICATE = Uint8Array.of(0xbf, 0x3b, 0x00);
const CHEAP_TO_DEAR = ["coap", "mqtt", "https"] as const;

type State = "up" | "refusing" | "shut" | "silent" | "busy";

/** Three links whose state the test sets, and everything that went over them. */
function bench(change: Partial<Record<string, Partial<ChoosableLink>>> = {}) {
	const clock = new FakeClock();
	const { logger, entries } = memoryLogger();
	const states: Record<string, State> = { coap: "up", mqtt: "up", https: "up" };
	const calls: string[] = [];
	const open = new Set<string>();
	const choices: LinkChoice[] = [];
	const network = { isMetered: false };
	const linkOf = (name: string) => ({
		name: `${name}://eim`,
		exchange: async () => {
			open.add(name);
			calls.push(name);
			const context = {
				transportCode: states[name] === "refusing" ? "TRANSPORT_CONNECT_REFUSED" : "TRANSPORT_TIMEOUT",
				...(states[name] === "shut" ? { nothingSent: true } : {}),
			};
			if (states[name] === "busy") throw new EsipaLinkError("IPA_EIM_STATUS", "busy", { context: { status: 503 } });
			if (states[name] !== "up") throw new EsipaLinkError("IPA_EIM_UNREACHABLE", `${name} is dead`, { context });
			return Uint8Array.of(1);
		},
		renew: () => calls.push(`renew ${name}`),
		close: async () => void open.delete(name),
	});
	const link = choosingLink({
		links: CHEAP_TO_DEAR.map((name, cost) => ({
			name,
			cost,
			isForMetered: true,
			stays: false,
			make: () => linkOf(name),
			...change[name],
		})),
		isMetered: () => network.isMetered,
		onChange: (choice) => choices.push(choice),
		retryAfter: Minutes(5),
		retryAtMost: Minutes(12),
		clock,
		random: new SeededRandom(1),
		log: logger("test"),
	});
	const sent = async (message = POLL, signal?: AbortSignal) => {
		calls.length = 0;
		const failure = await link.exchange(message, signal).then(
			() => undefined,
			(error: Error) => error,
		);
		return { over: calls.join(" "), failure };
	};
	return { clock, entries, states, choices, network, open, link, sent };
}

describe("the choice between links", () => {
	it("is the cheapest, and in the same exchange the next one that reaches the eIM", async () => {
		const { sent, states, choices, link } = bench();
		expect(await sent()).toEqual({ over: "coap", failure: undefined });
		states.coap = "silent";
		states.mqtt = "refusing";
		expect(await sent(RESULT)).toEqual({ over: "coap mqtt https", failure: undefined });
		expect(await sent()).toEqual({ over: "https", failure: undefined });
		expect(link.name).toBe("https://eim");
		expect(choices.map(({ current, troubles }) => [current, Object.keys(troubles)])).toEqual([
			["coap", []],
			["https", ["coap", "mqtt"]],
		]);
	});

	it("probes the cheaper one again after its back-off, which doubles up to its bound, never sooner, a quarter later at most", async () => {
		const { sent, states, clock } = bench();
		states.coap = "silent";
		await sent();
		for (const minutes of [5, 10, 12, 12]) {
			await clock.advance(Minutes(minutes) - 1);
			expect((await sent()).over).toBe("mqtt");
			await clock.advance(Minutes(minutes / 4) + 1);
			expect((await sent()).over).toBe("coap mqtt");
		}
		states.coap = "up";
		await clock.advance(Minutes(15));
		expect((await sent()).over).toBe("coap");
	});

	it("begins each back-off anew after a success", () => {
		const patience = { retryAfter: 100, retryAtMost: 10_000 };
		const failed = { type: "failed", name: "a", reason: "dead", at: 0, stray: 0 } as const;
		const plans = [{ name: "a", cost: 1, isForMetered: true }];
		const after = (...events: Parameters<typeof nextLinkChoice>[1][]) =>
			events.reduce((choice, event) => nextLinkChoice(choice, event, patience), newLinkChoice(plans)).troubles.a;
		expect(after(failed, failed, failed)?.retryAt).toBe(400);
		expect(after(failed, failed, { type: "reached", name: "a" }, failed)?.retryAt).toBe(100);
		expect(after({ ...failed, stray: 1 })?.retryAt).toBe(125);
		expect(after({ type: "unusable", name: "a", reason: "no addon" }, { type: "network-changed" })?.retryAt).toBe(
			"never",
		);
	});

	it("tries even those that failed lately before the device gives up, and then names every reason", async () => {
		const { sent, states } = bench();
		states.coap = "silent";
		await sent();
		states.mqtt = "silent";
		states.https = "silent";
		const { over, failure } = await sent();
		expect(over).toBe("mqtt https coap");
		expect(failure).toMatchObject({
			code: "IPA_EIM_UNREACHABLE",
			message: "no link reaches the eIM: mqtt is dead; https is dead; coap is dead",
		});
		states.coap = "up";
		expect((await sent()).failure).toBeUndefined();
	});

	it("never moves on from an answer of the eIM, nor after the device itself gave up", async () => {
		const { sent, states, choices } = bench();
		states.coap = "busy";
		expect(await sent()).toMatchObject({ over: "coap", failure: { code: "IPA_EIM_STATUS" } });
		states.coap = "silent";
		const { over, failure } = await sent(POLL, AbortSignal.abort());
		expect([over, failure?.message]).toEqual(["coap", "coap is dead"]);
		expect(choices.at(-1)?.troubles).toEqual({});
	});

	it("keeps a download on its link, and repeats its messages elsewhere only when surely nothing was sent", async () => {
		const { sent, states, clock } = bench();
		states.coap = "silent";
		expect(await sent(INITIATE)).toMatchObject({ over: "coap", failure: { message: "coap is dead" } });
		expect((await sent(INITIATE)).over).toBe("mqtt");
		await clock.advance(Minutes(7));
		expect((await sent(AUTHENTICATE)).over).toBe("mqtt");
		states.mqtt = "refusing";
		states.coap = "refusing";
		expect(await sent(AUTHENTICATE)).toEqual({ over: "mqtt coap https", failure: undefined });
		states.https = "shut";
		states.coap = "up";
		expect(await sent(AUTHENTICATE)).toEqual({ over: "https coap", failure: undefined });
	});

	it("tries all anew after a profile switch, which every open link is told of", async () => {
		const { sent, states, link, open } = bench();
		states.coap = "silent";
		await sent();
		states.coap = "up";
		link.renew?.();
		expect((await sent()).over).toBe("coap");
		expect([...open]).toEqual(["coap"]);
		states.coap = "silent";
		await sent();
		states.coap = "up";
		link.tryAnew?.();
		expect((await sent()).over).toBe("coap");
	});

	it("does not use a link on a paid network that is not meant for it", async () => {
		const { sent, states, network } = bench({ https: { isForMetered: false } });
		network.isMetered = true;
		states.coap = "silent";
		states.mqtt = "silent";
		expect((await sent()).over).toBe("coap mqtt");
		network.isMetered = false;
		expect((await sent()).over).toBe("https");
	});

	it("leaves out what cannot be made, says so once, and fails only when nothing can", async () => {
		const missing = new EsipaLinkError("IPA_EIM_TRUST_MISSING", "no key");
		const make = () => {
			throw missing;
		};
		const { sent, entries, choices } = bench({ coap: { make } });
		await sent();
		expect((await sent()).over).toBe("mqtt");
		expect(entries.filter(({ phrase }) => phrase === "link left out")).toHaveLength(1);
		expect(choices.at(-1)).toMatchObject({
			current: "mqtt",
			troubles: { coap: { reason: "no key", retryAt: "never" } },
		});
		expect(() => bench({ coap: { make }, mqtt: { make }, https: { make } })).toThrow(missing);
	});

	it("lets go of dearer links as soon as a cheaper one works again, those that stay apart", async () => {
		const { sent, states, open, clock } = bench({ https: { stays: true } });
		states.coap = "silent";
		states.mqtt = "silent";
		await sent();
		states.mqtt = "up";
		await clock.advance(Minutes(10));
		await sent();
		states.coap = "up";
		await clock.advance(Minutes(20));
		await sent();
		expect([...open].sort()).toEqual(["coap", "https"]);
	});
});
