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

	it("completes handshakes over links that lose, double and reorder", async () => {
		for (let seed = 1; seed <= 8; seed++) {
			const bench = new DtlsBench();
			bench.network.relay = new Relay({ seed, loss: 0.3, duplicates: 0.2, reorder: 0.2 }, bench.clock);
			await bench.listen({ ...mutual, mtu: 400, handshakeTimeout: Minutes(10) });
			const path = await bench.connect({ identity: device, trust: trustCa, mtu: 400, handshakeTimeout: Minutes(10) });
			await bench.clock.advance(120_000);
			expect(bench.paths.length).toBe(1);
			expect(path.isResumed).toBe(false);
		}
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
