import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { listenCoapTls } from "@iot-esim/shared/transport/coap/tls";
import { Hours } from "@iot-esim/shared/util/duration";
import { afterEach, expect, it } from "vitest";
import { FakeClock } from "../support/fake-clock.ts";
import { makeCa } from "./dtls-bench.ts";

const ca = makeCa();
const { certificate, key } = ca.issue("localhost");
const closers: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closers.splice(0).reverse()) await close();
});

/** A server for so many connections, and peers of it at addresses of their own. */
async function listening(maxConnections: number) {
	const heard: string[] = [];
	const listener = await listenCoapTls(
		{ host: "127.0.0.1", port: 0, identity: { certificate, key }, maxConnections },
		(stream) => stream.on("data", (data) => heard.push(String(data))),
	);
	closers.push(() => listener.close());
	const place = { host: "127.0.0.1", port: listener.address.port };
	/** A connection, and whether the server keeps it. */
	const open = async (localAddress: string) => {
		const socket = net.connect({ ...place, localAddress });
		closers.push(() => socket.destroy());
		socket.on("error", () => undefined);
		const closed = once(socket, "close");
		await once(socket, "connect");
		return { socket, closed };
	};
	const secured = async (localAddress: string) => {
		const { socket, closed } = await open(localAddress);
		const secure = tls.connect({ socket, ca: ca.pem, servername: "localhost", ALPNProtocols: ["coap"] });
		secure.on("error", () => undefined);
		await Promise.race([
			once(secure, "secureConnect"),
			closed.then(() => Promise.reject(new Error("the server has closed"))),
		]);
		const isServed = async (text: string) => {
			secure.write(text);
			while (!heard.includes(text) && !socket.destroyed) await new Promise((resolve) => setImmediate(resolve));
			return heard.includes(text);
		};
		return { socket, closed, isServed };
	};
	return { open, secured };
}

it("one host that opens connections without end keeps no other out, nor do a few hosts together", async () => {
	const { open, secured } = await listening(6);
	const strangers = [];
	for (const host of ["127.0.0.2", "127.0.0.3"]) {
		for (let port = 0; port < 3; port++) strangers.push(await open(host));
	}
	const refused = await open("127.0.0.2");
	await refused.closed;
	const device = await secured("127.0.0.1");
	await strangers[2]?.closed;
	expect(await device.isServed("still here")).toBe(true);
	expect(strangers.map(({ socket }) => socket.destroyed)).toEqual([false, false, true, false, false, false]);
});

it("of a host with more than half of the open connections the one silent for longest makes room", async () => {
	const { secured } = await listening(3);
	const crowd = [await secured("127.0.0.2"), await secured("127.0.0.2"), await secured("127.0.0.2")];
	for (const one of [1, 2, 0]) expect(await crowd[one]?.isServed(`${one}`)).toBe(true);
	await secured("127.0.0.1");
	await crowd[1]?.closed;
	expect(crowd.map(({ socket }) => socket.destroyed)).toEqual([false, true, false]);
});

it("without such a host the connection silent for longest of all makes room: its device may have lost its power", async () => {
	const { secured } = await listening(2);
	const [one, two] = [await secured("127.0.0.2"), await secured("127.0.0.3")];
	expect([await two.isServed("two"), await one.isServed("one")]).toEqual([true, true]);
	const three = await secured("127.0.0.4");
	await two.closed;
	expect([await three.isServed("three"), await one.isServed("one again")]).toEqual([true, true]);
	// Of one host too: all devices of a network may stand behind one address.
	const four = await secured("127.0.0.4");
	await three.closed;
	expect([await one.isServed("still one"), await four.isServed("four")]).toEqual([true, true]);
});

it("a session of a certificate that has expired since is resumed no more, and the log hears why", async () => {
	const clock = new FakeClock(Date.now());
	const refused: Error[] = [];
	const served: unknown[] = [];
	const listener = await listenCoapTls(
		{
			...{ host: "127.0.0.1", port: 0, identity: { certificate, key }, clientCa: [ca.pem], clock },
			onHandshakeFailed: (_, error) => refused.push(error),
		},
		(stream, { proven }) => {
			served.push(proven?.certificate);
			stream.end("served");
		},
	);
	closers.push(() => listener.close());
	const ends = clock.now() + Hours(1);
	const device = ca.issue("device", { notBefore: clock.now() - Hours(1), notAfter: ends });
	let session: Buffer | undefined;
	/** What the server says, and whether the session was resumed. */
	const visit = async () => {
		const shown = session === undefined ? { cert: device.certificate, key: device.key } : { session };
		const place = { host: "127.0.0.1", port: listener.address.port, servername: "localhost" };
		const socket = tls.connect({ ...place, ca: ca.pem, ALPNProtocols: ["coap"], ...shown });
		closers.push(() => socket.destroy());
		const heard: string[] = [];
		let isResumed = false;
		socket.once("secureConnect", () => {
			isResumed = socket.isSessionReused();
		});
		socket.on("session", (ticket) => {
			session = ticket;
		});
		socket.on("data", (data) => heard.push(String(data))).on("error", () => undefined);
		await once(socket, "close");
		return { heard: heard.join(""), isResumed };
	};
	expect(await visit()).toEqual({ heard: "served", isResumed: false });
	expect(await visit()).toEqual({ heard: "served", isResumed: true });
	expect(served).toEqual([new Uint8Array(device.der), new Uint8Array(device.der)]);
	await clock.advance(Hours(2));
	expect((await visit()).heard).toBe("");
	expect(refused).toMatchObject([{ code: "TRANSPORT_TLS_UNTRUSTED", message: expect.stringContaining("has expired") }]);
	expect(served).toHaveLength(2);
});
