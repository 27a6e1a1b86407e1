import { createPublicKey } from "node:crypto";
import http from "node:http";
import net from "node:net";
import tls from "node:tls";
import { encodePem } from "@iot-esim/shared/pki/pem";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { createHttpClient, type HttpClientOptions, type TlsTrust } from "@iot-esim/shared/transport/http/client";
import { type HttpHandler, type HttpListener, serverTlsOptions } from "@iot-esim/shared/transport/http/server";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { type Credential, makeTestPki } from "@iot-esim/sim/pki/test-pki";
import { afterEach } from "vitest";

export const HERE = { host: "127.0.0.1", port: 0 };
export const NAME = "smdp.example.com";
export const closers: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closers.splice(0).reverse()) await close();
});

const now = Date.now();
export const pkis = {
	"P-256": makeTestPki({ curve: "P-256", random: systemRandom, now }),
	brainpoolP256r1: makeTestPki({ curve: "brainpoolP256r1", random: systemRandom, now }),
};

export const pem = (credential: Credential) => encodePem("CERTIFICATE", credential.certificate);
export const spki = (credential: Credential) =>
	new Uint8Array(createPublicKey(credential.privateKey).export({ format: "der", type: "spki" }));
export const identity = (credential: Credential) => ({
	certificate: pem(credential),
	key: credential.privateKey.export({ format: "pem", type: "pkcs8" }) as string,
});

export const echo: HttpHandler = ({ method, path, headers, body }) => ({
	status: 200,
	headers: { "content-type": "application/octet-stream", "x-seen": `${method} ${path} ${headers.host}` },
	body,
});

export async function listening(listener: HttpListener): Promise<number> {
	const { port } = await listener.listen(HERE);
	closers.push(() => listener.close());
	return port;
}

export function client(options: Partial<HttpClientOptions> & { tls: TlsTrust }) {
	const made = createHttpClient({ timeout: Seconds(10), ...options });
	closers.push(() => made.close());
	return made;
}

/** A CONNECT proxy of node:http alone, which notes the destinations. */
export async function connectProxy(status = 200): Promise<{ url: string; seen: string[] }> {
	const seen: string[] = [];
	const server = http.createServer().on("connect", (request, socket, head) => {
		seen.push(request.url ?? "");
		if (status !== 200) return socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
		const [host, port] = (request.url ?? "").split(":");
		const onward = net.connect(Number(port), host, () => {
			socket.write("HTTP/1.1 200 OK\r\n\r\n");
			if (head.length > 0) onward.write(head);
			onward.pipe(socket).pipe(onward);
		});
		onward.on("error", () => socket.destroy());
		socket.on("error", () => onward.destroy());
		closers.push(() => socket.destroy());
		return undefined;
	});
	await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
	closers.push(() => new Promise((done) => server.close(done)));
	return { url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`, seen };
}

/** A TLS server that writes down every octet of plaintext it gets. */
export async function spyingTls(
	credential: Credential,
): Promise<{ port: number; received: () => string; handshakes: () => number }> {
	let received = "";
	let handshakes = 0;
	const server = tls.createServer(serverTlsOptions(identity(credential)), (socket) => {
		handshakes++;
		socket.on("data", (chunk) => {
			received += chunk.toString("latin1");
		});
		socket.on("error", () => undefined);
	});
	server.on("tlsClientError", () => undefined);
	await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
	closers.push(() => server.close());
	return { port: (server.address() as net.AddressInfo).port, received: () => received, handshakes: () => handshakes };
}

export const body = utf8("x".repeat(5_000));
