import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { listenCoapTls } from "@iot-esim/shared/transport/coap/tls";
import { expect, it } from "vitest";
import { makeCa } from "./dtls-bench.ts";

it("one host that opens connections without end takes the place of its own", async () => {
	const ca = makeCa();
	const { certificate, key } = ca.issue("localhost");
	const listener = await listenCoapTls(
		{ host: "127.0.0.1", port: 0, identity: { certificate, key }, maxConnections: 3 },
		(stream) => stream.resume(),
	);
	const place = { host: "127.0.0.1", port: listener.address.port };
	const open = async () => {
		const socket = net.connect({ ...place, localAddress: "127.0.0.2" });
		socket.on("error", () => undefined);
		const closed = once(socket, "close");
		await once(socket, "connect");
		return { socket, closed };
	};
	const strangers = [await open(), await open(), await open()];
	const device = tls.connect({ ...place, ca: ca.pem, servername: "localhost", ALPNProtocols: ["coap"] });
	await once(device, "secureConnect");
	strangers.push(await open(), await open());
	await Promise.all(strangers.slice(0, 3).map(({ closed }) => closed));
	device.write("still here");
	await new Promise<void>((resolve) => device.write("x", () => resolve()));
	expect([device.destroyed, strangers.map(({ socket }) => socket.destroyed)]).toEqual([
		false,
		[true, true, true, false, false],
	]);
	device.destroy();
	for (const { socket } of strangers) socket.destroy();
	await listener.close();
});
