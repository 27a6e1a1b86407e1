import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import tls from "node:tls";
import { encodePem } from "@iot-esim/shared/pki/pem";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { HttpClientOptions, TlsTrust } from "@iot-esim/shared/transport/http/client";
import { createHttpListener, createHttpsListener, serverTlsOptions } from "@iot-esim/shared/transport/http/server";
import { listenTcp } from "@iot-esim/shared/transport/tcp";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { makeTestPki } from "@iot-esim/sim/pki/test-pki";
import { describe, expect, test } from "vitest";
import {
	body,
	client,
	closers,
	connectProxy,
	echo,
	HERE,
	identity,
	listening,
	NAME,
	pem,
	pkis,
	spki,
	spyingTls,
} from "./http-bench.ts";

describe.each(["direct", "proxied"] as const)("HTTP client, %s", (way) => {
	test("plain http: status, headers and body come through", async () => {
		const port = await listening(createHttpListener(echo));
		const proxy = way === "proxied" ? await connectProxy() : undefined;
		const one = client({
			tls: { kind: "none" },
			hosts: { [NAME]: `127.0.0.1:${port}` },
			...(proxy ? { proxy: proxy.url } : {}),
		});
		const response = await one.request({ method: "POST", url: `http://${NAME}/a?b=1`, body });
		expect(response.status).toBe(200);
		expect(response.headers["x-seen"]).toBe(`POST /a?b=1 ${NAME}`);
		expect(response.body).toEqual(body);
		expect(proxy?.seen ?? []).toEqual(proxy ? [`127.0.0.1:${port}`] : []);
	});

	describe.each(["P-256", "brainpoolP256r1"] as const)("TLS on %s", (curve) => {
		const { ci, dpTls, eimTls } = pkis[curve];
		const trusts: [string, TlsTrust][] = [
			["CA", { kind: "ca", certificates: [pem(ci)] }],
			[
				"CA among CAs of both curves",
				{ kind: "ca", certificates: [pem(pkis["P-256"].ci), pem(pkis.brainpoolP256r1.ci)] },
			],
			["pinned key", { kind: "pinned", spki: spki(dpTls) }],
			["pinned certificate", { kind: "pinned-certificate", der: dpTls.certificate }],
			["pinned issuer", { kind: "pinned-certificate", der: ci.certificate }],
		];
		test.each(trusts)("accepts the right server by %s", async (_kind, trust) => {
			const port = await listening(createHttpsListener(echo, { identity: identity(dpTls) }));
			const proxy = way === "proxied" ? { proxy: (await connectProxy()).url } : {};
			const one = client({ tls: trust, hosts: { [`${NAME}:443`]: `127.0.0.1:${port}` }, ...proxy });
			for (const path of ["/one", "/two"]) {
				const response = await one.request({ method: "POST", url: `https://${NAME}${path}`, body });
				expect(response.headers["x-seen"]).toBe(`POST ${path} ${NAME}`);
				expect(response.body).toEqual(body);
			}
		});

		const wrong: [string, TlsTrust, string][] = [
			["another CA", { kind: "ca", certificates: [pem(pkis[curve].tlsCa)] }, NAME],
			["another name", { kind: "ca", certificates: [pem(ci)] }, "other.example.com"],
			["another pinned key", { kind: "pinned", spki: spki(eimTls) }, NAME],
			["another pinned certificate", { kind: "pinned-certificate", der: eimTls.certificate }, NAME],
			["a pinned issuer and another name", { kind: "pinned-certificate", der: ci.certificate }, "other.example.com"],
		];
		test.each(wrong)("refuses %s before any octet of the request is sent", async (_kind, trust, name) => {
			const spy = await spyingTls(dpTls);
			const proxy = way === "proxied" ? { proxy: (await connectProxy()).url } : {};
			const one = client({ tls: trust, hosts: { [name]: `127.0.0.1:${spy.port}` }, ...proxy });
			const request = one.request({ method: "POST", url: `https://${name}/gsma/rsp2/asn1`, body });
			await expect(request).rejects.toMatchObject({ code: "TRANSPORT_TLS_UNTRUSTED" });
			await new Promise((resolve) => setImmediate(resolve));
			expect(spy.received()).toBe("");
		});
	});
});

