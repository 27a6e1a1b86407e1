import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { listenCoapTls } from "@iot-esim/shared/transport/coap/tls";
import { afterEach, expect, it } from "vitest";
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

it("one host that opens connections without end keeps no other host out, and opens no more in its place", async () => {
	const { open, secured } = await listening(3);
	const strangers = [await open("127.0.0.2"), await open("127.0.0.2"), await open("127.0.0.2")];
	const device = await secured("127.0.0.1");
	await strangers[0]?.closed;
	const more = [await open("127.0.0.2"), await open("127.0.0.2")];
	await Promise.all(more.map(({ closed }) => closed));
	expect(await device.isServed("still here")).toBe(true);
	expect(strangers.map(({ socket }) => socket.destroyed)).toEqual([true, false, false]);
});

it("of a host with more than half of the connections the one silent for longest makes room for another host", async () => {
	const { secured } = await listening(3);
	const crowd = [await secured("127.0.0.2"), await secured("127.0.0.2"), await secured("127.0.0.2")];
	expect(await crowd[0]?.isServed("first")).toBe(true);
	await secured("127.0.0.1");
	await crowd[1]?.closed;
	expect(crowd.map(({ socket }) => socket.destroyed)).toEqual([false, true, false]);
});

it("without such a host nobody is ended for a newcomer, which is refused until there is room", async () => {
	const { open, secured } = await listening(2);
	const [one, two] = [await secured("127.0.0.2"), await secured("127.0.0.3")];
	const refused = await open("127.0.0.4");
	await refused.closed;
	expect([await one.isServed("one"), await two.isServed("two")]).toEqual([true, true]);
	two.socket.destroy();
	let third: Awaited<ReturnType<typeof secured>> | undefined;
	while (third === undefined) third = await secured("127.0.0.4").catch(() => undefined);
	expect(await third.isServed("three")).toBe(true);
});
