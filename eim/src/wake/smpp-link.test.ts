import { type Duplex, duplexPair } from "node:stream";
import { sleep } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { Hours, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { type ShortMessage, Smsc, type SmscOptions } from "@iot-esim/sim/network/smsc/smsc";
import smpp from "smpp";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { SeededRandom } from "../../../test/support/seeded-random.ts";
import { smppSettings } from "../../../test/support/smpp-settings.ts";
import type { WakeUp, WakeUpChange } from "../domain/wake-up.ts";
import { SmppLink, type SmppSettings } from "./smpp-link.ts";
import { receiptTaker, smsWaker } from "./sms-waker.ts";

const START = Date.UTC(2026, 0, 1);
const msisdn = "491701234567";

/** A link to the simulated SMSC, with one device that is in reach or not. */
function bench(given: { settings?: Partial<SmppSettings>; smsc?: Partial<SmscOptions> } = {}) {
	const clock = new FakeClock(START);
	const { logger, entries } = memoryLogger();
	const received: ShortMessage[] = [];
	const receipts: [readonly string[], WakeUpChange][] = [];
	const state = { inReach: true, refuses: false, isSilent: false, connections: 0, ends: [] as Duplex[] };
	const storage: { storing: Promise<void> | undefined; isKnown: boolean } = { storing: undefined, isKnown: true };
	const receive = (message: ShortMessage) => {
		if (state.inReach) received.push(message);
		return state.inReach;
	};
	const smsc = new Smsc({
		clock,
		log: logger("sim.smsc"),
		accounts: { eim: "secret" },
		subscriber: (digits) => (digits === msisdn ? { receive } : undefined),
		...given.smsc,
	});
	const noteWakeUpReceipt = async (_via: string, ids: readonly string[], change: WakeUpChange) => {
		await storage.storing;
		receipts.push([ids, change]);
		return storage.isKnown ? ({} as WakeUp) : undefined;
	};
	const link = new SmppLink({
		name: "smpp://smsc.example.com:2775",
		settings: { ...smppSettings, perSecond: 1000, enquireEvery: Seconds(30), ...given.settings },
		open: async (signal) => {
			if (state.refuses) throw new Error("connection refused");
			if (state.isSilent) {
				await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("given up"))));
			}
			const [ours, theirs] = duplexPair();
			// As sockets do; the pair itself tells only of an orderly end.
			theirs.on("close", () => ours.destroy());
			ours.on("close", () => theirs.destroy());
			state.connections++;
			state.ends.push(theirs);
			smsc.accept(theirs);
			return ours;
		},
		clock,
		log: logger("eim.wake"),
		onDelivered: receiptTaker({ noteWakeUpReceipt }, clock, logger("eim.wake")),
	});
	const waker = smsWaker({ smsc: link, source: "+491700000", payload: "6569" });
	const trigger = { id: "wu_1", eid: "89049032000000000000000000000166" as never, waiting: 1, at: START };
	const wake = (address: object = {}, until = START + Hours(2)) =>
		waker.wake({ via: "sms", msisdn, ...address }, { ...trigger, until });
	return { clock, entries, received, receipts, state, storage, smsc, link, wake };
}