const SGP26 = new URL("../../../shared/data/certs/", import.meta.url);
const hasSgp26 = existsSync(SGP26);
if (!hasSgp26) console.log(`http-client: ${SGP26.pathname} is absent, the SGP.26 certificates are not tried`);

describe.skipIf(!hasSgp26).each(["NIST", "BRP"])(
	"a server with the expired SM-DP+ TLS certificate of SGP.26 (%s)",
	(curve) => {
		const der = (name: string) => new Uint8Array(readFileSync(new URL(name, SGP26)));
		const identityOf = () => ({
			certificate: encodePem("CERTIFICATE", der(`CERT_S_SM_DP_TLS_${curve}.der`)),
			key: readFileSync(new URL(`SK_S_SM_DP_TLS_${curve}.pem`, SGP26), "utf8"),
		});
		const hosts = (port: number) => ({ "testsmdpplus1.example.com": `127.0.0.1:${port}` });
		const url = "https://testsmdpplus1.example.com/";

		test("is refused under its CI, because it has expired", async () => {
			const port = await listening(createHttpsListener(echo, { identity: identityOf() }));
			const ci = encodePem("CERTIFICATE", der(`CERT_CI_ECDSA_${curve}.der`));
			const one = client({ tls: { kind: "ca", certificates: [ci] }, hosts: hosts(port) });
			await expect(one.request({ method: "GET", url })).rejects.toMatchObject({
				code: "TRANSPORT_TLS_UNTRUSTED",
				message: expect.stringContaining("expired"),
			});
		});

		test("is accepted where its key or the certificate itself is pinned", async () => {
			const port = await listening(createHttpsListener(echo, { identity: identityOf() }));
			const certificate = der(`CERT_S_SM_DP_TLS_${curve}.der`);
			const key = new Uint8Array(new X509Certificate(certificate).publicKey.export({ format: "der", type: "spki" }));
			for (const trust of [
				{ kind: "pinned", spki: key } as const,
				{ kind: "pinned-certificate", der: certificate } as const,
			]) {
				const one = client({ tls: trust, hosts: hosts(port) });
				expect((await one.request({ method: "GET", url })).status).toBe(200);
			}
		});
	},
);

