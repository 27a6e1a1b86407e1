import type { Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../runtime/clock.ts";
import { hex } from "../../util/bytes.ts";
import { Seconds } from "../../util/duration.ts";
import { listenTcp, type TcpListener } from "../tcp.ts";
import { type BrokerOptions, mqttBroker } from "./broker-client.ts";

const listeners: TcpListener[] = [];
afterEach(() => Promise.all(listeners.splice(0).map((listener) => listener.close())));

async function listening(onSocket: (socket: Socket) => void): Promise<string> {
	const listener = await listenTcp({ host: "127.0.0.1", port: 0 }, onSocket);
	listeners.push(listener);
	return `mqtt://127.0.0.1:${listener.address.port}`;
}

/** A broker made by hand from the tables of MQTT 5: answers the first octets of a connection as it is told. */
async function brokerThatSays(
	connack: Uint8Array,
): Promise<{ readonly url: string; readonly socket: Promise<Socket> }> {
	let take: (socket: Socket) => void = () => undefined;
	const socket = new Promise<Socket>((resolve) => {
		take = resolve;
	});
	const url = await listening((accepted) => {
		accepted.once("data", () => {
			accepted.write(connack);
			take(accepted);
		});
		accepted.on("error", () => undefined);
	});
	return { url, socket };
}

function opener(url: string, change: Partial<BrokerOptions> = {}) {
	return mqttBroker({
		url,
		tls: { kind: "none" },
		clientId: "client",
		version: "5",
		keepalive: Seconds(60),
		timeout: Seconds(5),
		largestPacket: 1000,
		clock: systemClock,
		...change,
	});
}

describe("a connection to a broker", () => {
	it("has no more unacknowledged than the broker allows", async () => {
		// CONNACK, success, Receive Maximum 2.
		const { url, socket } = await brokerThatSays(hex`20 06 00 00 03 21 0002`);
		const connection = await opener(url)(() => undefined);
		const server = await socket;
		const identifiers: Uint8Array[] = [];
		let octets = Buffer.alloc(0);
		server.on("data", (chunk: Buffer) => {
			octets = Buffer.concat([octets, chunk]);
			// PUBLISH with QoS 1, topic "t", no properties, one octet: fixed header, 0001 74, identifier, 00, payload.
			for (; octets.length >= 9; octets = octets.subarray(9)) identifiers.push(octets.subarray(5, 7));
		});
		const message = { topic: "t", payload: hex`AA`, qos: 1 } as const;
		const published = Promise.all([1, 2, 3, 4, 5].map(() => connection.publish(message)));
		for (let acknowledged = 0; acknowledged < 5; acknowledged++) {
			await expect.poll(() => identifiers.length, { interval: 5 }).toBe(Math.min(5, acknowledged + 2));
			// The last one reaches nobody.
			const [first = 0, second = 0] = identifiers[acknowledged] ?? [];
			const isLast = acknowledged === 4;
			server.write(isLast ? Uint8Array.of(0x40, 3, first, second, 0x10) : Uint8Array.of(0x40, 2, first, second));
		}
		expect(await published).toEqual([true, true, true, true, false]);
		await connection.close();
	});

	it.each([
		["5", hex`20 03 00 86 00`, /Bad User Name or Password/],
		["3.1.1", hex`20 02 00 05`, /Not authorized/],
	] as const)("is refused by MQTT %s with the broker's own reason", async (version, connack, reason) => {
		const { url } = await brokerThatSays(connack);
		const refused = opener(url, { version })(() => undefined);
		await expect(refused).rejects.toMatchObject({
			code: "TRANSPORT_BROKER_REFUSED",
			message: expect.stringMatching(reason),
		});
	});

	it("that may not write or read names the topic, and what to look at", async () => {
		const { url, socket } = await brokerThatSays(hex`20 03 00 00 00`);
		const connection = await opener(url)(() => undefined);
		// PUBACK and SUBACK, both not authorized, with the identifiers of the client.
		const accepted = await socket;
		accepted.on("data", (packet: Buffer) => {
			const isPublish = (packet[0] ?? 0) >> 4 === 3;
			const id = isPublish ? packet.subarray(5, 7) : packet.subarray(2, 4);
			const answer = isPublish ? hex`40 04 0000 87 00` : hex`90 04 0000 00 87`;
			answer.set(id, 2);
			accepted.write(answer);
		});
		const hint = "check mqtt.prefix, the user name (of a device, its EID) and the broker's access list";
		const message = { topic: "t", payload: hex`AA`, qos: 1 } as const;
		const refusal = (what: RegExp) => ({
			code: "TRANSPORT_BROKER_REFUSED",
			message: expect.stringMatching(what),
			context: { reasonCode: 0x87 },
		});
		const written = connection.publish(message);
		await expect(written).rejects.toMatchObject(refusal(/does not allow writing to t \(.*Not authorized\): /));
		await expect(written).rejects.toThrow(hint);
		const read = connection.subscribe(["a/b"]);
		await expect(read).rejects.toMatchObject(refusal(/does not allow reading a\/b \(.*Not authorized\): /));
		await connection.close();
	});

	it("ends with what the broker says, or with what it cannot say", async () => {
		const { url, socket } = await brokerThatSays(hex`20 03 00 00 00`);
		const connection = await opener(url)(() => undefined);
		// DISCONNECT, Session taken over.
		(await socket).end(hex`E0 02 8E 00`);
		await expect(connection.closed).resolves.toMatchObject({ message: expect.stringContaining("Session taken over") });
		const other = await brokerThatSays(hex`48 54 54 50 2F 31 2E 31 20 34 30 30`);
		await expect(opener(other.url)(() => undefined)).rejects.toMatchObject({
			message: expect.stringContaining(other.url),
		});
	});

	it("is given up after the time allowed, and by whoever wanted it", async () => {
		const url = await listening(() => undefined);
		const open = opener(url, {
			clock: { ...systemClock, schedule: (delay, task) => systemClock.schedule(Seconds(delay / 100_000), task) },
		});
		await expect(open(() => undefined)).rejects.toMatchObject({ code: "TRANSPORT_TIMEOUT" });
		const giveUp = new AbortController();
		const waiting = opener(url)(() => undefined, giveUp.signal);
		giveUp.abort();
		await expect(waiting).rejects.toMatchObject({ code: "TRANSPORT_ABORTED" });
	});

	it.each(["", "broker", "http://broker", "mqtt://"])("has an address: %j is none", (url) => {
		expect(() => opener(url)).toThrow("is no address of a broker");
	});
});
