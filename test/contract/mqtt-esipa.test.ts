/** The binding of ESipa to MQTT on a fake clock, over a broker without octets. */

import type { WaitingDevices } from "@iot-esim/eim/bindings/device-rounds";
import { EsipaError } from "@iot-esim/eim/esipa/errors";
import { createEsipaHandler, type EsipaHandler } from "@iot-esim/eim/esipa/handler";
import { ProcedureError } from "@iot-esim/ipa/procedures/errors";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Eid } from "@iot-esim/shared/ids/eid";
import type { MqttMessage, MqttVersion } from "@iot-esim/shared/transport/mqtt/connection";
import { EsipaTopics } from "@iot-esim/shared/transport/mqtt/esipa-topics";
import { decodeRefusal } from "@iot-esim/shared/transport/mqtt/refusal";
import { Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { esipaBench } from "../support/esipa-bench.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { MemoryBroker } from "../support/mqtt-broker.ts";
import { closeAll, EID, faceOf, handlerOf, linkOf, NOTHING, OTHER_EID, pollOf } from "./mqtt-bench.ts";

const topics = new EsipaTopics();
let clock: FakeClock;
let broker: MemoryBroker;

beforeEach(() => {
	clock = new FakeClock();
	broker = new MemoryBroker();
});
afterEach(closeAll);

async function startFace(change: Parameters<typeof faceOf>[1] = {}, version: MqttVersion = "5") {
	const face = faceOf(broker.opener(version), { clock, ...change });
	face.start();
	await face.connected();
	return face;
}

/** A client that publishes and listens as a test says, with the device's own topics. */
async function stranger(eid: string = EID, version: MqttVersion = "5") {
	const heard: MqttMessage[] = [];
	const connection = await broker.opener(version)((message) => heard.push(message));
	await connection.subscribe([topics.deviceFilter(eid)]);
	return {
		/** The next message after a request. */
		ask: async (topic: string, payload: Uint8Array, more: Partial<MqttMessage> = {}) => {
			heard.length = 0;
			await connection.publish({ topic, payload, qos: 1, ...more });
			await clock.advance(0);
			return heard[0];
		},
		heard,
		connection,
	};
}

const refusalOf = (message: MqttMessage | undefined) => decodeRefusal(message?.payload ?? NOTHING);

describe.each(["3.1.1", "5"] as const)("requests over MQTT %s", (version) => {
	it("are told apart by the topic or by correlation data, and need no other octet of either", async () => {
		await startFace({}, version);
		const link = linkOf(broker.opener(version), { clock });
		expect(await link.exchange(pollOf(EID))).toEqual(NOTHING);
		const [request, answer] = broker.seen.filter(({ topic }) => !topic.endsWith("/h"));
		const number = version === "5" ? "" : `/\\d{1,2}`;
		expect(request?.topic).toMatch(new RegExp(`^e1/u/${EID}${number}$`));
		expect(answer?.topic).toBe(request?.topic.replace("/u/", "/d/"));
		expect(answer?.correlation).toEqual(version === "5" ? request?.correlation : undefined);
		expect([request?.correlation?.length, answer?.qos]).toEqual([version === "5" ? 1 : undefined, 1]);
	});

	it("that the broker delivers twice are answered twice and taken once", async () => {
		let asked = 0;
		await startFace({ handler: handlerOf(async () => Uint8Array.of(0xbf, 0x4f, 3, 2, 1, ++asked)) }, version);
		broker.copies = 2;
		const link = linkOf(broker.opener(version), { clock });
		const answers = [await link.exchange(pollOf(EID)), await link.exchange(pollOf(EID))];
		await clock.advance(0);
		expect(asked).toBe(4);
		expect(answers.map((answer) => answer.at(-1))).toEqual([1, 3]);
	});

	it("of which one is lost end after the time allowed, and a late answer to one is none to the next", async () => {
		let release: () => void = () => undefined;
		const held = new Promise<Uint8Array>((resolve) => {
			release = () => resolve(Uint8Array.of(0xbf, 0x50, 0));
		});
		let asked = 0;
		await startFace({ handler: handlerOf(async () => (asked++ === 0 ? held : NOTHING)) }, version);
		const link = linkOf(broker.opener(version), { clock, timeout: Seconds(30) });
		const late = link.exchange(tlv(0xbf50));
		late.catch(() => undefined);
		await clock.advance(30_000);
		await expect(late).rejects.toThrow("no answer within 30000 ms");
		const next = link.exchange(pollOf(EID));
		release();
		expect(await next).toEqual(NOTHING);
		broker.passes = ({ topic }) => !topic.startsWith("e1/u/");
		const lost = link.exchange(pollOf(EID));
		lost.catch(() => undefined);
		await clock.advance(30_000);
		await expect(lost).rejects.toMatchObject({ code: "IPA_EIM_UNREACHABLE" });
		expect(clock.pending).toBe(0);
	});
});

describe("an eIM at a broker", () => {
	const outcomes: readonly [string, EsipaHandler["handle"], string][] = [
		["nothing to say is an empty payload", async () => null, ""],
		["an unknown message", () => Promise.reject(new EsipaError("ESIPA_MESSAGE_UNKNOWN", "what")), "400 what"],
		["a fault of its own", () => Promise.reject(new Error("disk full")), "500 try again later"],
	];
	it.each(outcomes)("answers as over HTTP: %s", async (_what, handle, expected) => {
		await startFace({ handler: handlerOf(handle) });
		const answer = await (await stranger()).ask(`e1/u/${EID}/1`, pollOf(EID));
		const refusal = refusalOf(answer);
		expect(refusal === undefined ? "" : `${refusal.status} ${refusal.text}`).toBe(expected);
		if (refusal === undefined) expect(answer?.payload).toHaveLength(0);
	});

	it("tells the IPA the status as HTTP would, so that it judges it the same", async () => {
		await startFace({ handler: handlerOf(() => Promise.reject(new Error("disk full"))) });
		const link = linkOf(broker.opener(), { clock });
		await expect(link.exchange(pollOf(EID))).rejects.toMatchObject({
			code: "IPA_EIM_STATUS",
			context: { status: 500 },
		});
	});

	it("takes no message in the name of another device, and answers to no topic of one", async () => {
		const eim = await esipaBench();
		let asked = 0;
		let { handle } = createEsipaHandler(eim.deps);
		await startFace({ handler: handlerOf((message, peer) => handle(message, peer)) });
		const device = await stranger();
		expect(refusalOf(await device.ask(`e1/u/${EID}/1`, pollOf(OTHER_EID)))?.status).toBe(403);
		await eim.close();
		handle = async () => {
			asked++;
			return NOTHING;
		};
		const responseTopic = topics.hint(OTHER_EID);
		const answer = await device.ask(`e1/u/${EID}`, pollOf(EID), { responseTopic, correlation: Uint8Array.of(9) });
		expect([answer?.topic, refusalOf(answer)?.status, answer?.correlation?.[0]]).toEqual([`e1/d/${EID}`, 403, 9]);
		expect(refusalOf(await device.ask(`e1/u/${"1".repeat(32)}/1`, NOTHING))).toBeUndefined();
		expect(asked).toBe(0);
		const own = `e1/d/${EID}/own`;
		expect((await device.ask(`e1/u/${EID}`, pollOf(EID), { responseTopic: own }))?.topic).toBe(own);
	});

	it("does not work on what is too large, or more than its share", async () => {
		const held: (() => void)[] = [];
		const hold = () => new Promise<Uint8Array>((resolve) => held.push(() => resolve(NOTHING)));
		await startFace({ concurrency: 1, handler: handlerOf(hold) });
		const device = await stranger();
		expect(refusalOf(await device.ask(`e1/u/${EID}/1`, new Uint8Array(256 * 1024 + 1)))?.status).toBe(413);
		for (let number = 1; number <= 5; number++) await device.ask(`e1/u/${EID}/${number}`, pollOf(EID));
		expect([device.heard[0]?.topic, refusalOf(device.heard[0])?.status]).toEqual([`e1/d/${EID}/5`, 429]);
		expect(held).toHaveLength(1);
		for (let done = 0; done < 4; done++) {
			held.shift()?.();
			await clock.advance(0);
		}
		expect(device.heard.map(({ topic }) => topic.at(-1))).toEqual(["5", "1", "2", "3", "4"]);
	});

	it("does not answer again what the broker keeps and delivers after each connection", async () => {
		let asked = 0;
		const handler = handlerOf(async () => {
			asked++;
			return NOTHING;
		});
		const device = await stranger();
		await device.connection.publish({ topic: `e1/u/${EID}/6`, payload: pollOf(EID), qos: 1, retain: true });
		await startFace({ handler, shareGroup: "" });
		await clock.advance(0);
		expect([asked, device.heard.length]).toEqual([0, 0]);
	});

	it("comes back to a broker that was away, after pauses that grow", async () => {
		broker.isDown = true;
		const face = faceOf(broker.opener(), { clock });
		face.start();
		await clock.advance(Minutes(10));
		broker.isDown = false;
		await clock.advance(Minutes(1));
		const link = linkOf(broker.opener(), { clock });
		expect(await link.exchange(pollOf(EID))).toEqual(NOTHING);
		broker.cut();
		await clock.advance(Seconds(1));
		expect(await link.exchange(pollOf(EID))).toEqual(NOTHING);
	});

	it("shares the requests with its replicas; each brings packages of its own", async () => {
		const heard = ["", ""];
		const faces = await Promise.all(
			[0, 1].map((at) =>
				startFace({
					handler: handlerOf(async () => {
						heard[at] += "x";
						return NOTHING;
					}),
				}),
			),
		);
		const link = linkOf(broker.opener(), { clock, onTransfer: async (message) => message });
		for (let round = 0; round < 4; round++) await link.exchange(pollOf(EID));
		expect(heard).toEqual(["xx", "xx"]);
		const brought = faces.map((face, at) => face.transfer(undefined, tlv(0xbf4e, Uint8Array.of(5, at)), EID));
		expect((await Promise.all(brought)).map((answer) => answer.at(-1))).toEqual([0, 1]);
	});
});

describe("a device at a broker", () => {
	it("gives the answer to a package that was brought, or says why there is none", async () => {
		const face = await startFace({ injectTimeout: Seconds(30) });
		const refused = new ProcedureError("IPA_TRANSFER_INVALID", "no TransferEimPackageRequest");
		const link = linkOf(broker.opener(), { clock, onTransfer: () => Promise.reject(refused) });
		await link.exchange(pollOf(EID));
		const request = tlv(0xbf4e, Uint8Array.of(5, 0));
		await expect(face.transfer(undefined, request, EID)).rejects.toThrow("400: no TransferEimPackageRequest");
		await link.close();
		await expect(face.transfer(undefined, request, EID)).rejects.toThrow("it is not connected");
		const asleep = await stranger(EID);
		const unanswered = face.transfer(undefined, request, EID);
		unanswered.catch(() => undefined);
		await clock.advance(30_000);
		await expect(unanswered).rejects.toMatchObject({ code: "INJECT_UNREACHABLE" });
		expect(asleep.heard[0]?.expiry).toBe(Seconds(30));
	});

	it("polls on hints, at once and no more often than it allows, whoever sends them", async () => {
		let polls = 0;
		const link = linkOf(broker.opener(), { clock, hintInterval: Seconds(10), onHint: () => polls++ });
		await startFace();
		await link.exchange(pollOf(EID));
		const forger = await stranger();
		const hint = () => forger.connection.publish({ topic: topics.hint(EID), payload: Uint8Array.of(1), qos: 1 });
		for (let sent = 0; sent < 100; sent++) await hint();
		await clock.advance(0);
		expect(polls).toBe(1);
		await clock.advance(Seconds(9));
		expect(polls).toBe(1);
		await clock.advance(Seconds(60));
		expect(polls).toBe(2);
		await forger.connection.publish({ topic: topics.hint(EID), payload: new Uint8Array(0), qos: 1 });
		await clock.advance(Seconds(60));
		expect(polls).toBe(2);
	});

	it("that saves its battery lets the connection go when it is idle", async () => {
		await startFace();
		const link = linkOf(broker.opener(), { clock, idle: Seconds(5) });
		await link.exchange(pollOf(EID));
		const heardBy = async (): Promise<boolean> => {
			const other = await broker.opener()(() => undefined);
			return other.publish({ topic: topics.hint(EID), payload: Uint8Array.of(1), qos: 1 });
		};
		expect(await heardBy()).toBe(true);
		await clock.advance(Seconds(5));
		expect(await heardBy()).toBe(false);
		expect(await link.exchange(pollOf(EID))).toEqual(NOTHING);
	});
});

/** Devices for which something waits, as a test says: the database of all replicas. */
class Waiting {
	isGone = false;
	readonly #eids = new Set<string>();
	readonly #replicas = new Set<{ readonly changed: Set<string>; listener: () => void }>();

	set(eid: string, isWaiting: boolean): void {
		if (isWaiting) this.#eids.add(eid);
		else this.#eids.delete(eid);
		for (const { changed, listener } of this.#replicas) {
			changed.add(eid);
			listener();
		}
	}

	replica(): WaitingDevices {
		const replica = { changed: new Set<string>(), listener: () => {} };
		this.#replicas.add(replica);
		return {
			changed: async () => {
				const changed = [...replica.changed];
				replica.changed.clear();
				return changed;
			},
			isWaiting: async (eid) => {
				if (this.isGone) throw new Error("the database is gone");
				return this.#eids.has(Eid(eid));
			},
			onChange: (listener) => {
				replica.listener = listener;
				return () => undefined;
			},
		};
	}
}

describe("wake-up hints", () => {
	it("stand at the broker while something waits, for devices that connect later too", async () => {
		const waiting = new Waiting();
		await startFace({ waiting: waiting.replica() });
		waiting.set(EID, true);
		await clock.advance(0);
		expect(broker.retained(topics.hint(EID))?.payload).toEqual(Uint8Array.of(1));
		let polls = 0;
		linkOf(broker.opener(), { clock, onHint: () => polls++ });
		await clock.advance(0);
		expect(polls).toBe(1);
		waiting.set(EID, false);
		await clock.advance(0);
		expect(broker.retained(topics.hint(EID))).toBeUndefined();
	});

	it("come to all devices although one EID is none, and when the database is there again", async () => {
		const waiting = new Waiting();
		const none = "89049032000000000000000000000100";
		await startFace({ waiting: waiting.replica() });
		const stranger = await broker.opener()(() => undefined);
		await stranger.publish({ topic: topics.hint(none), payload: Uint8Array.of(1), qos: 1, retain: true });
		waiting.set(none, true);
		waiting.isGone = true;
		waiting.set(EID, true);
		await clock.advance(Seconds(1));
		expect(broker.retained(topics.hint(EID))).toBeUndefined();
		waiting.isGone = false;
		await clock.advance(Seconds(5));
		expect(broker.retained(topics.hint(EID))?.payload).toEqual(Uint8Array.of(1));
	});

	it("are not repeated by a second replica, and put right after a time away", async () => {
		const waiting = new Waiting();
		for (let replica = 0; replica < 2; replica++) await startFace({ waiting: waiting.replica() });
		waiting.set(EID, true);
		await clock.advance(Minutes(1));
		// Both may say it at the same moment; afterwards each hears that it stands there.
		expect(broker.seen.filter(({ topic }) => topic === topics.hint(EID)).length).toBeLessThanOrEqual(2);
		broker.isDown = true;
		broker.cut();
		waiting.set(EID, false);
		waiting.set(OTHER_EID, true);
		await clock.advance(Seconds(30));
		broker.isDown = false;
		await clock.advance(Minutes(2));
		expect([broker.retained(topics.hint(EID)), broker.retained(topics.hint(OTHER_EID))?.payload.length]).toEqual([
			undefined,
			1,
		]);
	});
});
