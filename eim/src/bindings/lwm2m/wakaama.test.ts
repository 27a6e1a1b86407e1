/** A device by the octets that Eclipse Wakaama wrote (test/vectors/wakaama), against our server, octet by octet. */

import { readFileSync } from "node:fs";
import { Eid } from "@iot-esim/shared/ids/eid";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { DatagramPath, DatagramReceiver } from "@iot-esim/shared/transport/datagram";
import { fromHex, toHex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { expect, it } from "vitest";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { Lwm2mServer } from "./lwm2m-server.ts";

const VECTORS = new URL("../../../../test/vectors/wakaama/lwm2m-udp.json", import.meta.url);
const EID = Eid("89049032123451234512345678901235");
const REQUEST = `BF4F125A10${EID}`;

interface Seen {
	readonly from: "wakaama" | "server";
	readonly octets: string;
}

const seen = JSON.parse(readFileSync(VECTORS, "utf8")) as readonly Seen[];
const ofServer = seen.filter(({ from }) => from === "server").map(({ octets }) => octets);

/** What was drawn by lot when the octets were taken: tokens of requests, the first message id, the registration, a tag. */
function asThen(): RandomSource {
	const requests = ofServer.filter((octets) => octets.startsWith("440"));
	const drawn: Readonly<Record<number, string[]>> = {
		1: [toHex(Uint8Array.of((fromHex(tagIn(requests))[0] ?? 0) - 1))],
		2: [requests[0]?.slice(4, 8) ?? ""],
		3: [Buffer.from(ofServer[0]?.slice(-12) ?? "", "hex").toString()],
		4: requests.map((octets) => octets.slice(8, 16)),
	};
	return { bytes: (size) => fromHex(drawn[size]?.shift() ?? "00".repeat(size)) };
}

/** Request-Tag, the last option before the payload of the first block. */
function tagIn(requests: readonly string[]): string {
	return /D1DB([0-9A-F]{2})FF/.exec(requests.join(" "))?.[1] ?? "";
}

it("answers Wakaama's registration, notifications, Send, blocks, update and deregistration", async () => {
	const clock = new FakeClock();
	const handled: string[] = [];
	const awake: string[] = [];
	const { logger } = memoryLogger();
	const server = new Lwm2mServer({
		handler: {
			handle: async (message) => {
				handled.push(toHex(message));
				return Uint8Array.of(0xbf, 0x4f, 3, 2, 1, message.length & 0x7f);
			},
		},
		clock,
		random: asThen(),
		log: logger("eim.lwm2m"),
		eidOf: async (endpoint) => (endpoint === EID ? EID : undefined),
		takesUnproven: true,
		objectId: 32_032,
		maxRegistrations: 1,
		awakeFor: Seconds(93),
		injectTimeout: Seconds(30),
		blockExponent: 6,
		load: { active: 0, max: 1 },
		onAwake: (eid) => awake.push(eid),
	});
	const sent: string[] = [];
	let receiver: DatagramReceiver | undefined;
	const path: DatagramPath = {
		remoteAddress: "192.0.2.1:40000",
		proven: undefined,
		maxDatagram: 1232,
		send: (datagram) => sent.push(toHex(datagram)),
		receive: (one) => {
			receiver = one;
		},
		close: () => receiver?.closed(),
	};
	server.accept(path);
	let brought: Promise<Uint8Array> | undefined;
	let woken: Promise<boolean> | undefined;
	for (const [index, { from, octets }] of seen.entries()) {
		if (from === "wakaama") receiver?.datagram(fromHex(octets));
		else {
			// What the eIM begins by itself.
			if (octets.includes("FFBF4E8204B0")) {
				brought = server.transfer(fromHex(`BF4E8204B0${"07".repeat(1200)}`), EID);
			}
			if (octets.startsWith("4402")) {
				await clock.advance(Seconds(5));
				woken = server.wake(EID);
			}
		}
		await clock.advance(0);
		const expected = seen.slice(0, index + 1).filter((one) => one.from === "server");
		const isNext = seen[index + 1]?.from !== "server";
		if (isNext) expect(sent).toEqual(expected.map((one) => one.octets));
	}
	expect(handled).toEqual([REQUEST, REQUEST, `BF398204B0${"AB".repeat(1200)}`]);
	expect(toHex((await brought) ?? new Uint8Array(0))).toBe("BF4E020500");
	expect(await woken).toBe(true);
	expect(awake).toEqual([EID, EID]);
	expect(server.registered).toBe(0);
});
