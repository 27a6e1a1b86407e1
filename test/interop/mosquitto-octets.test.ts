import type { Socket } from "node:net";
import type { MqttVersion } from "@iot-esim/shared/transport/mqtt/connection";
import { connectTcp } from "@iot-esim/shared/transport/tcp";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { closeAll, EID, faceOf, linkOf, openerTo, pollOf } from "../contract/mqtt-bench.ts";
import { projectText } from "../support/program-lines.ts";
import { mosquitto, startMosquitto } from "./mosquitto-broker.ts";

afterEach(closeAll);

/** Where an IPA begins to number its requests. */
const random = { bytes: (length: number) => new Uint8Array(length).fill(8) };

describe.skipIf(!mosquitto)("the octets of an idle poll over an open connection to Mosquitto", async () => {
	const broker = mosquitto ? await startMosquitto() : undefined;
	afterAll(() => broker?.stop());

	it.each([
		["3.1.1", 1, [125, 127, 127]],
		["3.1.1", 0, [113, 115, 115]],
		["5", 1, [134, 97, 97]],
		["5", 0, [122, 85, 85]],
	] as const)("with MQTT %s and QoS %i are what docs/operations/mqtt.md says", async (version, qos, expected) => {
		const face = faceOf(openerTo(broker?.url ?? "", "eim", "5"));
		face.start();
		await face.connected();
		let socket: Socket | undefined;
		const connect = async (...given: Parameters<typeof connectTcp>) => {
			socket = await connectTcp(...given);
			return socket;
		};
		const link = linkOf(openerTo(broker?.url ?? "", EID, version as MqttVersion, { connect }), { qos, random });
		const octets = () => (socket?.bytesRead ?? 0) + (socket?.bytesWritten ?? 0);
		let before = await untilQuiet(octets);
		for (const count of expected) {
			await link.exchange(pollOf(EID));
			await expect.poll(() => octets() - before).toBe(count);
			before = await untilQuiet(octets);
		}
	});

	it("stand in the table there", () => {
		const text = projectText("docs/operations/mqtt.md");
		for (const row of ["125 or 127 |", "113 or 115 |", "| 134 |", "| 97 |", "| 85 |"]) expect(text).toContain(row);
	});
});

/** CONNACK and SUBACK have come: nothing has moved for a while. */
async function untilQuiet(octets: () => number): Promise<number> {
	let last = -1;
	await expect
		.poll(
			() => {
				const isQuiet = octets() > 0 && octets() === last;
				last = octets();
				return isQuiet;
			},
			{ interval: 150 },
		)
		.toBe(true);
	return last;
}