describe("waking by short message", () => {
	it("brings octets to the application's port, and the receipt to the message", async () => {
		const { clock, link, wake, received, receipts } = bench();
		link.start();
		const { reference } = await clock.until(wake({ port: 5683, payload: "C0FFEE" }));
		await clock.until(wake());
		expect(received).toEqual([
			{ from: "491700000", port: 5683, octets: hex`C0FFEE` },
			{ from: "491700000", octets: hex`6569` },
		]);
		await clock.advance(0);
		expect(reference).toBe("00000001");
		expect(receipts[0]).toEqual([["00000001"], { state: "delivered", at: START }]);
		await clock.until(link.stop());
		await clock.advance(Seconds(10));
		expect(clock.pending).toBe(0);
	});

	it("leaves it with the SMSC until the device is reached, one message however many are sent", async () => {
		const { clock, link, wake, received, receipts, state, smsc } = bench();
		state.inReach = false;
		link.start();
		const first = await clock.until(wake());
		const second = await clock.until(wake());
		expect(second).toEqual(first);
		expect(smsc.waiting).toBe(1);
		await clock.advance(Minutes(90));
		expect([received.length, receipts.length]).toEqual([0, 0]);
		state.inReach = true;
		await clock.advance(Seconds(2));
		expect([received.length, receipts.length]).toEqual([1, 1]);
		await clock.until(link.stop());
	});

	it("lets it expire when nothing waits any more", async () => {
		const { clock, link, wake, receipts, state, smsc } = bench();
		state.inReach = false;
		link.start();
		await clock.until(wake({}, START + Hours(1)));
		await clock.advance(Hours(1) + Seconds(2));
		expect(smsc.waiting).toBe(0);
		expect(receipts[0]?.[1]).toMatchObject({ state: "undelivered", error: "EXPIRED, error 001" });
		await clock.until(link.stop());
	});

	it.each([["a number that nobody has", { msisdn: "4900" }, "WAKE_SMSC_REFUSED", "ESME_RINVDSTADR(0x0B)"]])(
		"says the SMSC's own reason for %s",
		async (_name, address, code, text) => {
			const { clock, link, wake } = bench();
			link.start();
			await expect(clock.until(wake(address))).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
			await clock.until(link.stop());
		},
	);
});

describe("a delivery receipt", () => {
	/** Brings receipts as an SMSC does; the statuses of their acknowledgements. */
	async function receiptBench() {
		const all = bench();
		all.link.start();
		await all.clock.advance(0);
		const [end] = all.state.ends;
		const statuses: number[] = [];
		const read = (octets: Buffer) => {
			const pdu = new smpp.PDU(octets);
			if (pdu.command === "deliver_sm_resp") statuses.push(pdu.command_status);
		};
		end?.on("data", read);
		let sequence = 0;
		const write = async (pdu: Buffer) => {
			end?.write(pdu);
			await all.clock.advance(0);
		};
		const receipt = (id: string, more: object = {}) => {
			const short_message = Buffer.from(`id:${id} stat:DELIVRD err:000`);
			return new smpp.PDU("deliver_sm", {
				esm_class: 4,
				sequence_number: ++sequence,
				short_message,
				...more,
			}).toBuffer();
		};
		const bring = (id = "1") => write(receipt(id));
		return { ...all, statuses, write, receipt, bring };
	}

	it("is acknowledged when it is stored, not before", async () => {
		const { clock, link, storage, receipts, statuses, bring } = await receiptBench();
		let stored = () => {};
		storage.storing = new Promise((resolve) => {
			stored = resolve;
		});
		await bring();
		await clock.advance(Seconds(4));
		expect([statuses, receipts.length]).toEqual([[], 0]);
		stored();
		await clock.advance(0);
		expect([statuses, receipts.length]).toEqual([[0], 1]);
		await clock.until(link.stop());
	});

	it("is to come again when it cannot be stored, or not in 5 s", async () => {
		const { clock, link, storage, receipts, statuses, bring } = await receiptBench();
		storage.storing = new Promise(() => undefined);
		await bring();
		await clock.advance(Seconds(5));
		expect(statuses).toEqual([0x64]);
		storage.storing = Promise.reject(new Error("the database is gone"));
		await bring();
		expect(statuses).toEqual([0x64, 0x64]);
		storage.storing = undefined;
		await bring();
		expect([statuses, receipts.length]).toEqual([[0x64, 0x64, 0], 1]);
		await clock.until(link.stop());
	});

	it("that overtakes the answer to its message is looked for again before it is acknowledged", async () => {
		const { clock, link, storage, receipts, statuses, bring } = await receiptBench();
		storage.isKnown = false;
		await bring("C0FFEE-1");
		expect(receipts).toHaveLength(1);
		storage.isKnown = true;
		await clock.advance(Seconds(2));
		expect([statuses, receipts.length]).toEqual([[0], 2]);
		storage.isKnown = false;
		await bring("of-nobody");
		await clock.advance(Seconds(2));
		expect([statuses, receipts.length]).toEqual([[0, 0], 4]);
		await clock.until(link.stop());
	});

	it("that cannot be read is refused for good, and the binding stays; a large one is read", async () => {
		const { clock, link, state, receipts, statuses, write, receipt, bring } = await receiptBench();
		// source_port of two octets, of which none is there.
		const cut = Buffer.concat([receipt("1"), Buffer.from("020a0002", "hex")]);
		cut.writeUInt32BE(cut.length, 0);
		await write(cut);
		const submit_sm_resp = Buffer.concat([Buffer.from("0000001580000004000000000000000241", "hex"), cut.subarray(-4)]);
		await write(submit_sm_resp);
		await bring();
		expect([statuses, receipts.length]).toEqual([[0x65, 0], 1]);
		await write(receipt("2", { message_payload: Buffer.alloc(60_000, 0x20) }));
		expect([statuses.at(-1), receipts.length, state.connections]).toEqual([0, 2, 1]);
		await clock.until(link.stop());
	});

	it("is stored and acknowledged before the link ends", async () => {
		const { clock, link, storage, statuses, bring } = await receiptBench();
		storage.storing = sleep(clock, Seconds(1));
		await bring();
		await clock.until(link.stop());
		expect(statuses).toEqual([0]);
		expect(clock.pending).toBe(0);
	});

	it("is to come again when more come than are stored, so that memory is bounded", async () => {
		const { clock, link, storage, statuses, bring } = await receiptBench();
		storage.storing = new Promise(() => undefined);
		for (let count = 0; count < 120; count++) await bring();
		expect(statuses).toEqual(Array(20).fill(0x64));
		await clock.advance(Seconds(5));
		expect(statuses).toEqual(Array(120).fill(0x64));
		await clock.until(link.stop());
	});
});

