import { Hours, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { DtlsBench, features, listenTo, makeCa, say } from "./dtls-bench.ts";

const ca = makeCa();
const brainpool = makeCa("brainpoolP256r1");
const server = ca.issue("eim.example.com");
const device = ca.issue("device.example.com");
const stranger = makeCa().issue("eim.example.com");
const past = { notBefore: Date.UTC(2020, 0, 1), notAfter: Date.UTC(2025, 11, 31) };
const future = { notBefore: Date.UTC(2026, 5, 1), notAfter: Date.UTC(2045, 0, 1) };
const key = new TextEncoder().encode("0123456789abcdef");
const trust = { kind: "ca", certificates: [ca.pem] } as const;
const none = { kind: "none" } as const;

describe.skipIf(features === undefined)("whom DTLS trusts", () => {
	const servers = {
		"another issuer": { identity: stranger, client: {} },
		"an expired certificate": { identity: ca.issue("eim.example.com", past), client: {} },
		"a certificate of the future": { identity: ca.issue("eim.example.com", future), client: {} },
		"another name": { identity: server, client: { serverName: "smdp.example.com" } },
		"another pinned key": { identity: server, client: { trust: { kind: "pinned", spki: stranger.spki } } },
		"another pinned certificate": {
			identity: server,
			client: { trust: { kind: "pinned-certificate", der: stranger.der } },
		},
	} as const;
	for (const [what, { identity, client }] of Object.entries(servers)) {
		it(`a client refuses a server with ${what}, and the server hears of it`, async () => {
			const bench = new DtlsBench();
			await bench.listen({ identity, trust: none });
			await expect(bench.connect({ trust, ...client })).rejects.toMatchObject({ code: "DTLS_PEER_UNTRUSTED" });
			await bench.clock.advance(10);
			expect(bench.paths).toEqual([]);
			expect(bench.failures).toMatchObject([
				{ code: "DTLS_REFUSED", message: expect.stringMatching(/certificate|ca/) },
			]);
		});
	}

	it("a client believes the pinned key or certificate, whatever its name, dates and issuer", async () => {
		const expired = makeCa().issue("nobody", past);
		for (const pin of [
			{ kind: "pinned", spki: expired.spki },
			{ kind: "pinned-certificate", der: expired.der },
		] as const) {
			const bench = new DtlsBench();
			await bench.listen({ identity: expired, trust: none });
			const path = await bench.connect({ trust: pin });
			expect(path.proven.publicKey).toEqual(expired.spki);
			expect(bench.paths[0]?.proven).toEqual({});
		}
	});

	it("brainpool certificates work on both sides", async () => {
		const bench = new DtlsBench();
		const trusted = { kind: "ca", certificates: [brainpool.pem] } as const;
		await bench.listen({ identity: brainpool.issue("eim.example.com"), trust: trusted });
		const path = await bench.connect({ identity: brainpool.issue("device.example.com"), trust: trusted });
		expect(path.cipherSuite).toBe("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8");
		expect(bench.paths.length).toBe(1);
	});

	it("a server refuses a client without a certificate, with a rogue or an expired one", async () => {
		const bench = new DtlsBench();
		await bench.listen({ identity: server, trust });
		for (const identity of [undefined, stranger, ca.issue("device.example.com", past)]) {
			const connecting = bench.connect({ trust, ...(identity && { identity }) });
			await expect(connecting).rejects.toMatchObject({ code: "DTLS_REFUSED" });
		}
		expect(bench.paths).toEqual([]);
	});

	it("a server may ask for each device, in a session anew and in a resumed one", async () => {
		const bench = new DtlsBench();
		const known = new Set([Buffer.from(device.spki).toString("hex")]);
		const isTrusted = ({ publicKey }: { publicKey?: Uint8Array }) =>
			known.has(Buffer.from(publicKey ?? []).toString("hex"));
		const listening = await bench.listen({ identity: server, trust: { kind: "asked", isTrusted } });
		const { session } = await bench.connect({ identity: device, trust });
		known.clear();
		const again = listenTo(await bench.connect({ identity: device, trust, session: session! }));
		await bench.clock.advance(10);
		expect(again.closed).toBe(true);
		expect(bench.paths.length).toBe(1);
		expect(listening.openSessions).toBe(1);
		await expect(bench.connect({ identity: device, trust })).rejects.toMatchObject({ code: "DTLS_REFUSED" });
	});

	it("a server resumes no session of a certificate that has expired since: the device shows its new one", async () => {
		const bench = new DtlsBench();
		await bench.listen({ identity: server, trust });
		const hour = { notBefore: bench.clock.now() - Hours(1), notAfter: bench.clock.now() + Hours(1) };
		const { session, close } = await bench.connect({ identity: ca.issue("device.example.com", hour), trust });
		close();
		await bench.clock.advance(Minutes(59));
		expect((await bench.connect({ trust, session: session! })).isResumed).toBe(true);
		await bench.clock.advance(Minutes(2));
		const again = listenTo(await bench.connect({ trust, session: session! }));
		await bench.clock.advance(10);
		expect(again.closed).toBe(true);
		expect(bench.failures).toMatchObject([
			{ code: "DTLS_PEER_UNTRUSTED", message: expect.stringContaining("its certificate has expired") },
		]);
		const renewed = await bench.connect({ identity: device, trust, session: session! });
		expect(renewed.isResumed).toBe(false);
		expect(bench.paths.at(-1)?.proven.certificate).toEqual(device.der);
	});

	it("a pre-shared key that was taken away resumes nothing; a lookup that throws is a refusal", async () => {
		const bench = new DtlsBench();
		const keys = new Map([["device", key]]);
		await bench.listen({
			trust: none,
			keyOf: (identity) => {
				if (identity === "broken") throw new Error("the database is gone");
				return keys.get(identity);
			},
		});
		const connect = (identity: string, session?: Uint8Array) =>
			bench.connect({ trust: none, key: { identity, key }, ...(session && { session }) });
		const { session } = await connect("device");
		keys.clear();
		await expect(connect("device", session)).rejects.toThrow(/unknown_psk_identity/);
		await expect(connect("broken")).rejects.toMatchObject({ code: "DTLS_REFUSED" });
		expect(bench.failures.at(-1)?.message).toContain("the database is gone");
		expect(bench.paths.length).toBe(1);
	});

	it("another pre-shared key is told from a dead network at both ends, by the identity alone", async () => {
		const bench = new DtlsBench();
		await bench.listen({ trust: none, keyOf: () => key.slice().reverse(), handshakeTimeout: Seconds(30) });
		const connecting = bench.connect({ trust: none, key: { identity: "device", key }, handshakeTimeout: Seconds(20) });
		const mismatch = {
			code: "DTLS_KEY_MISMATCH",
			context: { pskIdentity: "device" },
			message: expect.stringMatching(/in \d0 s, silent since the pre-shared key of "device" .* has another key/),
		};
		await expect(connecting).rejects.toMatchObject(mismatch);
		await bench.clock.advance(Seconds(15));
		expect(bench.failures).toMatchObject([mismatch]);
		expect(JSON.stringify(bench.failures)).not.toMatch(/0123456789abcdef/);
	});

	it("an identity without a key is told at both ends, in one line whatever it says", async () => {
		const bench = new DtlsBench();
		await bench.listen({ trust: none, keyOf: () => undefined });
		const connecting = bench.connect({ trust: none, key: { identity: `dev\nice${"x".repeat(80)}`, key } });
		const shown = `dev?ice${"x".repeat(57)}...`;
		await expect(connecting).rejects.toThrow(`unknown_psk_identity (115): it has no key for the identity "${shown}"`);
		await bench.clock.advance(10);
		const refused = { code: "DTLS_PEER_UNTRUSTED", context: { pskIdentity: shown } };
		expect(bench.failures).toMatchObject([refused]);
		expect(bench.failures[0]?.message).toContain(`the identity "${shown}" has no key here`);
	});

	it("a session is resumed only with the key that made it, on both ends", async () => {
		const bench = new DtlsBench();
		const keys = new Map([["device", key]]);
		await bench.listen({ trust: none, keyOf: (identity) => keys.get(identity) });
		const connect = (key: Uint8Array, session?: Uint8Array) =>
			bench.connect({ trust: none, key: { identity: "device", key }, ...(session && { session }) });
		const { session } = await connect(key);
		expect((await connect(key, session)).isResumed).toBe(true);
		const newKey = key.slice().reverse();
		const sent = bench.network.seen.length;
		// Whoever has the old key, and the session made with it, gets no further than with the old key alone.
		keys.set("device", newKey);
		await expect(connect(key, session)).rejects.toMatchObject({ code: expect.stringMatching(/^DTLS_/) });
		// And a device that has got the new key does not believe whoever has its old session.
		keys.set("device", key);
		await expect(connect(newKey, session)).rejects.toMatchObject({ code: expect.stringMatching(/^DTLS_/) });
		expect(bench.network.seen.length).toBeGreaterThan(sent);
		expect(bench.paths.length).toBe(2);
		keys.set("device", newKey);
		expect((await connect(newKey, session)).isResumed).toBe(false);
	});

	it("the key log speaks only where a lab asks for it", async () => {
		const bench = new DtlsBench();
		const lines: string[] = [];
		await bench.listen({ identity: server, trust: none, labKeyLog: (line) => lines.push(line) });
		await bench.connect({ trust });
		expect(lines).toEqual([expect.stringMatching(/^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}$/)]);
	});

	it("raw public keys prove both sides where OpenSSL has them, and are refused in plain words elsewhere", async () => {
		const bench = new DtlsBench();
		const pin = (spki: Uint8Array) => ({ kind: "pinned", spki }) as const;
		const listening = bench.listen({ identity: server, trust: pin(device.spki), rawPublicKeys: true });
		if (!features?.rawPublicKeys) {
			await expect(listening).rejects.toMatchObject({ code: "DTLS_FEATURE_MISSING" });
			await expect(listening).rejects.toThrow(/OpenSSL 3\.2.*Node 24/);
			return;
		}
		await listening;
		const path = await bench.connect({ identity: device, trust: pin(server.spki), rawPublicKeys: true });
		expect(path.proven).toEqual({ publicKey: server.spki });
		expect(bench.paths[0]?.proven).toEqual({ publicKey: device.spki });
		const rogue = bench.connect({ identity: stranger, trust: pin(server.spki), rawPublicKeys: true });
		await expect(rogue).rejects.toMatchObject({ code: "DTLS_REFUSED" });
		const wrong = bench.connect({ identity: device, trust: pin(stranger.spki), rawPublicKeys: true });
		await expect(wrong).rejects.toMatchObject({ code: "DTLS_PEER_UNTRUSTED" });
	});

	it("options that cannot work are refused before anything is sent", async () => {
		const bench = new DtlsBench();
		const invalid = { code: "DTLS_OPTIONS_INVALID" };
		await expect(bench.listen({ trust })).rejects.toMatchObject(invalid);
		await expect(bench.connect({ trust: none })).rejects.toMatchObject(invalid);
		await expect(bench.connect({ trust, mtu: 100 })).rejects.toMatchObject(invalid);
		await expect(bench.connect({ trust: { kind: "ca", certificates: [] } })).rejects.toMatchObject(invalid);
		await expect(bench.connect({ trust: { kind: "pinned", spki: key } })).rejects.toMatchObject(invalid);
		await expect(bench.connect({ trust, identity: { ...device, key: stranger.key } })).rejects.toMatchObject(invalid);
		await expect(bench.connect({ trust, rawPublicKeys: true })).rejects.toMatchObject(invalid);
		await expect(bench.connect({ trust, cipherSuites: ["TLS_PSK_WITH_AES_128_CCM"] })).rejects.toMatchObject(invalid);
		expect(bench.network.seen).toEqual([]);
	});

	it("a message larger than one datagram is refused, one that just fits arrives", async () => {
		const bench = new DtlsBench();
		await bench.listen({ identity: server, trust: none });
		const path = await bench.connect({ trust, mtu: 576, handshakeTimeout: Seconds(10) });
		const { heard } = listenTo(bench.paths[0]!);
		say(path, "x".repeat(path.maxDatagram));
		expect(() => say(path, "x".repeat(path.maxDatagram + 1))).toThrow(/do not fit/);
		await bench.clock.advance(10);
		expect(heard).toEqual(["x".repeat(path.maxDatagram)]);
		expect(Math.max(...bench.network.seen.filter((s) => s.toServer).map((s) => s.datagram.length))).toBe(576);
	});

	it("no datagram is larger than its sender's MTU, of the handshake too, whose flights are cut to it on both sides", async () => {
		const bench = new DtlsBench();
		await bench.listen({ identity: server, trust, mtu: 300, handshakeTimeout: Seconds(10) });
		const path = await bench.connect({ identity: device, trust, mtu: 280, handshakeTimeout: Seconds(10) });
		const ofHandshake = bench.network.seen.length;
		const other = bench.paths[0]!;
		const heard = [listenTo(other), listenTo(path)];
		const full = [path, other].map((one) => "x".repeat(one.maxDatagram));
		say(path, full[0]!);
		say(other, full[1]!);
		await bench.clock.advance(10);
		expect(heard.map((one) => one.heard)).toEqual([[full[0]], [full[1]]]);
		expect(() => say(other, "x".repeat(other.maxDatagram + 1))).toThrow(/do not fit/);
		for (const [toServer, mtu] of [[true, 280] as const, [false, 300] as const]) {
			const sizes = (from: number, to?: number) =>
				bench.network.seen
					.slice(from, to)
					.filter((one) => one.toServer === toServer)
					.map(({ datagram }) => datagram.length);
			// The flight with the certificate needs several.
			expect(sizes(0, ofHandshake).filter((size) => size > mtu - 40).length).toBeGreaterThan(1);
			expect(Math.max(...sizes(0, ofHandshake))).toBeLessThanOrEqual(mtu);
			expect(Math.max(...sizes(ofHandshake))).toBe(mtu);
		}
	});
});
