import { createSocket } from "node:dgram";

/** A UDP port of 127.0.0.1 that is free together with the one above it. */
export async function findFreePortPair(): Promise<number> {
	for (;;) {
		const port = await bound(0);
		if (port < 65_535 && (await bound(port + 1).catch(() => 0)) !== 0) return port;
	}
}

function bound(port: number): Promise<number> {
	return new Promise((resolve, reject) => {
		const socket = createSocket("udp4").once("error", reject);
		socket.bind(port, "127.0.0.1", () => {
			const found = socket.address().port;
			socket.close(() => resolve(found));
		});
	});
}
