import { systemClock } from "@iot-esim/shared/runtime/clock";
import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { MqttConnection, MqttMessage, OpenMqtt } from "@iot-esim/shared/transport/mqtt/connection";
import { hex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { expect, it } from "vitest";
import { mqttLink } from "./mqtt.ts";

const EID = "89049032123451234512345678901235";
const NOTHING = hex`BF4F 03 020101`;

/** A broker whose connections end when the test says so. */
function scriptedBroker() {
	const connections: { readonly sent: MqttMessage[]; readonly end: (cause: Error) => void; deliver(): void }[] = [];
	const open = async (onMessage: (message: MqttMessage) => void): Promise<MqttConnection> => {
		const sent: MqttMessage[] = [];
		let end: (cause: Error | undefined) => void = () => undefined;
		const closed = new Promise<Error | undefined>((resolve) => {
			end = resolve;
		});
		const deliver = () => {
			const correlation = sent.at(-1)?.correlation;
			onMessage({ topic: `e1/d/${EID}`, payload: NOTHING, qos: 0, ...(correlation && { correlation }) });
		};
		connections.push({ sent, end, deliver });
		return {
			version: "5",
			closed,
			subscribe: async () => undefined,
			// A way that leads nowhere takes its time to close.
			close: async () => undefined,
			publish: async (message) => sent.push(message) > 0,
		};
	};
	return { connections, open };
}

function bench(open: OpenMqtt) {
	const link = mqttLink({
		broker: "test",
		open,
		eid: EID,
		prefix: "e1",
		qos: 0,
		timeout: Seconds(5),
		clock: systemClock,
		random: systemRandom,
		log: silentLogger("test"),
	});
	const until = async (isSo: () => boolean) => {
		for (let turn = 0; turn < 100 && !isSo(); turn++) await new Promise((resolve) => setImmediate(resolve));
	};
	return { link, until };
}

it("lets an exchange end that is under way when the address changes, then connects anew", async () => {
	const { connections, open } = scriptedBroker();
	const { link, until } = bench(open);
	const first = link.exchange(hex`BF4F 00`);
	await until(() => connections[0]?.sent.length === 1);
	link.renew?.();
	await until(() => false);
	expect(connections).toHaveLength(1);
	connections[0]?.deliver();
	expect(await first).toEqual(NOTHING);
	await until(() => connections.length === 2);
	expect(connections).toHaveLength(2);
	await link.close();
});

it("after a change of the address the end of the old connection is no failure of what goes over the new one", async () => {
	const { connections, open } = scriptedBroker();
	const { link, until } = bench(open);
	const first = link.exchange(hex`BF4F 00`);
	await until(() => connections[0]?.sent.length === 1);
	connections[0]?.deliver();
	expect(await first).toEqual(NOTHING);
	link.renew?.();
	const second = link.exchange(hex`BF4F 00`);
	await until(() => connections[1]?.sent.length === 1);
	connections[0]?.end(new Error("another connection of this client"));
	await until(() => false);
	connections[1]?.deliver();
	expect(await second).toEqual(NOTHING);
	expect(connections.map(({ sent }) => sent.length)).toEqual([1, 1]);
	await link.close();
});

it("opens nothing once it is closed: neither for a renewal under way nor for an exchange", async () => {
	const { connections, open } = scriptedBroker();
	const { link, until } = bench(open);
	const first = link.exchange(hex`BF4F 00`);
	await until(() => connections[0]?.sent.length === 1);
	connections[0]?.deliver();
	await first;
	link.renew?.();
	await link.close();
	link.renew?.();
	await expect(link.exchange(hex`BF4F 00`)).rejects.toMatchObject({
		code: "IPA_EIM_UNREACHABLE",
		context: { transportCode: "TRANSPORT_CLOSED" },
	});
	await until(() => false);
	expect(connections).toHaveLength(1);
});

it("does not send what was given up while the connection was being opened, and says that nothing was sent", async () => {
	const { connections, open } = scriptedBroker();
	let letIn: () => void = () => undefined;
	const gate = new Promise<void>((resolve) => {
		letIn = resolve;
	});
	const { link, until } = bench(async (onMessage) => {
		await gate;
		return open(onMessage);
	});
	const stop = new AbortController();
	const given = link.exchange(hex`BF3B 00`, stop.signal);
	stop.abort(new Error("given up"));
	await expect(given).rejects.toMatchObject({ code: "IPA_EIM_UNREACHABLE", context: { nothingSent: true } });
	letIn();
	await until(() => connections.length === 1);
	await until(() => false);
	expect(connections.map(({ sent }) => sent.length)).toEqual([0]);
	await link.close();
});
