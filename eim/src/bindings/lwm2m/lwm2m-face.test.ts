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

/** A face with one device that is registered; the test says what the database says. */
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
		eidOf: async () => EID,
		objectId: 32_032,
		maxRegistrations: 2,
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
	const asked: string[] = [];
	const handler: CoapHandler = ({ method, path }) => {
		asked.push(`${method} /${path.join("/")}`);
		const observe = () => () => undefined;
		return method === "GET" ? { code: "2.05", contentFormat: 42, observe } : { code: "2.04" };
	};
	const line = new DatagramLine(clock, { proven: { pskIdentity: EID } });
	accept(line.server);
	const device = new CoapEndpoint(new DatagramChannel(line.client, parts), { ...parts, handler });
	const payload = utf8("</1/0>,</32032/0>");
	const register = device.request({ method: "POST", path: ["rd"], query: [`ep=${EID}`], contentFormat: 40, payload });
	const { location: path = [] } = await clock.until(register);
	await clock.advance(1000);
	const update = () => clock.until(device.request({ method: "POST", path }));
	const order = async () => {
		state.isWaiting = true;
		changed = [EID];
		tell();
		await clock.advance(1000);
	};
	return { clock, face, state, asked, update, order };
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
	await order();
	expect(asked).not.toContain(WAKE_UP);
	state.isGone = false;
	await clock.advance(Seconds(6));
	expect(asked.filter((what) => what === WAKE_UP)).toHaveLength(1);
	await clock.advance(Seconds(60));
	expect([asked.filter((what) => what === WAKE_UP).length, noted]).toEqual([1, 1]);
	await clock.until(face.close());
});
