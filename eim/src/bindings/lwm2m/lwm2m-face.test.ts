import { Eid } from "@iot-esim/shared/ids/eid";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { CoapHandler } from "@iot-esim/shared/transport/coap/coap-face";
import { DatagramChannel } from "@iot-esim/shared/transport/coap/datagram-channel";
import { CoapEndpoint } from "@iot-esim/shared/transport/coap/endpoint";
import type { DatagramPath } from "@iot-esim/shared/transport/datagram";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { expect, it } from "vitest";
import { DatagramLine } from "../../../../test/support/datagram-line.ts";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { Lwm2mFace } from "./lwm2m-face.ts";

const EID = Eid.withCheckDigits("890490320000000000000000000001");
const WAKE_UP = "POST /32032/0/2";

/** A face with one device that is registered, in queue mode; the test says what the database says. */
async function bench(noteContact: () => Promise<void>) {
	const clock = new FakeClock();
	const parts = { clock, random: systemRandom };
	const state = { isGone: false, isWaiting: false };
	let accept: (path: DatagramPath) => void = () => undefined;
	let tell = () => {};
	let changed: string[] = [];
	const face = new Lwm2mFace({
		...parts,
		handler: { handle: async (message) => message },
		log: memoryLogger().logger("eim.lwm2m"),
		eidOf: async (endpoint) => Eid(endpoint),
		objectId: 32_032,
		maxRegistrations: 200,
		awakeFor: Seconds(93),
		injectTimeout: Seconds(10),
		blockExponent: 6,
		load: { active: 0, max: 4 },
		listen: async (onPath) => {
			accept = onPath;
			return { host: "192.0.2.2", port: 5684, close: async () => undefined };
		},
		waiting: {
			changed: async () => changed.splice(0),
			isWaiting: async () => {
				if (state.isGone) throw new Error("the database is gone");
				return state.isWaiting;
			},
			onChange: (listener) => {
				tell = listener;
				return () => undefined;
			},
		},
		noteContact,
		isBrought: async () => false,
		bring: async () => undefined,
	});
	await face.listen();
	const deviceOf = (eid: Eid, ...query: string[]) => {
		const asked: string[] = [];
		const handler: CoapHandler = ({ method, path }) => {
			asked.push(`${method} /${path.join("/")}`);
			const observe = () => () => undefined;
			return method === "GET" ? { code: "2.05", contentFormat: 42, observe } : { code: "2.04" };
		};
		const line = new DatagramLine(clock, { proven: { pskIdentity: eid } });
		accept(line.server);
		const device = new CoapEndpoint(new DatagramChannel(line.client, parts), { ...parts, handler });
		const request = { method: "POST", path: ["rd"], query: [`ep=${eid}`, ...query], contentFormat: 40 } as const;
		const register = () => clock.until(device.request({ ...request, payload: utf8("</1/0>,</32032/0>") }));
		return { asked, line, device, register };
	};
	const { asked, device, register } = deviceOf(EID, "b=UQ");
	const { location: path = [] } = await register();
	await clock.advance(1000);
	const update = () => clock.until(device.request({ method: "POST", path }));
	const order = async (...eids: string[]) => {
		state.isWaiting = true;
		changed = eids;
		tell();
		await clock.advance(1000);
	};
	return { clock, face, state, asked, update, order, deviceOf };
}

it("notes a contact that lasts once more at most, however often the device comes meanwhile", async () => {
	const open: (() => void)[] = [];
	let noted = 0;
	const { clock, face, update } = await bench(() => {
		noted++;
		return new Promise((resolve) => open.push(resolve));
	});
	for (let time = 0; time < 50; time++) await update();
	expect(noted).toBe(1);
	for (let time = 0; time < 5; time++) {
		for (const done of open.splice(0)) done();
		await clock.advance(0);
	}
	expect(noted).toBe(2);
	await clock.until(face.close());
});

it("wakes a device that has come, or has an order, when the database is there again", async () => {
	let noted = 0;
	let isNotable = false;
	const { clock, face, state, asked, order } = await bench(async () => {
		if (!isNotable) throw new Error("the database is gone");
		noted++;
	});
	isNotable = true;
	await clock.advance(Seconds(5));
	expect(noted).toBe(1);
	state.isGone = true;
	await order(EID);
	expect(asked).not.toContain(WAKE_UP);
	state.isGone = false;
	await clock.advance(Seconds(6));
	expect(asked.filter((what) => what === WAKE_UP)).toHaveLength(1);
	await clock.advance(Seconds(60));
	expect([asked.filter((what) => what === WAKE_UP).length, noted]).toEqual([1, 1]);
	await clock.until(face.close());
});

it("asks a device that has come at once, while many that are dead are still waited for", async () => {
	const eidOf = (number: number) => Eid.withCheckDigits(`8904903200000000${String(number).padStart(14, "0")}`);
	const dead = Array.from({ length: 100 }, (_, number) => eidOf(number + 2));
	const { clock, face, asked, update, order, deviceOf } = await bench(async () => undefined);
	for (const eid of dead) {
		const { line, register } = deviceOf(eid);
		await register();
		await clock.advance(1000);
		line.rule = () => [];
	}
	// The device sleeps, and is one of all those for which something is ordered.
	await clock.advance(Seconds(93));
	await order(...dead, EID);
	expect(asked).not.toContain(WAKE_UP);
	await update();
	await clock.advance(1000);
	expect(asked).toContain(WAKE_UP);
	await clock.until(face.close());
});
