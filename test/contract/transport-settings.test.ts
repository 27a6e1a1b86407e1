/** Settings of the transports, from the flag to what they change: between the parts that both programs make of them. */

import { linkMaker } from "@iot-esim/ipa/cli/eim-transports";
import { ipaConfig } from "@iot-esim/ipa/config";
import { Eid } from "@iot-esim/shared/ids/eid";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { readConfig } from "@iot-esim/shared/runtime/config";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
import { portOf, readPcap } from "../perf/wire/capture.ts";
import { udpRelay } from "../perf/wire/relay-sockets.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { startAedes } from "../support/mqtt-broker.ts";
import { EID, faceOf, large, linkOver, PORTS, poll, targetOf } from "./coap-programs.ts";
import { closers, features } from "./dtls-bench.ts";
import { pkis, spki } from "./http-bench.ts";
import { closeAll, faceOf as mqttFaceOf, NOTHING, openerTo, pollOf } from "./mqtt-bench.ts";

afterEach(closeAll);

const pinned = targetOf({ publicKey: spki(pkis["P-256"].eimTls) });

describe.each(["coap", "coaps+tcp"] as const)("settings of %s", (transport) => {
	const isMissing = transport === "coap" && features === undefined;

	it.skipIf(isMissing)(
		"coap.maxSessions of the eIM: with 1, the second device takes the session of the first",
		async () => {
			for (const [most, sessions] of [
				["1", 3],
				["2", 2],
			] as const) {
				const { address, peers } = await faceOf("P-256", [...PORTS[transport], "--coap-max-sessions", most]);
				const clock = new FakeClock();
				const first = linkOver(transport, address(transport), pinned, { clock });
				await first.exchange(poll(EID));
				await linkOver(transport, address(transport), pinned).exchange(poll(EID));
				await clock.advance(Seconds(1));
				const again = first.exchange(poll(EID));
				// Over DTLS a session that is gone says nothing: the device waits for 15 s before it opens another one.
				for (let second = 0; second < 16 && peers.length < 3; second++) {
					await new Promise((resolve) => setTimeout(resolve, 20));
					await clock.advance(Seconds(1));
				}
				await again;
				expect(new Set(peers.map(({ connection }) => connection)).size).toBe(sessions);
			}
		},
	);

	it.skipIf(isMissing)("coap.idle of the device: its session ends after so long without an exchange", async () => {
		const { address, peers } = await faceOf("P-256", PORTS[transport]);
		const clock = new FakeClock();
		const link = linkOver(transport, address(transport), pinned, { flags: ["--coap-idle", "30s"], clock });
		const sessionsAfter = async (pause: number) => {
			await clock.advance(Seconds(pause));
			await link.exchange(poll(EID));
			return new Set(peers.map(({ connection }) => connection)).size;
		};
		expect(await sessionsAfter(0)).toBe(1);
		expect(await sessionsAfter(29)).toBe(1);
		expect(await sessionsAfter(31)).toBe(2);
	});
});

it.skipIf(features === undefined).each([
	["the device cuts what it sends", [], ["--coap-block-size", "64"], "toServer"],
	["the eIM cuts what it answers", ["--coap-block-size", "64"], [], "toClient"],
] as const)("coap.blockSize: %s into blocks of so many octets", async (_what, ofEim, ofDevice, direction) => {
	const { address } = await faceOf("P-256", [...PORTS.coap, ...ofEim]);
	const relay = await udpRelay(Number(address("coap")?.split(":")[1]));
	closers.push(() => relay.close());
	const link = linkOver("coap", `127.0.0.1:${relay.port}`, pinned, { flags: ofDevice });
	await link.exchange(poll(EID));
	relay.takeCapture();
	const message = large(2000);
	expect(equalBytes(await link.exchange(message), message)).toBe(true);
	const eimPort = Number(address("coap")?.split(":")[1]);
	const sizes = readPcap(relay.takeCapture())
		.filter(({ destination }) => (portOf(destination) === eimPort) === (direction === "toServer"))
		.map(({ payload }) => payload.length);
	// With what CoAP and DTLS put around a block; 2,000 octets of 1,024 would be two.
	expect(Math.max(...sizes)).toBeLessThan(64 + 64);
	expect(sizes.length).toBeGreaterThan(2000 / 64);
});

it.each([0, 1] as const)("mqtt.qos of the device: its requests go with QoS %i, and so do the answers", async (qos) => {
	const broker = await startAedes();
	const seen: [string, number][] = [];
	broker.aedes.on("publish", ({ topic, qos: given }, client) => {
		if (client !== null) seen.push([topic, given]);
	});
	const face = mqttFaceOf(openerTo(broker.url, "eim", "3.1.1"), { shareGroup: "" });
	face.start();
	await face.connected();
	const flags = ["--eim-transport", "mqtt", "--mqtt-url", broker.url, "--mqtt-version", "3.1.1", "--mqtt-prefix", "e1"];
	const config = readConfig(ipaConfig, { flags: [...flags, "--mqtt-qos", String(qos)] });
	const { logger } = memoryLogger();
	const make = linkMaker(config, { clock: systemClock, random: systemRandom, logger, fallbackCa: [] });
	const events = { transfer: () => Promise.reject(new Error("none")), pollSoon: () => undefined };
	const link = make(pinned, Eid.toBytes(Eid(EID)), events);
	expect(await link.exchange(pollOf(Eid(EID)))).toEqual(NOTHING);
	await link.close();
	await closeAll();
	await broker.stop();
	expect(seen).toHaveLength(2);
	expect(seen.map(([, given]) => given)).toEqual([qos, qos]);
});
