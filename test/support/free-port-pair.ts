import { createSocket } from "node:dgram";
import { freePort, isFree } from "../../examples/demo/free-ports.ts";

/** A port of 127.0.0.1 that is free together with the one above it, for UDP and for TCP: libcoap's server takes all four. */
export async function findFreePortPair(): Promise<number> {
	for (;;) {
		const port = await freePort();
		const areFree = await Promise.all([isFree(port + 1), isFreeForUdp(port), isFreeForUdp(port + 1)]);
		if (areFree.every(Boolean)) return port;
	}
}

function isFreeForUdp(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = createSocket("udp4").once("error", () => resolve(false));
		socket.bind(port, "127.0.0.1", () => socket.close(() => resolve(true)));
	});
}
