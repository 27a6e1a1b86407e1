import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { DtlsError } from "@iot-esim/shared/transport/native/dtls/errors";
import { listenDtls } from "@iot-esim/shared/transport/native/dtls/listen-dtls";
import { MemorySessionStore } from "@iot-esim/shared/transport/native/dtls/session-store";
import type { DatagramNetwork, OnDatagram } from "@iot-esim/shared/transport/native/dtls/udp-socket";
import { Hours, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../support/fake-clock.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { DEVICE_HOST, DtlsBench, features, listenTo, makeCa, SERVER, type SeenDatagram, say } from "./dtls-bench.ts";

const ca = makeCa();
const server = ca.issue("eim.example.com");
const device = ca.issue("device.example.com");
const trust = { kind: "ca", certificates: [ca.pem] } as const;
const none = { kind: "none" } as const;
const mutual = { identity: server, trust };
const own = { identity: device, trust };
const fixedPort = { local: { host: DEVICE_HOST, port: 41_000 } };

/** A plaintext handshake record that is not a ClientHello: the client goes no further than its cookie. */
const afterHello = ({ toServer, datagram }: SeenDatagram) => toServer && !(datagram[0] === 22 && datagram[13] === 1);

/** What this process holds when garbage is collected. */
function held(): number {
	setFlagsFromString("--expose-gc");
	(runInNewContext("gc") as () => void)();
	return process.memoryUsage().rss;
}

/** A ClientHello without cookie, as OpenSSL sends it. */
async function recordHello(): Promise<Uint8Array> {
	const bench = new DtlsBench();
	bench.network.drops = () => true;
	await bench.connect({ trust, handshakeTimeout: Seconds(1) }).catch(() => undefined);
	return bench.network.seen[0]!.datagram;
}

describe.skipIf(features === undefined)("what a DTLS server keeps", () => {
	it("100,000 hellos without a cookie keep no memory, and each is answered with less than it brought", async () => {
		const hello = Buffer.from(await recordHello());
		let arrive: OnDatagram = () => undefined;
		let answers = 0;
		let longest = 0;
		const network: DatagramNetwork = {
			open: async (address, onDatagram) => {
				arrive = onDatagram;
				const send = (datagram: Uint8Array) => {
					longest = Math.max(longest, datagram.length);
					if (datagram[13] === 3) answers++;
				};
				return { address, send, close: async () => undefined };
			},
			resolve: async (host) => host,
		};
		const clock = new FakeClock();
		const listening = await listenDtls({ clock, network, ...SERVER, ...mutual }, () => undefined);
		const flood = (count: number) => {
			for (let i = 0; i < count; i++) {
				hello.writeUInt32BE(i, 27);
				arrive(hello, { host: `198.51.${(i >> 8) & 255}.${i & 255}`, port: 1024 + (i % 60_000) });
			}
		};
		flood(20_000);
		const before = held();
		let after = before;
		for (let tenth = 0; tenth < 10; tenth++) {
			flood(10_000);
			after = held();
		}
		expect(answers).toBe(120_000);
		expect(longest).toBeLessThan(hello.length);
		expect([listening.handshakes, listening.openSessions, clock.pending]).toEqual([0, 0, 0]);
		// One session takes 42 KB: 100,000 of them would be 4 GB. 320 octets of each peer would be seen.
		expect(after - before).toBeLessThan(32_000_000);
		await listening.close();
	});

	it("a cookie is good for its own address only, so nobody opens a session in another's name", async () => {
		const bench = new DtlsBench();
		const listening = await bench.listen(mutual);
		bench.network.drops = afterHello;
		await bench.connect({ ...own, handshakeTimeout: Seconds(1) }).catch(() => undefined);
		const [, , withCookie] = bench.network.seen;
		await bench.clock.advance(200_000);
		expect(listening.handshakes).toBe(0);
		const fromElsewhere = { host: "203.0.113.9", port: 5 };
		bench.network.toServer(withCookie!.datagram, fromElsewhere);
		await bench.clock.advance(10);
		expect(listening.handshakes).toBe(0);
		expect(bench.network.seen.at(-1)?.datagram[13]).toBe(3);
	});

	it("a cookie is worthless after two lives of its secret", async () => {
		const bench = new DtlsBench();
		const listening = await bench.listen(mutual);
		bench.network.drops = afterHello;
		await bench.connect({ ...own, ...fixedPort, handshakeTimeout: Seconds(1) }).catch(() => undefined);
		const replay = async () => {
			bench.network.toServer(bench.network.seen[2]!.datagram, fixedPort.local);
			await bench.clock.advance(10);
		};
		await bench.clock.advance(121_000);
		expect(listening.handshakes).toBe(0);
		await replay();
		expect(listening.handshakes).toBe(0);
	});

	it("handshakes under way are bounded and expire; the next one then goes through", async () => {
		const bench = new DtlsBench();
		const listening = await bench.listen({ ...mutual, maxHandshakes: 3, handshakeTimeout: Seconds(30) });
		bench.network.drops = afterHello;
		for (let i = 0; i < 5; i++) {
			await expect(bench.connect({ ...own, handshakeTimeout: Seconds(1) })).rejects.toThrow();
			expect(listening.handshakes).toBe(Math.min(i + 1, 3));
		}
		await bench.clock.advance(31_000);
		expect(listening.handshakes).toBe(0);
		const codes = bench.failures.map((error) => (error as DtlsError).code);
		expect(codes).toEqual([...Array(2).fill("DTLS_SESSION_ENDED"), ...Array(3).fill("DTLS_TIMEOUT")]);
		bench.network.drops = () => false;
		await bench.connect(own);
		expect(listening.openSessions).toBe(1);
	});

	it("open sessions are bounded: the one silent for longest makes room", async () => {
		const bench = new DtlsBench();
		const listening = await bench.listen({ ...mutual, maxSessions: 2 });
		const first = await bench.connect(own);
		await bench.connect(own);
		say(first, "still here");
		await bench.clock.advance(10);
		const seen = bench.paths.map(listenTo);
		await bench.connect(own);
		expect(listening.openSessions).toBe(2);
		expect(seen.map(({ closed }) => closed)).toEqual([false, true]);
	});

	it("a silent session is dropped without a datagram, one in use is not", async () => {
		const bench = new DtlsBench();
		const listening = await bench.listen({ ...mutual, idleTimeout: Hours(1) });
		const inUse = await bench.connect(own);
		say(await bench.connect(own), "and no more");
		say(inUse, "here");
		await bench.clock.advance(10);
		for (let i = 0; i < 4; i++) {
			await bench.clock.advance(Minutes(20));
			say(inUse, "still here");
			await bench.clock.advance(10);
		}
		const sent = bench.network.seen.filter(({ toServer }) => !toServer).length;
		expect(listening.openSessions).toBe(1);
		await bench.clock.advance(Hours(2));
		expect(listening.openSessions).toBe(0);
		expect(bench.network.seen.filter(({ toServer }) => !toServer).length).toBe(sent);
	});

	it("a session that can be resumed is kept for its time and its number only", async () => {
		const bench = new DtlsBench();
		const sessions = new MemorySessionStore(bench.clock, Hours(1), 2);
		await bench.listen({ ...mutual, sessions });
		const kept = [await bench.connect(own), await bench.connect(own), await bench.connect(own)];
		const again = async (at: number) => (await bench.connect({ ...own, session: kept[at]!.session! })).isResumed;
		expect(await again(0)).toBe(false);
		expect(await again(2)).toBe(true);
		await bench.clock.advance(Hours(1));
		expect(await again(2)).toBe(false);
	});

	it("a restarted server, and a session that was damaged, cost a whole handshake and nothing else", async () => {
		const bench = new DtlsBench();
		const before = await bench.listen(mutual);
		const { session } = await bench.connect(own);
		await before.close();
		await bench.listen(mutual);
		expect((await bench.connect({ ...own, session: session! })).isResumed).toBe(false);
		expect((await bench.connect({ ...own, session: session!.slice(0, 50) })).isResumed).toBe(false);
		const wrongSecret = session!.slice();
		wrongSecret[60]! ^= 1;
		await expect(bench.connect({ ...own, session: wrongSecret })).resolves.toBeDefined();
	});

	it("closing the server tells every peer", async () => {
		const bench = new DtlsBench();
		const listening = await bench.listen(mutual);
		const seen = [await bench.connect(own), await bench.connect(own)].map(listenTo);
		await listening.close();
		await bench.clock.advance(10);
		expect(seen).toMatchObject(Array(2).fill({ closed: true, cause: undefined }));
		expect(bench.clock.pending).toBe(0);
	});
});

describe.skipIf(features === undefined)("a peer that comes again", () => {
	it("from the same address takes the old session's place when it is proven, not before (RFC 6347 4.2.8)", async () => {
		const bench = new DtlsBench();
		const listening = await bench.listen(mutual);
		const first = await bench.connect({ ...own, ...fixedPort });
		const old = listenTo(bench.paths[0]!);
		// A stranger at the same address gets as far as the cookie.
		bench.network.drops = afterHello;
		await bench.connect({ ...own, ...fixedPort, handshakeTimeout: Seconds(1) }).catch(() => undefined);
		expect(listening.handshakes).toBe(1);
		bench.network.drops = () => false;
		say(first, "during the handshake");
		await bench.clock.advance(10);
		expect(old).toMatchObject({ heard: ["during the handshake"], closed: false });
		// And a device that was restarted gets through.
		const again = await bench.connect({ ...own, ...fixedPort });
		expect(old).toMatchObject({ closed: true, cause: { code: "DTLS_SESSION_ENDED" } });
		const { heard } = listenTo(bench.paths[1]!);
		say(again, "after it");
		await bench.clock.advance(10);
		expect(heard).toEqual(["after it"]);
		expect([listening.openSessions, listening.handshakes]).toEqual([1, 0]);
	});

	it("a hello that arrives again after the handshake changes nothing", async () => {
		const bench = new DtlsBench();
		const listening = await bench.listen(mutual);
		const path = await bench.connect({ ...own, ...fixedPort });
		for (const { toServer, datagram } of [...bench.network.seen]) {
			if (toServer) bench.network.toServer(datagram, fixedPort.local);
		}
		await bench.clock.advance(100);
		const { heard, closed } = listenTo(bench.paths[0]!);
		say(path, "still the same");
		await bench.clock.advance(10);
		expect([heard, closed, listening.openSessions, listening.handshakes]).toEqual([["still the same"], false, 1, 0]);
	});

	it("from a new address is not answered until it has resumed its session", async () => {
		const bench = new DtlsBench();
		const listening = await bench.listen(mutual);
		const path = await bench.connect(own);
		const atServer = listenTo(bench.paths[0]!);
		bench.network.rebind();
		const sent = bench.network.seen.length;
		say(path, "from elsewhere");
		await bench.clock.advance(60_000);
		expect(bench.network.seen.length).toBe(sent + 1);
		expect(atServer).toMatchObject({ heard: [], closed: false });
		const again = await bench.connect({ ...own, session: path.session! });
		const { heard } = listenTo(bench.paths[1]!);
		say(again, "from elsewhere");
		await bench.clock.advance(10);
		expect([again.isResumed, heard, atServer.closed, listening.openSessions]).toEqual([
			true,
			["from elsewhere"],
			true,
			1,
		]);
	});

	// OpenSSL would end the session over a protected record that is shorter than its tag.
	it("rubbish on the way, before and after the handshake, disturbs nobody", async () => {
		const bench = new DtlsBench();
		const listening = await bench.listen(mutual);
		const record = (type: number, epoch: number, length: number) => {
			return [type, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 9, 0, length, ...Array(length).fill(1)];
		};
		const lengths = [0, 1, 2, 8, 15, 16, 17, 24, 40];
		const rubbish = [[], [0], [22, 254, 253], Array(60).fill(22)];
		for (const type of [20, 21, 22, 23, 24, 99])
			for (const epoch of [0, 1, 2]) rubbish.push(...lengths.map((length) => record(type, epoch, length)));
		const throwRubbish = async () => {
			for (const octets of rubbish) bench.network.toServer(Uint8Array.from(octets), fixedPort.local);
			await bench.clock.advance(10);
		};
		await throwRubbish();
		expect(bench.network.seen.every(({ toServer }) => toServer)).toBe(true);
		const path = await bench.connect({ ...own, ...fixedPort });
		await throwRubbish();
		const { heard } = listenTo(bench.paths[0]!);
		say(path, "after the rubbish");
		await bench.clock.advance(10);
		expect([heard, listening.openSessions]).toEqual([["after the rubbish"], 1]);
	});

	it("damaged and shuffled datagrams of real handshakes neither throw nor cross a bound", async () => {
		const bench = new DtlsBench();
		const listening = await bench.listen({
			...mutual,
			maxHandshakes: 5,
			maxSessions: 5,
			handshakeTimeout: Seconds(60),
		});
		const random = new SeededRandom(6347);
		const first = await bench.connect({ ...own, mtu: 400 });
		await bench.connect({ ...own, session: first.session! });
		const recorded = bench.network.seen.filter(({ toServer }) => toServer).map(({ datagram }) => datagram);
		for (let i = 0; i < 1_000; i++) {
			const datagram = recorded[random.below(recorded.length)]!.slice(
				0,
				random.below(4) === 0 ? random.below(300) : 2_000,
			);
			for (let damage = random.below(3); damage > 0 && datagram.length > 0; damage--) {
				datagram[random.below(datagram.length)] = random.below(256);
			}
			bench.network.toServer(datagram, { host: DEVICE_HOST, port: 40_000 + random.below(4) });
			if (i % 50 === 0) await bench.clock.advance(random.below(20_000));
			expect(listening.handshakes).toBeLessThanOrEqual(5);
			expect(listening.openSessions).toBeLessThanOrEqual(5);
		}
		await bench.clock.advance(Minutes(2));
		expect(listening.handshakes).toBe(0);
		const { heard } = listenTo(bench.paths[1]!);
		const path = await bench.connect(own);
		say(path, "through");
		await bench.clock.advance(10);
		expect(listenTo(bench.paths.at(-1)!).heard).toEqual(["through"]);
		expect(heard).toEqual([]);
	});

	it("without a key or certificate of ours is told so only by the alert", async () => {
		const bench = new DtlsBench();
		await bench.listen({ trust: none, keyOf: () => undefined });
		const connecting = bench.connect({ trust: none, key: { identity: "nobody", key: new Uint8Array(16) } });
		await expect(connecting).rejects.toThrow(/unknown_psk_identity \(115\)/);
		expect(bench.failures).toMatchObject([{ code: "DTLS_PEER_UNTRUSTED" }]);
	});
});
