import { connectDtls } from "@iot-esim/shared/transport/native/dtls/connect-dtls";
import type { DtlsClientOptions, DtlsServerOptions } from "@iot-esim/shared/transport/native/dtls/options";
import { MemorySessionStore } from "@iot-esim/shared/transport/native/dtls/session-store";
import type { DatagramNetwork } from "@iot-esim/shared/transport/native/dtls/udp-socket";
import { Hours, Milliseconds, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { Relay } from "../support/relay.ts";
import { closers, DtlsBench, features, listenTo, makeCa, type SeenDatagram, say } from "./dtls-bench.ts";

const ca = makeCa();
const server = ca.issue("eim.example.com");
const device = ca.issue("device.example.com");
const trust = { kind: "ca", certificates: [ca.pem] } as const;
const mutual = { identity: server, trust };
const own = { identity: device, trust };

/** A plaintext handshake record that is not a ClientHello: the client goes no further than its cookie. */
const afterHello = ({ toServer, datagram }: SeenDatagram) => toServer && !(datagram[0] === 22 && datagram[13] === 1);

const key = new Uint8Array(16).fill(7);
const keysForAll = { trust: { kind: "none" }, keyOf: () => key } as const;
const withKey = (identity: string) => ({ trust: { kind: "none" }, key: { identity, key } }) as const;

/** Devices with one key, which are cheap enough for many. */
function crowdBench() {
	const bench = new DtlsBench();
	const { clock, network } = bench;
	const place = { host: "eim.example.com", port: 5684, handshakeTimeout: Seconds(30) };
	return {
		clock,
		network,
		listen: (options: Partial<DtlsServerOptions>) => bench.listen({ ...keysForAll, ...options }),
		connect: (identity: string, options: Partial<DtlsClientOptions> = {}) =>
			connectDtls({ clock, network, ...place, ...withKey(identity), ...options }),
	};
}

describe.skipIf(features === undefined)("a DTLS server among strangers", () => {
	const at = (host: string, port: number) => ({ local: { host, port } });

	it("one host that begins handshakes and leaves them keeps no other host out", async () => {
		const bench = new DtlsBench();
		const listening = await bench.listen({ ...mutual, maxHandshakes: 3 });
		bench.network.drops = afterHello;
		const handshakes = async (...ports: number[]) => {
			bench.network.drops = afterHello;
			const timeout = { handshakeTimeout: Seconds(1) };
			for (const port of ports) {
				await bench.connect({ ...own, ...at("203.0.113.1", port), ...timeout }).catch(() => undefined);
			}
			bench.network.drops = () => false;
		};
		await handshakes(1, 2, 3);
		expect(listening.handshakes).toBe(3);
		await bench.connect({ ...own, ...at("198.51.100.7", 1) });
		// And strangers do not push out one that is under way.
		bench.network.drops = afterHello;
		const { clock, network } = bench;
		const slow = connectDtls({ clock, network, host: "eim.example.com", port: 5684, ...own, ...at("198.51.100.8", 1) });
		await handshakes(4, 5, 6, 7);
		expect(listening.handshakes).toBe(3);
		closers.push((await clock.until(slow)).close);
		await clock.advance(Seconds(1));
		expect(listening.openSessions).toBe(2);
	});

	it("a crowd behind one address gets in, although few of its handshakes fit at once", async () => {
		const { clock, network, ...bench } = crowdBench();
		const listening = await bench.listen({ maxHandshakes: 8 });
		network.relay = new Relay({ seed: 1, delay: Milliseconds(500) }, clock);
		const device = async (at: number) => {
			await new Promise<void>((resolve) => clock.schedule(Milliseconds(50 * at), resolve));
			closers.push((await bench.connect(`d${at}`)).close);
		};
		await clock.until(Promise.all(Array.from({ length: 40 }, (_, at) => device(at))));
		expect([listening.openSessions, listening.handshakes]).toEqual([40, 0]);
	});

	it("where a crowd behind one address leaves no place, its newest handshake makes room for another host", async () => {
		const { clock, network, ...bench } = crowdBench();
		const listening = await bench.listen({ maxHandshakes: 5 });
		network.drops = afterHello;
		const crowd = [];
		for (const name of ["c1", "c2", "c3", "c4", "c5"]) {
			crowd.push(bench.connect(name).catch(() => undefined));
			await clock.advance(10);
		}
		expect(listening.handshakes).toBe(5);
		network.drops = () => false;
		closers.push((await clock.until(bench.connect("other", at("198.51.100.7", 1)))).close);
		const paths = await clock.until(Promise.all(crowd));
		for (const path of paths) if (path !== undefined) closers.push(path.close);
		expect(paths.map((path) => path !== undefined)).toEqual([true, true, true, true, false]);
	});

	it.each([
		["one host without a proof", (port: number) => ({ trust, ...at("203.0.113.1", port) })],
		["one key, whatever its hosts,", (port: number) => ({ ...withKey("stranger"), ...at(`203.0.113.${port}`, 1) })],
	])("%s that opens many sessions takes the place of its own", async (_, stranger) => {
		const bench = new DtlsBench();
		const listening = await bench.listen({ identity: server, ...keysForAll, maxSessions: 3 });
		await bench.connect({ ...withKey("device"), ...at("198.51.100.7", 1) });
		const device = listenTo(bench.paths[0]!);
		for (let port = 1; port <= 8; port++) say(await bench.connect(stranger(port)), "stranger");
		await bench.clock.advance(10);
		expect([listening.openSessions, device.closed]).toEqual([3, false]);
	});

	it.each([
		["without a proof, as many as half of the sessions", 3, () => ({ trust })],
		["with a key each, all of them", 6, (port: number) => withKey(`crowd ${port}`)],
	])("a crowd behind one address %s has room like any other", async (_, size, crowd) => {
		const bench = new DtlsBench();
		const listening = await bench.listen({ identity: server, ...keysForAll, maxSessions: 6 });
		for (let host = 1; host <= 6; host++) {
			await bench.connect({ ...withKey(`alone ${host}`), ...at(`198.51.100.${host}`, 1) });
		}
		for (let port = 1; port <= size; port++) await bench.connect({ ...crowd(port), ...at("203.0.113.1", port) });
		const closed = bench.paths.map((path) => listenTo(path).closed);
		expect(closed.map((gone, at) => gone === at < size)).toEqual(Array(6 + size).fill(true));
		expect(listening.openSessions).toBe(6);
	});

	it("a certificate that anybody can make gives no room of its own", async () => {
		const bench = new DtlsBench();
		const asked = { kind: "asked", isTrusted: () => true, takesAnyKey: true } as const;
		const listening = await bench.listen({ identity: server, trust: asked, maxSessions: 3 });
		await bench.connect({ ...own, ...at("198.51.100.7", 1) });
		const first = listenTo(bench.paths[0]!);
		for (let port = 1; port <= 4; port++) {
			await bench.connect({ trust, identity: makeCa().issue("x.example"), ...at("203.0.113.1", port) });
		}
		expect([listening.openSessions, first.closed]).toEqual([3, false]);
	});

	it("a session that never carries anything is dropped as a handshake is that never ends", async () => {
		const bench = new DtlsBench();
		const listening = await bench.listen({ ...mutual, idleTimeout: Hours(1), handshakeTimeout: Minutes(2) });
		const used = await bench.connect(own);
		say(used, "used");
		await bench.clock.advance(10);
		await bench.connect(own);
		expect(listening.openSessions).toBe(2);
		await bench.clock.advance(Minutes(3));
		expect(listening.openSessions).toBe(1);
		expect(listenTo(bench.paths[0]!)).toMatchObject({ heard: ["used"], closed: false });
	});
});

describe.skipIf(features === undefined)("what goes wrong around a handshake", () => {
	it("a damaged session in the server's store costs a whole handshake and nothing else", async () => {
		const bench = new DtlsBench();
		const inMemory = new MemorySessionStore(bench.clock, Hours(1), 10);
		let damage = (session: Uint8Array) => session;
		await bench.listen({
			...mutual,
			sessions: {
				keep: (id, session) => inMemory.keep(id, session),
				find: (id) => inMemory.find(id) && damage(inMemory.find(id)!),
				forget: (id) => inMemory.forget(id),
			},
		});
		const { session } = await bench.connect(own);
		const connect = () => bench.connect({ ...own, session: session! });
		expect((await connect()).isResumed).toBe(true);
		for (const length of [0, 1, 30, 100]) {
			damage = (kept) => kept.subarray(0, length);
			expect((await connect()).isResumed).toBe(false);
			expect(bench.failures).toEqual([]);
		}
	});

	it("a session that is ended from within a question of its handshake gives its place back", async () => {
		const bench = new DtlsBench();
		let stop: () => unknown = () => undefined;
		const listening = await bench.listen({
			identity: server,
			trust: {
				kind: "asked",
				isTrusted: () => {
					stop();
					return true;
				},
			},
		});
		stop = () => listening.close();
		await expect(bench.connect({ ...own, handshakeTimeout: Seconds(5) })).rejects.toThrow();
		expect([listening.handshakes, listening.openSessions, bench.clock.pending]).toEqual([0, 0, 0]);
		expect(bench.failures).toMatchObject([{ code: "DTLS_SESSION_ENDED" }]);
	});

	it("a client that is told to stop while it opens its socket does, and closes it", async () => {
		for (const when of ["resolve", "open"] as const) {
			const bench = new DtlsBench();
			await bench.listen(mutual);
			const stop = new AbortController();
			let open = 0;
			const network: DatagramNetwork = {
				resolve: async (host) => {
					if (when === "resolve") stop.abort(new Error("enough"));
					return bench.network.resolve(host);
				},
				open: async (local, onDatagram) => {
					const socket = await bench.network.open(local, onDatagram);
					open++;
					if (when === "open") stop.abort(new Error("enough"));
					return { ...socket, close: async () => void open-- };
				},
			};
			await expect(bench.connect({ ...own, network, signal: stop.signal })).rejects.toThrow("enough");
			expect([open, bench.network.seen.length, bench.clock.pending]).toEqual([0, 0, 0]);
		}
	});
});
