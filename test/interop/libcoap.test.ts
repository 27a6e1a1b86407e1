/** libcoap's programs against our CoAP: bodies of 128 KB both ways over UDP, DTLS, TCP and TLS, loss, observation. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect as tcpConnect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createCoapBinding } from "@iot-esim/eim/bindings/coap";
import type { EsipaPeer } from "@iot-esim/eim/esipa/esipa-deps";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Eid } from "@iot-esim/shared/ids/eid";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { CoapHandler, CoapResponse } from "@iot-esim/shared/transport/coap/coap-face";
import { DatagramChannel } from "@iot-esim/shared/transport/coap/datagram-channel";
import { CoapEndpoint } from "@iot-esim/shared/transport/coap/endpoint";
import { createCoapServer } from "@iot-esim/shared/transport/coap/server";
import { StreamChannel } from "@iot-esim/shared/transport/coap/stream-channel";
import { connectCoapTls, listenCoapTls } from "@iot-esim/shared/transport/coap/tls";
import { connectUdp, listenUdp } from "@iot-esim/shared/transport/coap/udp";
import { connectDtls } from "@iot-esim/shared/transport/native/dtls/connect-dtls";
import { listenDtls } from "@iot-esim/shared/transport/native/dtls/listen-dtls";
import type { DtlsServerOptions } from "@iot-esim/shared/transport/native/dtls/options";
import { concatBytes, equalBytes, utf8 } from "@iot-esim/shared/util/bytes";
import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { afterAll, describe, expect, it } from "vitest";
import { closers, features, makeCa } from "../contract/dtls-bench.ts";
import { EIM_ID, esipaBench, packageIn, poll } from "../support/esipa-bench.ts";
import { programs, run, runCoapServer } from "./dtls-peers.ts";

const folder = mkdtempSync(path.join(tmpdir(), "iot-esim-libcoap-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const parts = { clock: systemClock, random: systemRandom };
const ca = makeCa();
const serverIdentity = ca.issue("localhost");
const device = ca.issue("device.example.com");
const KEY = "0123456789abcdef";
const DEVICE = "89049032123451234512345678901235";
const SCHEMES = ["coap", "coaps", "coap+tcp", "coaps+tcp"] as const;
type Scheme = (typeof SCHEMES)[number];
const LIBRARIES = ["openssl", "gnutls"] as const;
const PATH = "gsma/rsp2/asn1";

/** An ESipa message of so many octets. */
function message(length: number): Uint8Array {
	const value = Uint8Array.from({ length: length - 6 }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
	return tlv(0xbf36, value);
}

/** All that a server of ours listens with, before one handler. */
async function serve(handler: CoapHandler, trust: DtlsServerOptions["trust"] = { kind: "none" }) {
	const server = createCoapServer({ ...parts, handler });
	closers.push(() => server.close());
	const here = { host: "127.0.0.1", port: 0 };
	const udp = await listenUdp({ ...here, clock: systemClock }, (one) => server.accept(one));
	const tls = await listenCoapTls({ ...here, identity: serverIdentity }, (stream, peer) => {
		server.acceptStream(stream, peer);
	});
	const tcp = createServer((socket) => server.acceptStream(socket, { remoteAddress: "tcp" }));
	await new Promise<void>((resolve) => tcp.listen(here, resolve));
	const dtls =
		features &&
		(await listenDtls(
			{
				...here,
				clock: systemClock,
				identity: serverIdentity,
				trust,
				keyOf: (identity) => (identity === DEVICE ? utf8(KEY) : undefined),
			},
			(one) => server.accept(one),
		));
	closers.push(() => udp.close());
	closers.push(() => tls.close());
	closers.push(() => tcp.close());
	closers.push(() => dtls?.close());
	const tcpAddress = tcp.address();
	const ports: Readonly<Record<Scheme, number>> = {
		coap: udp.port,
		coaps: dtls?.port ?? 0,
		"coap+tcp": typeof tcpAddress === "object" ? (tcpAddress?.port ?? 0) : 0,
		"coaps+tcp": tls.address.port,
	};
	return { address: (scheme: Scheme) => `${scheme}://127.0.0.1:${ports[scheme]}`, server };
}

/** ESipa before a handler that says each message back. */
const echoing = () => {
	const handler = { handle: async (one: Uint8Array) => one };
	return createCoapBinding({ handler, shortPath: "e", log: memoryLogger().logger("test") });
};

/** With one of the two only: waits take seconds, and what is lost does not depend on how it is encrypted. */
function ofOne(library: (typeof LIBRARIES)[number], name: string, test: () => Promise<void>): void {
	if (library === "openssl") it(name, test);
}

let files = 0;

/** Posts octets with libcoap's client; what it got, and what it said. */
async function post(
	library: (typeof LIBRARIES)[number],
	uri: string,
	octets: Uint8Array,
	more: readonly string[] = [],
) {
	const sent = path.join(folder, `sent-${files}`);
	const got = path.join(folder, `got-${files++}`);
	writeFileSync(sent, octets);
	writeFileSync(got, "");
	const said = await run(`coap-client-${library}`, ["-m", "post", "-B", "25", "-f", sent, "-o", got, ...more, uri])
		.ended;
	return { got: new Uint8Array(readFileSync(got)), said };
}

function file(name: string, contents: string): string {
	const whole = path.join(folder, name);
	writeFileSync(whole, contents);
	return whole;
}

const caFile = file("ca.pem", ca.pem);
const trustCa = { kind: "ca", certificates: [ca.pem] } as const;

/** How a client of libcoap proves itself or trusts. */
const PROOFS: readonly (readonly [string, Scheme, readonly string[]])[] = [
	["UDP", "coap", []],
	["DTLS with the server's certificate", "coaps", ["-C", caFile]],
	["DTLS with a device's key", "coaps", ["-k", KEY, "-u", DEVICE]],
	["TCP", "coap+tcp", []],
	["TLS with the server's certificate", "coaps+tcp", ["-C", caFile]],
];

describe.skipIf(programs === undefined || features === undefined)("clients of libcoap, to our server", () => {
	describe.each(LIBRARIES)("coap-client-%s", (library) => {
		it.each(PROOFS)("exchanges ESipa messages of 128 KB over %s", async (_what, scheme, proof) => {
			const { address } = await serve(echoing());
			const large = message(131_072);
			const { got, said } = await post(library, `${address(scheme)}/${PATH}`, large, proof);
			expect(said).toBe("");
			expect(equalBytes(got, large)).toBe(true);
			const small = await post(library, `${address(scheme)}/e`, message(40), proof);
			expect(equalBytes(small.got, message(40))).toBe(true);
		});

		it("exchanges 128 KB over DTLS where both prove themselves by certificate, and without one nothing", async () => {
			const peers: (Uint8Array | undefined)[] = [];
			const handler = echoing();
			const { address } = await serve((request, peer) => {
				peers.push(peer.proven?.certificate);
				return handler(request, peer);
			}, trustCa);
			const large = message(131_072);
			const uri = `${address("coaps")}/${PATH}`;
			const own = ["-c", file("device.pem", device.certificate), "-j", file("device.key", device.key), "-C", caFile];
			const { got, said } = await post(library, uri, large, own);
			expect(said).toBe("");
			expect(equalBytes(got, large)).toBe(true);
			expect(peers).toEqual([device.der]);
			const unknown = await post(library, uri, message(40), ["-C", caFile, "-B", "3"]);
			expect([unknown.got.length, peers.length]).toEqual([0, 1]);
		});

		it("has its blocks of 64 octets, its NON messages and its own block handling", async () => {
			const { address } = await serve(echoing());
			for (const more of [["-b", "64"], ["-N"], ["-L", "3"], ["-b", "16", "-N"]]) {
				const { got } = await post(library, `${address("coap")}/e`, message(5000), more);
				expect(equalBytes(got, message(5000))).toBe(true);
			}
		});

		ofOne(library, "loses datagrams, and nothing is lost", async () => {
			let called = 0;
			const handler = echoing();
			const { address } = await serve((request, peer) => {
				called++;
				return handler(request, peer);
			});
			const { got } = await post(library, `${address("coap")}/e`, message(6000), ["-l", "3,5,11"]);
			expect(equalBytes(got, message(6000))).toBe(true);
			expect(called).toBe(1);
		});

		it("is told of every change of what it observes", async () => {
			let tell = (_response: CoapResponse) => {};
			const { address } = await serve(() => ({
				code: "2.05",
				payload: utf8("state 0;"),
				observe: (notify) => {
					tell = notify;
					return () => undefined;
				},
			}));
			const observing = run(`coap-client-${library}`, ["-s", "20", "-B", "20", `${address("coap")}/o`]);
			await observing.until(/state 0;/);
			tell({ code: "2.05", payload: utf8("state 1;") });
			await observing.until(/state 1;/);
			tell({ code: "2.05", payload: utf8(`state ${"2".repeat(3000)};`) });
			await observing.until(/2222;/);
			expect(observing.output()).toContain(`state ${"2".repeat(3000)};`);
		});

		it("is refused with an unknown identity, and refuses a server under another CA", async () => {
			const { address } = await serve(echoing());
			const stranger = await post(library, `${address("coaps")}/e`, message(40), [
				"-k",
				KEY,
				"-u",
				"stranger",
				"-B",
				"3",
			]);
			expect(stranger.got).toHaveLength(0);
			const other = file("other-ca.pem", makeCa().pem);
			for (const scheme of ["coaps", "coaps+tcp"] as const) {
				const { got } = await post(library, `${address(scheme)}/e`, message(40), ["-C", other, "-B", "3"]);
				expect(got).toHaveLength(0);
			}
		});
	});

	it("polls the real eIM, which signs a package for the device", async () => {
		const eim = await esipaBench();
		closers.push(() => eim.close());
		const eid = Eid(DEVICE);
		await eim.register(eid, eim.known);
		await eim.order(eid, { type: "setDefaultDpAddress", parameters: { smdpAddress: "smdp.example.com" } });
		const handler = { handle: (body: Uint8Array, peer: EsipaPeer) => eim.send(body, peer) };
		const log = memoryLogger().logger("test");
		const { address } = await serve(createCoapBinding({ handler, shortPath: "e", log }));
		const { got } = await post("openssl", `${address("coaps")}/e`, poll(eid), ["-k", KEY, "-u", DEVICE]);
		expect(packageIn(got)).toMatchObject({
			euiccPackageRequest: { value: { euiccPackageSigned: { value: { eimId: EIM_ID } } } },
		});
		// In the name of another device it is not answered with a package.
		const other = await post("openssl", `${address("coaps")}/e`, poll(Eid(eim.pki.eid)), ["-k", KEY, "-u", DEVICE]);
		expect(other.said).toMatch(/4\.03/);
	});
});

describe.skipIf(programs === undefined || features === undefined)("our client, to a server of libcoap", () => {
	/** libcoap's server keeps what is PUT at /example_data. */
	async function libcoapServer(library: (typeof LIBRARIES)[number], more: readonly string[] = ["-n"]) {
		const both = file("server-both.pem", `${serverIdentity.certificate}${serverIdentity.key}`);
		return runCoapServer(library, ["-d", "10", "-c", both, "-k", KEY, ...more]);
	}

	type Proof = "certificate" | "own certificate" | "key";

	async function connected(scheme: Scheme, port: number, proof: Proof): Promise<CoapEndpoint> {
		const host = "127.0.0.1";
		const { signal } = new AbortController();
		const trust = { kind: "pinned", spki: serverIdentity.spki } as const;
		const open = async () => {
			if (scheme === "coap") return new DatagramChannel(await connectUdp({ host, port, clock: systemClock }), parts);
			if (scheme === "coaps") {
				const key = { identity: DEVICE, key: utf8(KEY) };
				const own = proof === "own certificate" ? { trust, identity: device } : { trust };
				const secret = proof === "key" ? ({ trust: { kind: "none" }, key } as const) : own;
				return new DatagramChannel(await connectDtls({ host, port: port + 1, clock: systemClock, ...secret }), parts);
			}
			// libcoap with GnuTLS cannot send a message in two records of TLS.
			const options = { clock: systemClock, maxMessage: scheme === "coaps+tcp" ? 16_384 : 300_000 };
			if (scheme === "coaps+tcp") return connectCoapTls({ host, port: port + 1, trust, signal, ...options });
			const socket = tcpConnect(port, host);
			return new StreamChannel(socket, { ...options, remoteAddress: host });
		};
		const endpoint = new CoapEndpoint(await open(), { ...parts, responseTimeout: Seconds(15) });
		closers.push(() => endpoint.close());
		return endpoint;
	}

	const WAYS = [
		["UDP", "coap", "certificate"],
		["DTLS with the server's certificate", "coaps", "certificate"],
		["DTLS with a device's key", "coaps", "key"],
		["TCP", "coap+tcp", "certificate"],
		["TLS with the server's certificate", "coaps+tcp", "certificate"],
	] as const;

	/** A body of 128 KB that begins with this text, there and back. */
	async function keepsAndGivesBack(client: CoapEndpoint, text: string): Promise<void> {
		const payload = concatBytes(utf8(text), message(131_000));
		const put = await client.request({ method: "PUT", path: ["example_data"], payload });
		expect(put.code).toMatch(/^2\.0[14]$/);
		const got = await client.request({ method: "GET", path: ["example_data"] });
		expect(got.code).toBe("2.05");
		expect(equalBytes(got.payload, payload)).toBe(true);
	}

	describe.each(LIBRARIES)("coap-server-%s", (library) => {
		it("keeps bodies of 128 KB and gives them back, over UDP, DTLS, TCP and TLS", async () => {
			const { port } = await libcoapServer(library);
			for (const [, scheme, proof] of WAYS) {
				await keepsAndGivesBack(await connected(scheme, port, proof), `${scheme} ${proof}`);
			}
		});

		it("does so where it asks for our certificate, and speaks with nobody who has none", async () => {
			const { port } = await libcoapServer(library, ["-C", caFile]);
			await keepsAndGivesBack(await connected("coaps", port, "own certificate"), "mutual");
			const unproven = connected("coaps", port, "certificate").then((one) =>
				one.request({ method: "GET", path: ["example_data"] }),
			);
			await expect(unproven).rejects.toMatchObject({ code: expect.stringMatching(/^DTLS_/) });
		});

		ofOne(library, "loses datagrams, answers by itself, and tells the time each second", async () => {
			const { port } = await libcoapServer(library, ["-n", "-l", "4,9,15"]);
			const client = await connected("coap", port, "certificate");
			const payload = message(6000);
			await client.request({ method: "PUT", path: ["example_data"], payload });
			const got = await client.request({ method: "GET", path: ["example_data"] });
			expect(equalBytes(got.payload, payload)).toBe(true);
			const late = await client.request({ method: "GET", path: ["async"], query: ["2"] });
			expect(late.code).toBe("2.05");
			const times: string[] = [];
			const abort = new AbortController();
			await client.observe({ method: "GET", path: ["time"] }, ({ payload: time }) => times.push(`${time}`), abort);
			const until = Date.now() + Seconds(15);
			while (times.length < 2 && Date.now() < until) {
				await new Promise((resolve) => setTimeout(resolve, Milliseconds(100)));
			}
			abort.abort();
			expect(new Set(times).size).toBeGreaterThanOrEqual(2);
		});
	});
});
