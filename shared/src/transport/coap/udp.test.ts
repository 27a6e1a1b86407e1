import { afterEach, expect, it } from "vitest";
import { systemClock } from "../../runtime/clock.ts";
import { systemRandom } from "../../runtime/random.ts";
import { equalBytes } from "../../util/bytes.ts";
import { Milliseconds } from "../../util/duration.ts";
import type { DatagramPath, DatagramServer } from "../datagram.ts";
import { DatagramChannel } from "./datagram-channel.ts";
import { CoapEndpoint } from "./endpoint.ts";
import { createCoapServer } from "./server.ts";
import { connectUdp, listenUdp } from "./udp.ts";

const options = { clock: systemClock, random: systemRandom };
let listening: DatagramServer | undefined;
const opened: CoapEndpoint[] = [];

afterEach(async () => {
	for (const endpoint of opened.splice(0)) endpoint.close();
	await listening?.close();
	listening = undefined;
});

async function connected(port: number): Promise<CoapEndpoint> {
	const path = await connectUdp({ host: "127.0.0.1", port, clock: systemClock });
	const endpoint = new CoapEndpoint(new DatagramChannel(path, options), options);
	opened.push(endpoint);
	return endpoint;
}

it("carries 128 KB both ways between sockets, for several peers at once", async () => {
	const server = createCoapServer({ ...options, handler: ({ payload }) => ({ code: "2.04", payload }) });
	listening = await listenUdp({ host: "127.0.0.1", port: 0, clock: systemClock }, (path) => server.accept(path));
	const bodies = [1, 2, 3].map((fill) => new Uint8Array(131_072).fill(fill));
	const { port } = listening;
	const answers = bodies.map(async (payload) =>
		(await connected(port)).request({ method: "POST", path: ["e"], payload }),
	);
	for (const [index, { payload }] of (await Promise.all(answers)).entries()) {
		expect(equalBytes(payload, bodies[index] as Uint8Array)).toBe(true);
	}
});

it("remembers so many peers at most: whoever was not heard for longest is forgotten", async () => {
	const paths: DatagramPath[] = [];
	const ended: number[] = [];
	listening = await listenUdp({ host: "127.0.0.1", port: 0, clock: systemClock, maxPaths: 2 }, (path) => {
		const index = paths.push(path) - 1;
		path.receive({ datagram: (octets) => path.send(octets), closed: () => ended.push(index) });
	});
	for (let i = 0; i < 3; i++) {
		const path = await connectUdp({ host: "127.0.0.1", port: listening.port, clock: systemClock });
		await new Promise<void>((resolve) => {
			path.receive({ datagram: () => resolve(), closed: () => undefined });
			path.send(Uint8Array.of(1));
		});
		path.close();
	}
	expect([paths.length, ended]).toEqual([3, [0]]);
});

it("says at once where nobody listens", async () => {
	const closed = await listenUdp({ host: "127.0.0.1", port: 0, clock: systemClock }, () => undefined);
	await closed.close();
	const endpoint = await connected(closed.port);
	const signal = AbortSignal.timeout(Milliseconds(5000));
	await expect(endpoint.request({ method: "GET", path: [] }, { signal })).rejects.toMatchObject({
		code: "TRANSPORT_CONNECT_REFUSED",
	});
});
