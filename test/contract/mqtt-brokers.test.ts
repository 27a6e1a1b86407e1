/** ESipa over MQTT through real sockets: an embedded broker with MQTT 3.1.1, Mosquitto with 3.1.1 and 5. */

import type { Socket } from "node:net";
import type { MqttVersion } from "@iot-esim/shared/transport/mqtt/connection";
import { connectTcp } from "@iot-esim/shared/transport/tcp";
import { Seconds } from "@iot-esim/shared/util/duration";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { freePort } from "../../examples/demo/free-ports.ts";
import { mosquitto, startMosquitto } from "../interop/mosquitto-broker.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { startAedes } from "../support/mqtt-broker.ts";
import { closeAll, EID, faceOf, handlerOf, linkOf, NOTHING, openerTo, pollOf } from "./mqtt-bench.ts";

afterEach(closeAll);

/** What a broker of either kind can do for these tests. */
interface TestBroker {
	readonly url: string;
	readonly port: number;
	stop(): Promise<void>;
}

const brokers: readonly [string, MqttVersion, boolean, (port?: number) => Promise<TestBroker>][] = [
	["aedes", "3.1.1", true, async (port) => startAedes({}, port ?? (await freePort()))],
	["Mosquitto", "3.1.1", mosquitto !== undefined, (port) => startMosquitto(port === undefined ? {} : { port })],
	["Mosquitto", "5", mosquitto !== undefined, (port) => startMosquitto(port === undefined ? {} : { port })],
];

describe.each(brokers)("a broker: %s with MQTT %s", (name, version, isThere, start) => {
	describe.skipIf(!isThere)("", async () => {
		let broker = isThere ? await start() : undefined;
		afterAll(() => broker?.stop());
		const open = (clientId: string, change = {}) => openerTo(broker?.url ?? "", clientId, version, change);
		// An embedded broker has no shared subscriptions.
		const shareGroup = name === "aedes" ? "" : "eim";
		const startFace = async (handle?: Parameters<typeof handlerOf>[0]) => {
			const face = faceOf(open("eim"), { shareGroup, handler: handlerOf(handle) });
			face.start();
			await face.connected();
			return face;
		};

		it("carries messages of 128 KB both ways, with QoS 0 and 1", async () => {
			const large = new Uint8Array(128 * 1024).fill(0x5a);
			large.set([0xbf, 0x4f, 0x83, 0x01, 0xff, 0xfa]);
			await startFace(async (body) => body);
			for (const qos of [0, 1] as const) {
				const link = linkOf(open(`${EID}-${qos}`), { qos });
				expect(Buffer.compare(await link.exchange(large), large)).toBe(0);
			}
		});

		it("an exchange ends with its connection, and the next one has a connection of its own", async () => {
			let release: () => void = () => undefined;
			const held = new Promise<Uint8Array>((resolve) => {
				release = () => resolve(NOTHING);
			});
			let asked = 0;
			await startFace(async () => (asked++ === 0 ? held : NOTHING));
			const link = linkOf(open(EID), { timeout: Seconds(60) });
			const first = link.exchange(pollOf(EID));
			first.catch(() => undefined);
			await expect.poll(() => asked).toBe(1);
			// Another client with the same name: the broker ends the older connection.
			const other = await openerTo(broker?.url ?? "", EID, version)(() => undefined);
			await expect(first).rejects.toMatchObject({ code: "IPA_EIM_UNREACHABLE", retryable: true });
			await other.close();
			expect(await link.exchange(pollOf(EID))).toEqual(NOTHING);
			release();
		});

		it("a broker that is started again finds eIM and IPA back", async () => {
			const face = await startFace();
			const link = linkOf(open(EID));
			await link.exchange(pollOf(EID));
			const port = broker?.port;
			await broker?.stop();
			await expect(link.exchange(pollOf(EID))).rejects.toMatchObject({ code: "IPA_EIM_UNREACHABLE" });
			broker = await start(port);
			await face.connected();
			expect(await link.exchange(pollOf(EID))).toEqual(NOTHING);
		});

		it("a peer that says nothing any more holds nobody up who says goodbye", async () => {
			const clock = new FakeClock();
			let socket: Socket | undefined;
			const connect = async (...given: Parameters<typeof connectTcp>) => {
				socket = await connectTcp(...given);
				return socket;
			};
			const connection = await openerTo(broker?.url ?? "", EID, version, { clock, connect })(() => undefined);
			socket?.pause();
			const unanswered = connection.publish({ topic: "x", payload: new Uint8Array(1), qos: 1 });
			unanswered.catch(() => undefined);
			const closing = connection.close();
			await clock.advance(Seconds(2));
			await closing;
			await expect(unanswered).rejects.toMatchObject({ code: "TRANSPORT_CLOSED" });
			expect(clock.pending).toBe(0);
		});

		it("nobody at the address is an error that says so", async () => {
			const link = linkOf(openerTo("mqtt://127.0.0.1:1", EID, version));
			await expect(link.exchange(pollOf(EID))).rejects.toThrow("ECONNREFUSED");
		});
	});
});
