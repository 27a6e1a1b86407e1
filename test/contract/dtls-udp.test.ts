import { systemClock } from "@iot-esim/shared/runtime/clock";
import { connectDtls } from "@iot-esim/shared/transport/native/dtls/connect-dtls";
import { listenDtls } from "@iot-esim/shared/transport/native/dtls/listen-dtls";
import type { DtlsPath } from "@iot-esim/shared/transport/native/dtls/options";
import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { closers, DtlsBench, features, listenTo, MemoryNetwork, makeCa, SERVER, say } from "./dtls-bench.ts";

const ca = makeCa();
const identity = ca.issue("localhost");
const trust = { kind: "ca", certificates: [ca.pem] } as const;
const none = { kind: "none" } as const;

/** The first path of a server, as a promise. */
function firstPath(): { onPath: (path: DtlsPath) => void; path: Promise<DtlsPath> } {
	let onPath: (path: DtlsPath) => void = () => undefined;
	const path = new Promise<DtlsPath>((resolve) => {
		onPath = resolve;
	});
	return { onPath, path };
}

describe.skipIf(features === undefined)("DTLS on this machine's clock and sockets", () => {
	for (const host of ["127.0.0.1", "::1"]) {
		it(`carries datagrams over UDP at ${host}, and says its last word before the socket closes`, async () => {
			const accepted = firstPath();
			const server = await listenDtls({ clock: systemClock, host, port: 0, identity, trust: none }, accepted.onPath);
			closers.push(() => server.close());
			const path = await connectDtls({ clock: systemClock, host, port: server.port, serverName: "localhost", trust });
			const atServer = listenTo(await accepted.path);
			say(path, "hello");
			path.close();
			await expect.poll(() => atServer, { interval: 5 }).toMatchObject({ heard: ["hello"], closed: true });
			expect(server.openSessions).toBe(0);
		});
	}

	it("repeats lost flights by the machine's clock", async () => {
		const network = new MemoryNetwork(systemClock);
		const lost = new Set([0, 2, 5]);
		network.drops = () => lost.has(network.seen.length - 1);
		const options = { clock: systemClock, network, firstRetransmit: Milliseconds(40), handshakeTimeout: Seconds(10) };
		const accepted = firstPath();
		const server = await listenDtls({ ...options, ...SERVER, identity, trust: none }, accepted.onPath);
		closers.push(() => server.close());
		const path = await connectDtls({
			...options,
			host: SERVER.host,
			port: SERVER.port,
			serverName: "localhost",
			trust,
		});
		closers.push(() => path.close());
		const { heard } = listenTo(await accepted.path);
		expect(network.seen.length).toBeGreaterThan(6);
		network.drops = () => false;
		say(path, "through");
		await expect.poll(() => heard, { interval: 5 }).toEqual(["through"]);
	});

	it("gives a handshake up when its caller does", async () => {
		const bench = new DtlsBench();
		bench.network.drops = () => true;
		const abort = new AbortController();
		const connecting = bench.connect({ trust, signal: abort.signal });
		await bench.clock.advance(1_500);
		abort.abort(new Error("not needed any more"));
		await expect(connecting).rejects.toThrow("not needed any more");
		expect(bench.clock.pending).toBe(0);
		await expect(bench.connect({ trust, signal: abort.signal })).rejects.toThrow("not needed any more");
	});
});
