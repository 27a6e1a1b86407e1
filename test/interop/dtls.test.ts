import { createPrivateKey } from "node:crypto";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { connectDtls } from "@iot-esim/shared/transport/native/dtls/connect-dtls";
import { type DtlsServer, listenDtls } from "@iot-esim/shared/transport/native/dtls/listen-dtls";
import {
	DTLS_CIPHER_SUITES,
	type DtlsCipherSuite,
	type DtlsClientOptions,
	type DtlsPath,
	type DtlsServerOptions,
} from "@iot-esim/shared/transport/native/dtls/options";
import { Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { closers, features, listenTo, makeCa, say } from "../contract/dtls-bench.ts";
import { findFreePortPair } from "../support/free-port-pair.ts";
import { answerCoap, COAP_GET, programs, run, runCoapServer, writeFiles } from "./dtls-peers.ts";

const ca = makeCa();
const server = ca.issue("localhost");
const device = ca.issue("device.example.com");
const rogue = makeCa().issue("device.example.com");
const KEY = "0123456789abcdef";
const key = new TextEncoder().encode(KEY);
const trust = { kind: "ca", certificates: [ca.pem] } as const;
const noTrust = { kind: "none" } as const;
const suites = Object.keys(DTLS_CIPHER_SUITES) as DtlsCipherSuite[];
const isPsk = (suite: DtlsCipherSuite) => suite.startsWith("TLS_PSK_");

/** Our server on UDP, which knows the CA and the key of "device". */
async function listen(options: Partial<DtlsServerOptions> = {}) {
	const failures: string[] = [];
	const paths: DtlsPath[] = [];
	const listening: DtlsServer = await listenDtls(
		{
			clock: systemClock,
			host: "127.0.0.1",
			port: 0,
			identity: server,
			trust,
			keyOf: (identity) => (identity === "device" ? key : undefined),
			onHandshakeFailed: (_, error) => failures.push("code" in error ? String(error.code) : error.message),
			...options,
		},
		(path) => {
			paths.push(path);
			answerCoap(path, "hello from ours");
		},
	);
	closers.push(() => listening.close());
	return { port: listening.port, paths, failures, listening };
}

function files() {
	return writeFiles({
		"ca.pem": ca.pem,
		"server.pem": server.certificate,
		"server.key": server.key,
		"device.pem": device.certificate,
		"device.key": device.key,
		"rogue.pem": rogue.certificate,
		"rogue.key": rogue.key,
		// As libcoap reads a raw key: SEC 1.
		"server.raw": sec1(server.key),
		"device.raw": sec1(device.key),
		"rogue.raw": sec1(rogue.key),
		"session.pem": "",
	});
}

function sec1(key: string): string {
	return createPrivateKey(key).export({ format: "pem", type: "sec1" }) as string;
}

async function connect(port: number, options: Partial<DtlsClientOptions>) {
	const path = await connectDtls({
		clock: systemClock,
		host: "127.0.0.1",
		serverName: "localhost",
		port,
		trust,
		handshakeTimeout: Seconds(10),
		...options,
	});
	closers.push(() => path.close());
	return path;
}

const isMissing = features === undefined || programs === undefined;

describe.skipIf(isMissing)("programs that we did not write, as clients of our DTLS server", () => {
	for (const library of ["openssl", "gnutls"] as const) {
		const client = (port: number, parameters: string[]) =>
			run(`coap-client-${library}`, ["-B", "5", ...parameters, `coaps://127.0.0.1:${port}/x`]);

		it(`libcoap with ${library}: certificates on both sides`, async () => {
			const { port, paths } = await listen();
			const f = files();
			const asked = client(port, ["-c", f["device.pem"], "-j", f["device.key"], "-C", f["ca.pem"]]);
			expect(await asked.ended).toContain("hello from ours");
			expect(paths[0]?.proven.certificate).toEqual(device.der);
		});

		it(`libcoap with ${library}: a pre-shared key; an unknown identity and a wrong key are refused`, async () => {
			const { port, paths, failures } = await listen();
			expect(await client(port, ["-k", KEY, "-u", "device"]).ended).toContain("hello from ours");
			expect(paths[0]?.proven).toEqual({ pskIdentity: "device" });
			expect(await client(port, ["-k", KEY, "-u", "stranger"]).ended).not.toContain("hello from ours");
			expect(failures).toEqual(["DTLS_PEER_UNTRUSTED"]);
			expect(await client(port, ["-B", "2", "-k", "another", "-u", "device"]).ended).not.toContain("hello");
			expect(paths.length).toBe(1);
		});

		it(`libcoap with ${library}: a rogue certificate and a missing one are refused`, async () => {
			const { port, paths, failures } = await listen({ keyOf: () => undefined });
			const f = files();
			const asked = client(port, ["-c", f["rogue.pem"], "-j", f["rogue.key"], "-C", f["ca.pem"]]);
			expect(await asked.ended).not.toContain("hello from ours");
			expect(failures).toEqual(["DTLS_PEER_UNTRUSTED"]);
			expect(await client(port, ["-C", f["ca.pem"]]).ended).not.toContain("hello from ours");
			expect(paths).toEqual([]);
		});
	}

	for (const suite of suites) {
		it(`openssl s_client with ${suite}, then resumed`, async () => {
			const { port, paths } = await listen();
			const f = files();
			const credentials = isPsk(suite)
				? ["-psk_identity", "device", "-psk", Buffer.from(key).toString("hex")]
				: ["-cert", f["device.pem"], "-key", f["device.key"], "-CAfile", f["ca.pem"], "-verify_return_error"];
			const common = ["s_client", "-dtls1_2", "-connect", `127.0.0.1:${port}`, "-cipher", DTLS_CIPHER_SUITES[suite]];
			const first = run("openssl", [...common, ...credentials, "-sess_out", f["session.pem"]]);
			await first.until(/Verify return code|Verification/);
			expect(paths[0]?.cipherSuite).toBe(suite);
			first.child.stdin?.end("Q\n");
			await first.ended;
			const again = run("openssl", [...common, ...credentials, "-sess_in", f["session.pem"]]);
			await again.until(/Reused, TLSv1.2/);
			// The client's word is the last one of a resumed handshake.
			await expect.poll(() => paths[1]?.isResumed).toBe(true);
			expect(paths[1]?.proven).toEqual(paths[0]?.proven);
			again.child.stdin?.end("Q\n");
			await again.ended;
		});
	}
});

const hasRawKeys = features?.rawPublicKeys === true;
if (!hasRawKeys) console.log("SKIPPED: raw public keys need a Node with OpenSSL 3.2 (Node 24); these tests run there");

describe.skipIf(isMissing || !hasRawKeys)("raw public keys (RFC 7250), where Node's OpenSSL has them", () => {
	const pinned = { kind: "pinned", spki: server.spki } as const;

	it("libcoap with gnutls as client of our server; a key that is not pinned is refused", async () => {
		const f = files();
		const trustDevice = { kind: "pinned", spki: device.spki } as const;
		const { port, paths, failures } = await listen({ rawPublicKeys: true, trust: trustDevice });
		const ask = (key: string) => run("coap-client-gnutls", ["-B", "2", "-M", key, `coaps://127.0.0.1:${port}/x`]).ended;
		expect(await ask(f["device.raw"])).toContain("hello from ours");
		expect(paths[0]?.proven).toEqual({ publicKey: device.spki });
		expect(await ask(f["rogue.raw"])).not.toContain("hello from ours");
		expect(failures).toEqual(["DTLS_PEER_UNTRUSTED"]);
	});

	it("our client at libcoap with gnutls; a key that is not the pinned one is refused", async () => {
		const f = files();
		const { port } = await runCoapServer("gnutls", ["-M", f["server.raw"]]);
		const path = await connect(port + 1, { rawPublicKeys: true, identity: device, trust: pinned });
		expect(path.proven).toEqual({ publicKey: server.spki });
		const { heard } = listenTo(path);
		path.send(COAP_GET);
		await expect.poll(() => heard.join()).toContain("</time>");
		const wrong = { kind: "pinned", spki: rogue.spki } as const;
		const refused = connect(port + 1, { rawPublicKeys: true, identity: device, trust: wrong });
		await expect(refused).rejects.toMatchObject({ code: "DTLS_PEER_UNTRUSTED" });
	});
});

describe.skipIf(isMissing)("programs that we did not write, as servers of our DTLS client", () => {
	for (const library of ["openssl", "gnutls"] as const) {
		const start = async (parameters: string[]) => (await runCoapServer(library, parameters)).port + 1;

		it(`libcoap with ${library}: certificates on both sides, by CA and by pin; a wrong pin is refused`, async () => {
			const f = files();
			const port = await start(["-c", f["server.pem"], "-j", f["server.key"], "-C", f["ca.pem"]]);
			const pins = [
				trust,
				{ kind: "pinned", spki: server.spki },
				{ kind: "pinned-certificate", der: server.der },
			] as const;
			for (const pin of pins) {
				const path = await connect(port, { identity: device, trust: pin });
				const { heard } = listenTo(path);
				path.send(COAP_GET);
				await expect.poll(() => heard.join()).toContain("</time>");
				path.close();
			}
			const wrong = connect(port, { identity: device, trust: { kind: "pinned", spki: rogue.spki } });
			await expect(wrong).rejects.toMatchObject({ code: "DTLS_PEER_UNTRUSTED" });
		});

		it(`libcoap with ${library}: a pre-shared key`, async () => {
			const port = await start(["-k", KEY]);
			const path = await connect(port, { trust: noTrust, key: { identity: "device", key } });
			const { heard } = listenTo(path);
			path.send(COAP_GET);
			await expect.poll(() => heard.join()).toContain("</time>");
		});
	}

	for (const suite of suites) {
		it(`openssl s_server with ${suite}, then resumed; it refuses a rogue`, async () => {
			const f = files();
			const port = await findFreePortPair();
			const credentials = isPsk(suite)
				? ["-nocert", "-psk", Buffer.from(key).toString("hex"), "-psk_identity", "device"]
				: [
						"-cert",
						f["server.pem"],
						"-key",
						f["server.key"],
						"-CAfile",
						f["ca.pem"],
						"-Verify",
						"1",
						"-verify_return_error",
					];
			const running = run("openssl", [
				...["s_server", "-dtls1_2", "-no_ticket", "-accept", `127.0.0.1:${port}`, "-cipher", DTLS_CIPHER_SUITES[suite]],
				...credentials,
			]);
			await running.until(/ACCEPT/);
			const own = isPsk(suite) ? { trust: noTrust, key: { identity: "device", key } } : { identity: device };
			const path = await connect(port, { ...own, cipherSuites: [suite] });
			expect(path.cipherSuite).toBe(suite);
			say(path, "a line of ours\n");
			await running.until(/a line of ours/);
			path.close();
			await running.until(/CONNECTION CLOSED/);
			const again = await connect(port, { ...own, cipherSuites: [suite], session: path.session! });
			expect(again.isResumed).toBe(true);
			again.close();
			await running.until(/CONNECTION CLOSED[\s\S]*CONNECTION CLOSED/);
			const stranger = isPsk(suite)
				? { ...own, key: { identity: "device", key: key.slice().fill(7) } }
				: { identity: rogue };
			const refused = connect(port, { ...stranger, cipherSuites: [suite], handshakeTimeout: Seconds(2) });
			const code = isPsk(suite) ? "DTLS_KEY_MISMATCH" : expect.stringMatching(/^DTLS_(REFUSED|HANDSHAKE|TIMEOUT)/);
			await expect(refused).rejects.toMatchObject({ code });
		});
	}
});
