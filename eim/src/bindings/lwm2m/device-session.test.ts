import { Eid } from "@iot-esim/shared/ids/eid";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import type { CoapAnswer, CoapRequest } from "@iot-esim/shared/transport/coap/coap-face";
import type { CoapEndpoint } from "@iot-esim/shared/transport/coap/endpoint";
import { concatBytes, hex, toHex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { DeviceSession } from "./device-session.ts";

const EID = Eid.withCheckDigits("890490320000000000000000000001");

/** A session whose device answers reads when the test says so, and what the eIM has written to it. */
function bench() {
	const clock = new FakeClock();
	const reads: ((octets: Uint8Array) => void)[] = [];
	const asked: string[] = [];
	const written: string[] = [];
	const request = ({ method, payload }: CoapRequest): Promise<CoapAnswer> => {
		if (method === "GET") {
			return new Promise((resolve) => {
				reads.push((octets) => resolve({ code: "2.05", contentFormat: 42, payload: octets }));
			});
		}
		written.push(toHex(payload ?? hex``));
		return Promise.resolve({ code: "2.04", payload: hex`` });
	};
	const handle = async (message: Uint8Array) => {
		asked.push(toHex(message));
		return message;
	};
	const objects = { root: [], links: [{ objectId: 32_032, instanceId: 0 }] };
	const registered = { id: "1", endpoint: "device", eid: EID, asked: { objects } as never, lastNumber: 0 };
	const load = { active: 0, max: 4 };
	const times = { awakeFor: Seconds(93), injectTimeout: Seconds(10) };
	const log = memoryLogger().logger("eim.lwm2m");
	const session = new DeviceSession(registered, { handler: { handle }, objectId: 32_032, load, clock, log, ...times });
	session.path = { request, lastHeard: clock.now() } as unknown as CoapEndpoint;
	const read = async (octets: Uint8Array) => {
		reads.shift()?.(octets);
		await clock.advance(0);
	};
	return { clock, session, reads, read, asked, written };
}

/** A message that its device tells the beginning of, as its number has it. */
const long = (number: number, tag = hex`BF50`) =>
	concatBytes(hex`01`, Uint8Array.of(number), tag, hex`8180`, new Uint8Array(128).fill(number));
const beginning = (message: Uint8Array) => message.subarray(0, 64);
const POLL = hex`01 02 BF4F 00`;
const text = (octets: Uint8Array) => toHex(octets.subarray(2));

describe("a message of a device that is read", () => {
	it("does not replace a newer one that came whole meanwhile", async () => {
		const { session, read, clock, asked, written } = bench();
		session.take(beginning(long(1)));
		session.take(POLL);
		await read(long(1));
		await clock.advance(0);
		expect(asked).toEqual([text(POLL)]);
		expect(written).toEqual([toHex(POLL)]);
	});

	it("is read again when it is not the one that the device has told of last", async () => {
		const { session, read, reads, asked, written } = bench();
		session.take(beginning(long(1)));
		session.take(beginning(long(2)));
		await read(long(1));
		expect(reads).toHaveLength(1);
		await read(long(2));
		expect(asked).toEqual([text(long(2))]);
		expect(written).toEqual([toHex(long(2))]);
		expect(reads).toEqual([]);
	});

	it("is read once when it is what the device has told of last, however often it tells that", async () => {
		const { session, read, reads, asked } = bench();
		session.take(beginning(long(1)));
		session.take(beginning(long(2)));
		session.take(beginning(long(2)));
		await read(long(2));
		expect([reads, asked]).toEqual([[], [text(long(2))]]);
	});

	it("counts beside a newer one when it answers what was brought", async () => {
		const { clock, session, read, asked } = bench();
		session.take(POLL);
		await clock.advance(0);
		const brought = session.transfer(hex`BF4E 00`);
		await clock.advance(0);
		session.take(beginning(long(1, hex`BF4E`)));
		session.take(hex`01 03 BF4F 00`);
		await read(long(1, hex`BF4E`));
		expect(toHex(await clock.until(brought))).toBe(text(long(1, hex`BF4E`)));
		expect(asked).toEqual(["BF4F00", "BF4F00"]);
	});
});