describe("HTTP client", () => {
	test("a pinned key on a certificate that is expired, self-made and of another name is accepted", async () => {
		const old = makeTestPki({ curve: "P-256", random: systemRandom, now: Date.UTC(2001, 0, 1) });
		const port = await listening(createHttpsListener(echo, { identity: identity(old.dpTls) }));
		const hosts = { "other.example.com": `127.0.0.1:${port}` };
		const pinned = client({ tls: { kind: "pinned", spki: spki(old.dpTls) }, hosts });
		expect((await pinned.request({ method: "GET", url: "https://other.example.com/" })).status).toBe(200);
		const byCa = client({ tls: { kind: "ca", certificates: [pem(old.ci)] }, hosts });
		await expect(byCa.request({ method: "GET", url: "https://other.example.com/" })).rejects.toMatchObject({
			code: "TRANSPORT_TLS_UNTRUSTED",
			message: expect.stringContaining("expired"),
		});
	});

	test("an IP address as host is held against the certificate too", async () => {
		const port = await listening(createHttpsListener(echo, { identity: identity(pkis["P-256"].dpTls) }));
		const one = client({ tls: { kind: "ca", certificates: [pem(pkis["P-256"].ci)] } });
		await expect(one.request({ method: "GET", url: `https://127.0.0.1:${port}/` })).rejects.toMatchObject({
			code: "TRANSPORT_TLS_UNTRUSTED",
		});
	});

	test("headers and body leave in one write, and a kept connection is used again", async () => {
		const chunks: number[] = [];
		let connections = 0;
		const raw = await listenTcp(HERE, (socket) => {
			connections++;
			socket.on("data", (chunk) => {
				chunks.push(chunk.length);
				socket.write("HTTP/1.1 204 No Content\r\n\r\n");
			});
		});
		closers.push(() => raw.close());
		const one = client({ tls: { kind: "none" } });
		for (let i = 0; i < 3; i++) {
			await one.request({ method: "POST", url: `http://127.0.0.1:${raw.address.port}/`, body: utf8("abc") });
		}
		expect(chunks).toHaveLength(3);
		expect(connections).toBe(1);
	});

	test("over TLS too, headers and body are one record", async () => {
		const chunks: number[] = [];
		const server = tls.createServer(serverTlsOptions(identity(pkis["P-256"].dpTls)), (socket) => {
			socket.on("data", (chunk) => {
				chunks.push(chunk.length);
				socket.write("HTTP/1.1 204 No Content\r\n\r\n");
			});
			socket.on("error", () => undefined);
		});
		await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
		closers.push(() => server.close());
		const { port } = server.address() as AddressInfo;
		const one = client({ tls: { kind: "pinned", spki: spki(pkis["P-256"].dpTls) } });
		for (let i = 0; i < 3; i++) await one.request({ method: "POST", url: `https://127.0.0.1:${port}/`, body });
		expect(chunks).toHaveLength(3);
	});

	test("an answer larger than the limit is refused, announced or not", async () => {
		const big = () => ({ status: 200, body: new Uint8Array(2_000) });
		const pieces = () => ({
			status: 200,
			body: (async function* () {
				for (let i = 0; i < 4; i++) yield new Uint8Array(500);
			})(),
		});
		for (const handler of [big, pieces]) {
			const port = await listening(createHttpListener(handler));
			const one = client({ tls: { kind: "none" }, maxResponseBytes: 1_999 });
			await expect(one.request({ method: "GET", url: `http://127.0.0.1:${port}/` })).rejects.toMatchObject({
				code: "TRANSPORT_RESPONSE_TOO_LARGE",
			});
			const enough = client({ tls: { kind: "none" }, maxResponseBytes: 2_000 });
			expect((await enough.request({ method: "GET", url: `http://127.0.0.1:${port}/` })).body.length).toBe(2_000);
		}
	});

	test("each way to fail has its own code", async () => {
		const closed = await listenTcp(HERE, () => undefined);
		await closed.close();
		const silent = await listenTcp(HERE, () => undefined);
		const rude = await listenTcp(HERE, (socket) => socket.once("data", () => socket.resetAndDestroy()));
		const chatty = await listenTcp(HERE, (socket) =>
			socket.once("data", () => socket.end("220 mail.example.com ESMTP\r\n")),
		);
		closers.push(() => Promise.all([silent, rude, chatty].map((one) => one.close())));
		const url = (listener: { address: { port: number } }) => `http://127.0.0.1:${listener.address.port}/`;
		const ask = (address: string, options: Partial<HttpClientOptions> = {}) =>
			client({ tls: { kind: "none" }, timeout: Seconds(20), ...options }).request({
				method: "POST",
				url: address,
			});
		await expect(ask(url(closed))).rejects.toMatchObject({ code: "TRANSPORT_CONNECT_REFUSED", retryable: true });
		const hasty = { timeout: Milliseconds(100) };
		await expect(ask(url(silent), hasty)).rejects.toMatchObject({ code: "TRANSPORT_TIMEOUT" });
		await expect(ask(url(rude))).rejects.toMatchObject({ code: "TRANSPORT_RESET" });
		await expect(ask(url(chatty))).rejects.toMatchObject({ code: "TRANSPORT_PROTOCOL" });
		await expect(ask("http://no-such-host.invalid/")).rejects.toMatchObject({
			code: "TRANSPORT_NAME_UNKNOWN",
		});
		await expect(ask(`https://127.0.0.1:${silent.address.port}/`)).rejects.toMatchObject({
			code: "TRANSPORT_OPTIONS_INVALID",
		});
		const trust: TlsTrust = { kind: "pinned", spki: spki(pkis["P-256"].dpTls) };
		const overTls = (listener: { address: { port: number } }, options = {}) =>
			ask(`https://127.0.0.1:${listener.address.port}/`, { tls: trust, ...options });
		await expect(overTls(silent, hasty)).rejects.toMatchObject({ code: "TRANSPORT_TIMEOUT" });
		await expect(overTls(chatty)).rejects.toMatchObject({ code: "TRANSPORT_TLS_FAILED" });
		await expect(overTls(rude)).rejects.toMatchObject({ code: "TRANSPORT_RESET" });
	});

	test.each([
		["in the headers", "HTTP/1.1 200 OK\r\nContent-Len"],
		["in a body of known length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"],
		["in a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n12345"],
		["between chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"],
	])("an answer that ends %s is TRANSPORT_RESET, never a shorter answer", async (_where, text) => {
		const cut = await listenTcp(HERE, (socket) => socket.once("data", () => socket.end(text)));
		closers.push(() => cut.close());
		const one = client({ tls: { kind: "none" } });
		const asked = one.request({ method: "GET", url: `http://127.0.0.1:${cut.address.port}/` });
		await expect(asked).rejects.toMatchObject({ code: "TRANSPORT_RESET" });
	});

	test("a refusing, a silent and an absent proxy are told apart", async () => {
		const refusing = await connectProxy(403);
		const silent = await listenTcp(HERE, () => undefined);
		closers.push(() => silent.close());
		const closed = await listenTcp(HERE, () => undefined);
		await closed.close();
		const by = (proxy: string, timeout = Seconds(20)) =>
			client({ tls: { kind: "none" }, proxy, timeout }).request({
				method: "GET",
				url: "http://a.example/",
			});
		await expect(by(refusing.url)).rejects.toMatchObject({
			code: "TRANSPORT_PROXY_REFUSED",
			message: expect.stringContaining("403"),
		});
		const hasty = Milliseconds(100);
		await expect(by(`http://127.0.0.1:${silent.address.port}`, hasty)).rejects.toMatchObject({
			code: "TRANSPORT_TIMEOUT",
		});
		await expect(by(`http://127.0.0.1:${closed.address.port}`)).rejects.toMatchObject({
			code: "TRANSPORT_CONNECT_REFUSED",
		});
		expect(() => client({ tls: { kind: "none" }, proxy: "socks://x:1" })).toThrow("is not http://host:port");
	});

	test("a caller may give up, and close rejects what is under way", async () => {
		const silent = await listenTcp(HERE, () => undefined);
		closers.push(() => silent.close());
		const url = `http://127.0.0.1:${silent.address.port}/`;
		const one = client({ tls: { kind: "none" } });
		const giveUp = new AbortController();
		const first = one.request({ method: "GET", url, signal: giveUp.signal });
		giveUp.abort();
		await expect(first).rejects.toMatchObject({ code: "TRANSPORT_ABORTED" });
		const second = one.request({ method: "GET", url });
		one.close();
		await expect(second).rejects.toMatchObject({ code: "TRANSPORT_CLOSED" });
		await expect(one.request({ method: "GET", url })).rejects.toMatchObject({ code: "TRANSPORT_CLOSED" });
	});

	test("trust that cannot be read is refused when the client is made", () => {
		expect(() => client({ tls: { kind: "ca", certificates: [] } })).toThrow("trusts nobody");
		expect(() => client({ tls: { kind: "ca", certificates: ["x"] } })).toThrow("cannot be read");
		expect(() => client({ tls: { kind: "pinned", spki: utf8("x") } })).toThrow("SubjectPublicKeyInfo");
		expect(new X509Certificate(pkis["P-256"].ci.certificate).ca).toBe(true);
	});
});
