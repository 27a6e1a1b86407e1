import { Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { Relay } from "../support/relay.ts";
import { DtlsBench, features, listenTo, makeCa, say } from "./dtls-bench.ts";

const ca = makeCa();
const server = ca.issue("eim.example.com");
const device = ca.issue("device.example.com");
const key = new TextEncoder().encode("0123456789abcdef");
const trustCa = { kind: "ca", certificates: [ca.pem] } as const;
const mutual = { identity: server, trust: trustCa };

describe.skipIf(features === undefined)("DTLS between two of ours", () => {
	it("proves both sides by certificate and carries datagrams both ways", async () => {
		const bench = new DtlsBench();
		await bench.listen(mutual);
		const path = await bench.connect({ identity: device, trust: trustCa });
		const other = bench.paths[0]!;
		expect(path.proven.certificate).toEqual(server.der);
		expect(other.proven).toEqual({ certificate: device.der, publicKey: device.spki });
		expect(path.cipherSuite).toBe("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8");
		const atServer = listenTo(other);
		const atDevice = listenTo(path);
		say(path, "question");
		await bench.clock.advance(10);
		say(other, "answer");
		await bench.clock.advance(10);
		expect(atServer.heard).toEqual(["question"]);
		expect(atDevice.heard).toEqual(["answer"]);
		path.close();
		await bench.clock.advance(10);
		expect(atServer).toMatchObject({ closed: true, cause: undefined });
		expect(atDevice).toMatchObject({ closed: true, cause: undefined });
	});

	it("proves both sides by a pre-shared key, and refuses an unknown identity and a wrong key", async () => {
		const bench = new DtlsBench();
		const sizes = { known: key, other: key.slice().fill(1) } as Record<string, Uint8Array>;
		await bench.listen({ trust: { kind: "none" }, keyOf: (identity) => sizes[identity] });
		const connect = (identity: string) => bench.connect({ trust: { kind: "none" }, key: { identity, key } });
		expect((await connect("known")).proven).toEqual({ pskIdentity: "known" });
		expect(bench.paths[0]?.proven).toEqual({ pskIdentity: "known" });
		await expect(connect("rogue")).rejects.toMatchObject({ code: "DTLS_REFUSED" });
		await expect(connect("other")).rejects.toMatchObject({ code: expect.stringMatching(/^DTLS_/) });
		expect(bench.paths.length).toBe(1);
	});

	it("resumes a session from a new address with fewer octets", async () => {
		const bench = new DtlsBench();
		const listening = await bench.listen(mutual);
		const first = await bench.connect({ identity: device, trust: trustCa });
		const old = listenTo(bench.paths[0]!);
		const full = bench.network.seen.reduce((sum, { datagram }) => sum + datagram.length, 0);
		bench.network.rebind();
		const again = await bench.connect({ identity: device, trust: trustCa, session: first.session! });
		const both = bench.network.seen.reduce((sum, { datagram }) => sum + datagram.length, 0);
		expect(again.isResumed).toBe(true);
		expect(bench.paths[1]?.proven).toEqual({ certificate: device.der, publicKey: device.spki });
		expect(both - full).toBeLessThan(full / 3);
		expect(old).toMatchObject({ closed: true, cause: { code: "DTLS_SESSION_ENDED" } });
		expect(listening.openSessions).toBe(1);
	});

	it("completes handshakes, whole and resumed, over links that lose, double and reorder", async () => {
		for (let seed = 1; seed <= 8; seed++) {
			const bench = new DtlsBench();
			const relay = new Relay({ seed, loss: 0.3, duplicates: 0.2, reorder: 0.2 }, bench.clock);
			bench.network.relay = relay;
			// A small MTU makes more datagrams and fragments.
			const slow = { mtu: 400, handshakeTimeout: Minutes(10) };
			await bench.listen({ ...mutual, ...slow });
			const path = await bench.connect({ identity: device, trust: trustCa, ...slow });
			await bench.clock.advance(Minutes(2));
			const again = await bench.connect({ identity: device, trust: trustCa, session: path.session!, ...slow });
			await bench.clock.advance(Minutes(2));
			expect([path.isResumed, again.isResumed, bench.paths.length]).toEqual([false, true, 2]);
			expect(relay.counts.dropped).toBeGreaterThan(0);
			expect(relay.counts.duplicated).toBeGreaterThan(0);
		}
	});

	const ways = {
		"by certificates": [mutual, { identity: device, trust: trustCa }],
		"by a pre-shared key": [
			{ trust: { kind: "none" }, keyOf: () => key },
			{ trust: { kind: "none" }, key: { identity: "device", key } },
		],
	} as const;
	for (const [way, [listen, connect]] of Object.entries(ways)) {
		it(`the loss of any one datagram of a handshake ${way}, whole or resumed, costs seconds only`, async () => {
			for (let lost = 0; lost < 6; lost++) {
				for (const isResumed of [false, true]) {
					const bench = new DtlsBench();
					await bench.listen(listen);
					const { session } = isResumed ? await bench.connect(connect) : {};
					const before = bench.network.seen.length;
					bench.network.drops = () => bench.network.seen.length === before + lost + 1;
					const began = bench.clock.now();
					const path = await bench.connect({ ...connect, ...(session && { session }) });
					// The server is open when the client's last flight has arrived, which may be the lost one.
					await bench.clock.advance(Seconds(8));
					bench.network.drops = () => false;
					expect(path.isResumed).toBe(isResumed);
					expect(bench.paths.length).toBe(isResumed ? 2 : 1);
					expect(bench.clock.now() - began).toBeLessThan(12_000);
					const { heard } = listenTo(bench.paths.at(-1)!);
					say(path, "through");
					await bench.clock.advance(10);
					expect(heard).toEqual(["through"]);
				}
			}
		});
	}

	it("sends a lost flight again after the time that it was given, then after twice as long", async () => {
		const bench = new DtlsBench();
		bench.network.drops = () => true;
		const slow = { firstRetransmit: Seconds(9), handshakeTimeout: Seconds(62) };
		await expect(bench.connect({ trust: trustCa, ...slow })).rejects.toMatchObject({ code: "DTLS_TIMEOUT" });
		// At 0, 9 and 27 s.
		expect(bench.network.seen.length).toBe(3);
	});

	it("gives a handshake up after its time", async () => {
		const bench = new DtlsBench();
		bench.network.drops = () => true;
		const connecting = bench.connect({ trust: trustCa, handshakeTimeout: Seconds(30) });
		await expect(connecting).rejects.toMatchObject({ code: "DTLS_TIMEOUT" });
		expect(bench.network.seen.length).toBe(5);
		expect(bench.clock.pending).toBe(0);
	});
});