describe("the link to an SMSC", () => {
	it("says why it is not there, goes on trying ever more seldom, and serves what waits once it is", async () => {
		const { clock, link, wake, state, received } = bench();
		state.refuses = true;
		link.start();
		await expect(clock.until(wake())).rejects.toMatchObject({
			code: "WAKE_SMSC_UNREACHABLE",
			message: "connection refused",
		});
		state.refuses = false;
		await clock.until(wake());
		expect(received).toHaveLength(1);
		await clock.until(link.stop());
	});

	it("gives up a connection that does not come about, says so, and tries again", async () => {
		const { clock, link, wake, state, received } = bench();
		state.isSilent = true;
		link.start();
		await clock.advance(Seconds(5));
		await expect(clock.until(wake())).rejects.toThrow("no connection within 10000 ms");
		state.isSilent = false;
		await clock.until(wake());
		expect(received).toHaveLength(1);
		await clock.until(link.stop());
	});

	it("ends at once while a connection does not come about, and while the SMSC does not answer to the binding", async () => {
		const { clock, link, state } = bench();
		state.isSilent = true;
		link.start();
		await clock.advance(0);
		const begun = clock.now();
		await clock.until(link.stop());
		expect([clock.now() - begun, clock.pending]).toEqual([0, 0]);
		const unanswered = bench();
		unanswered.link.start();
		unanswered.state.ends[0]?.removeAllListeners("data");
		await unanswered.clock.until(unanswered.link.stop());
		expect([unanswered.clock.now() - START, unanswered.clock.pending]).toEqual([0, 0]);
	});

	it("gives a place in the window to who still waits for it, not to who has given up", async () => {
		const { clock, link, wake, state } = bench({ settings: { window: 1, perSecond: 0.2 } });
		link.start();
		await clock.until(wake());
		state.ends[0]?.pause();
		const outcome = Promise.allSettled([
			wake(), // its turn is after 5 s, no answer comes until 15
			sleep(clock, Seconds(1)).then(() => wake()), // gives up at 11
			sleep(clock, Seconds(9)).then(() => wake()), // waits until 19
		]);
		await clock.advance(Seconds(16));
		state.ends[0]?.resume();
		expect(await clock.until(outcome)).toMatchObject([
			{ reason: { code: "WAKE_SMSC_UNREACHABLE" } },
			{ reason: { code: "WAKE_SMSC_BUSY" } },
			{ status: "fulfilled" },
		]);
		await clock.until(link.stop());
	});

	it("tells a wrong password by the status of the binding", async () => {
		const { clock, link, wake } = bench({ settings: { password: "wrong" } });
		link.start();
		await expect(clock.until(wake())).rejects.toMatchObject({
			message: expect.stringContaining("bind_transceiver: ESME_RINVPASWD(0x0E)"),
		});
		await clock.until(link.stop());
	});

	it("binds again after a connection that broke, and after one that gives no sign of life", async () => {
		const { clock, link, wake, state, smsc, received } = bench();
		link.start();
		await clock.until(wake());
		smsc.drop();
		await clock.advance(Seconds(2));
		expect([state.connections, link.isBound]).toEqual([2, true]);
		state.ends.at(-1)?.pause();
		await clock.advance(Seconds(30));
		expect(link.isBound).toBe(true);
		await clock.advance(Seconds(12));
		expect([state.connections, link.isBound]).toEqual([3, true]);
		await clock.until(wake());
		expect(received).toHaveLength(2);
		await clock.until(link.stop());
	});

	it("keeps an idle binding alive for hours without another connection", async () => {
		const { clock, link, state } = bench();
		link.start();
		await clock.advance(Hours(3));
		expect([state.connections, link.isBound]).toEqual([1, true]);
		await clock.until(link.stop());
	});

	it("pauses when the SMSC says that there are too many, and brings every message all the same", async () => {
		const { clock, link, wake, received, entries } = bench({ smsc: { perSecond: 5 }, settings: { window: 3 } });
		link.start();
		await clock.until(Promise.all(Array.from({ length: 12 }, () => wake())));
		expect(received).toHaveLength(12);
		expect(entries.some(({ phrase }) => phrase === "SMSC asks for fewer messages")).toBe(true);
		expect(clock.now() - START).toBeGreaterThanOrEqual(Seconds(2));
		await clock.until(link.stop());
	});

	it("keeps its own rate and window, and says when it is too busy for another message", async () => {
		const { clock, link, wake, received } = bench({ settings: { perSecond: 1, answerWithin: Seconds(5) } });
		link.start();
		const all = await clock.until(Promise.allSettled(Array.from({ length: 8 }, () => wake())));
		expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
		expect(all.find((one) => one.status === "rejected")).toMatchObject({ reason: { code: "WAKE_SMSC_BUSY" } });
		expect(received).toHaveLength(5);
		await clock.until(link.stop());
	});

	it("answers what an SMSC asks, refuses what it has no reason to ask, and survives every octet that is harmed", async () => {
		const { clock, link, state, wake } = bench();
		link.start();
		await clock.until(wake());
		const [end] = state.ends;
		const answers: number[] = [];
		const write = (command: number, body = "") => {
			const pdu = Buffer.alloc(16 + body.length / 2);
			for (const [i, word] of [pdu.length, command, 0, 77].entries()) pdu.writeUInt32BE(word, 4 * i);
			pdu.write(body, 16, "hex");
			end?.write(pdu);
		};
		end?.removeAllListeners("data");
		end?.on("data", (octets: Buffer) => answers.push(octets.readUInt32BE(4)));
		// enquire_link, query_sm, alert_notification, outbind, a command that is none, and a deliver_sm that ends too early.
		for (const command of [0x15, 0x03, 0x102, 0x0b, 0x7777]) write(command, "0000000000000000");
		await clock.advance(0);
		expect(answers).toEqual([0x80000015, 0x80000000, 0x80000000]);
		const random = new SeededRandom(7);
		for (let i = 0; i < 2000 && link.isBound; i++)
			write([0x05, 0x103, 0x80000004][i % 3] ?? 0, toHex(random.bytes(1 + (i % 60))));
		await clock.advance(Seconds(3));
		expect(link.isBound).toBe(true);
		await clock.until(link.stop());
	});

	it("ends a connection over which something else than SMPP comes", async () => {
		const { clock, link, state } = bench();
		link.start();
		await clock.advance(0);
		state.ends[0]?.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n"));
		await clock.advance(Seconds(2));
		expect([state.connections, link.isBound]).toEqual([2, true]);
		await clock.until(link.stop());
	});
});
