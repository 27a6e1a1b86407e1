import { Eid } from "@iot-esim/shared/ids/eid";
import type { MqttConnection } from "@iot-esim/shared/transport/mqtt/connection";
import { EsipaTopics } from "@iot-esim/shared/transport/mqtt/esipa-topics";
import { hex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { MqttInjector } from "./mqtt-inject.ts";

const EID = Eid("89049032123451234512345678901235");
const MESSAGE = hex`BF4E03020100`;
const TAKEN = hex`BF4E020500`;
const never = () => new Promise<never>(() => undefined);

function bench(publish: MqttConnection["publish"], connection?: () => Promise<MqttConnection>) {
	const clock = new FakeClock();
	const opened = { version: "5", publish, subscribe: never, closed: never(), close: never } as MqttConnection;
	const injector = new MqttInjector({
		topics: new EsipaTopics("e1"),
		replica: "a1",
		connection: connection ?? (async () => opened),
		timeout: Seconds(30),
		clock,
	});
	return { clock, injector };
}

it.each([
	["no acknowledgement of the broker", bench(never), "the broker has not taken the message within 30000 ms"],
	["no connection to the broker", bench(never, never), "the broker has not taken the message within 30000 ms"],
	["no answer of the device", bench(async () => true), "no answer within 30000 ms"],
])("gives up after its time: %s", async (_, { clock, injector }, why) => {
	const brought = injector.transfer(EID, MESSAGE);
	brought.catch(() => undefined);
	await clock.advance(Seconds(30));
	await expect(Promise.race([brought, Promise.resolve("still waiting")])).rejects.toMatchObject({
		code: "INJECT_UNREACHABLE",
		message: expect.stringContaining(why),
	});
	expect(clock.pending).toBe(0);
});

it("does not send later what was given up while there was no connection", async () => {
	let published = 0;
	let connect = () => {};
	const publish = async () => ++published > 0;
	const connected = new Promise<MqttConnection>((resolve) => (connect = () => resolve({ publish } as never)));
	const { clock, injector } = bench(never, () => connected);
	const brought = injector.transfer(EID, MESSAGE);
	brought.catch(() => undefined);
	await clock.advance(Seconds(30));
	connect();
	await clock.advance(0);
	await expect(brought).rejects.toMatchObject({ code: "INJECT_UNREACHABLE" });
	expect(published).toBe(0);
});

it("takes an answer that comes before the acknowledgement of the broker, and none to an earlier number", async () => {
	const { injector } = bench(never);
	const brought = injector.transfer(EID, MESSAGE);
	injector.take({ topic: `e1/u/${EID}/t/a1/2`, payload: hex`BF4E020600`, qos: 1 });
	injector.take({ topic: `e1/u/${EID}/t/a1/1`, payload: TAKEN, qos: 1 });
	expect(await brought).toEqual(TAKEN);
});
