import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { createHttpClient } from "@iot-esim/shared/transport/http/client";
import { createHttpListener } from "@iot-esim/shared/transport/http/server";
import { listenTcp } from "@iot-esim/shared/transport/tcp";
import { Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, test } from "vitest";
import { DataPath, isAllowed } from "./data-path.ts";
import { ConnectProxy, type ProxyOptions } from "./proxy.ts";

const HERE = { host: "127.0.0.1", port: 0 };
const closers: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closers.splice(0).reverse()) await close();
});

async function server(): Promise<string> {
	const listener = createHttpListener(({ headers }) => ({ status: 200, body: headers.host ?? "" }));
	const { port } = await listener.listen(HERE);
	closers.push(() => listener.close());
	return `127.0.0.1:${port}`;
}

async function proxy(options: Partial<ProxyOptions> = {}) {
	const seen: { destination: string; refusal?: string }[] = [];
	const made = new ConnectProxy({
		address: HERE,
		path: new DataPath({ allow: ["*"], hosts: {} }),
		onTunnel: (tunnel) => seen.push(tunnel),
		...options,
	});
	await made.reserve();
	closers.push(() => made.shut());
	return { made, seen };
}

function through(one: ConnectProxy, hosts: Record<string, string> = {}) {
	const client = createHttpClient({
		tls: { kind: "none" },
		keepAlive: false,
		proxy: `http://127.0.0.1:${one.address.port}`,
		hosts,
		timeout: Seconds(5),
	});
	closers.push(() => client.close());
	return (url: string) => client.request({ method: "GET", url });
}

describe("the proxy of a device", () => {
	test("shut closes a connection whose end is on its way too, or the program could not end", async () => {
		const listener = await listenTcp(HERE, (socket) => socket.on("error", () => undefined));
		closers.push(() => listener.close());
		const path = new DataPath({ allow: ["*"], hosts: {} });
		const opened: net.Socket[] = [];
		const connect: DataPath["connect"] = async (target, signal) => {
			const far = await path.connect(target, signal);
			opened.push(far);
			return far;
		};
		const { made, seen } = await proxy({ path: Object.assign(Object.create(path), { connect }) });
		await made.open();
		const address = `127.0.0.1:${listener.address.port}`;
		const near = net.connect(made.address.port, "127.0.0.1");
		near.on("error", () => undefined).write(`CONNECT ${address} HTTP/1.1\r\nHost: ${address}\r\n\r\n`);
		await once(near, "data");
		expect(seen).toEqual([{ destination: address }]);
		const [far] = opened;
		if (far === undefined) throw new Error("no tunnel");
		const closed = once(far, "close");
		far.end();
		made.shut();
		await closed;
		near.destroy();
	});

	test("refuses connections while shut, carries them while open, always at the same port", async () => {
		const { made, seen } = await proxy();
		const address = await server();
		const port = made.address.port;
		const get = through(made);
		await expect(get(`http://${address}/`)).rejects.toMatchObject({ code: "TRANSPORT_CONNECT_REFUSED" });
		for (let round = 0; round < 3; round++) {
			await made.open();
			expect((await get(`http://${address}/`)).status).toBe(200);
			made.shut();
			await expect(get(`http://${address}/`)).rejects.toMatchObject({ code: "TRANSPORT_CONNECT_REFUSED" });
		}
		expect(made.address.port).toBe(port);
		expect(seen.map((tunnel) => tunnel.destination)).toEqual([address, address, address]);
	});

	test("shutting resets open tunnels on both sides and says how many there were", async () => {
		const { made, seen } = await proxy();
		await made.open();
		const farEnds: Promise<unknown>[] = [];
		const silent = await listenTcp(HERE, (socket) => {
			farEnds.push(new Promise((resolve) => socket.on("error", resolve).on("close", resolve)));
		});
		closers.push(() => silent.close());
		const pending = through(made)(`http://127.0.0.1:${silent.address.port}/`);
		const failed = expect(pending).rejects.toMatchObject({ code: "TRANSPORT_RESET" });
		await expect.poll(() => seen.length + farEnds.length).toBe(2);
		expect(made.shut()).toBe(1);
		await failed;
		await Promise.all(farEnds);
	});

	test("a near end that is reset sees ECONNRESET, not a clean end", async () => {
		const { made } = await proxy();
		await made.open();
		const address = await server();
		const socket = net.connect(made.address.port, "127.0.0.1");
		socket.write(`CONNECT ${address} HTTP/1.1\r\nHost: ${address}\r\n\r\n`);
		await new Promise((resolve) => socket.once("data", resolve));
		const error = new Promise<NodeJS.ErrnoException>((resolve) => socket.once("error", resolve));
		made.shut();
		expect((await error).code).toBe("ECONNRESET");
	});

	test("lets devices reach only what is allowed, and maps names", async () => {
		const address = await server();
		const { made, seen } = await proxy({
			path: new DataPath({ allow: ["eim.example.com"], hosts: { "eim.example.com": address } }),
		});
		await made.open();
		const get = through(made);
		expect(new TextDecoder().decode((await get("http://eim.example.com/")).body)).toBe("eim.example.com");
		await expect(get(`http://${address}/`)).rejects.toMatchObject({ code: "TRANSPORT_PROXY_REFUSED" });
		expect(seen).toEqual([
			{ destination: "eim.example.com:80" },
			{ destination: address, refusal: expect.stringContaining("not on the allow list") },
		]);
	});

	test("answers 502 for a server that is not there, 403 for what is not host:port, 405 for anything but CONNECT", async () => {
		const { made } = await proxy();
		await made.open();
		const closed = await listenTcp(HERE, () => undefined);
		await closed.close();
		await expect(through(made)(`http://127.0.0.1:${closed.address.port}/`)).rejects.toThrow("502");
		const status = await new Promise((resolve, reject) => {
			http
				.get({ host: "127.0.0.1", port: made.address.port, path: "http://example.com/" }, (response) => {
					response.resume();
					resolve(response.statusCode);
				})
				.on("error", reject);
		});
		expect(status).toBe(405);
	});

	test("the allow list knows names, ports, domains and everything", () => {
		const target = { host: "DP.example.com", port: 443 };
		expect(isAllowed(["dp.example.com"], target)).toBe(true);
		expect(isAllowed(["dp.example.com:443"], target)).toBe(true);
		expect(isAllowed(["dp.example.com:8443"], target)).toBe(false);
		expect(isAllowed(["*.example.com"], target)).toBe(true);
		expect(isAllowed(["*.ample.com"], target)).toBe(false);
		expect(isAllowed([], target)).toBe(false);
	});
});
