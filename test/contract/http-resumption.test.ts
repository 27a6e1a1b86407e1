/** TLS sessions that a device keeps: a resumed connection is trusted because the one before was, and nobody else is. */

import { once } from "node:events";
import https from "node:https";
import { serverTlsOptions } from "@iot-esim/shared/transport/http/server";
import { TlsSessions } from "@iot-esim/shared/transport/http/tls-sessions";
import { describe, expect, it } from "vitest";
import { freePort } from "../../examples/demo/free-ports.ts";
import { client, closers, identity, NAME, pkis, spki } from "./http-bench.ts";

type Pki = (typeof pkis)["P-256"];

/** A server that closes each connection after its answer, and says whether the client has resumed a session. */
async function server(credential: Pki["dpTls"], port = 0) {
	const resumed: boolean[] = [];
	const listener = https.createServer(serverTlsOptions(identity(credential)), (_request, response) => {
		response.writeHead(200, { connection: "close" }).end();
	});
	listener.on("secureConnection", (socket) => resumed.push(socket.isSessionReused()));
	await once(listener.listen(port, "127.0.0.1"), "listening");
	const close = () => new Promise<void>((resolve) => listener.close(() => resolve()));
	closers.push(close);
	return { port: (listener.address() as { port: number }).port, resumed, close };
}

describe.each(["P-256", "brainpoolP256r1"] as const)("TLS sessions on %s", (curve) => {
	const { dpTls, dsTls } = pkis[curve];
	const ask = async (port: number, sessions: TlsSessions) => {
		const tls = { kind: "pinned", spki: spki(dpTls) } as const;
		const one = client({ tls, sessions, hosts: { [NAME]: `127.0.0.1:${port}` } });
		const answer = await one.request({ method: "GET", url: `https://${NAME}/` });
		one.close();
		return answer.status;
	};

	it("are resumed again and again by clients that share them, and by no others", async () => {
		const { port, resumed } = await server(dpTls);
		const sessions = new TlsSessions();
		for (let turn = 0; turn < 3; turn++) expect(await ask(port, sessions)).toBe(200);
		await ask(port, new TlsSessions());
		expect(resumed).toEqual([false, true, true, false]);
	});

	it("that a server has forgotten lead to a full handshake, and to a new session", async () => {
		const sessions = new TlsSessions();
		const first = await server(dpTls, await freePort());
		await ask(first.port, sessions);
		await first.close();
		const second = await server(dpTls, first.port);
		await ask(first.port, sessions);
		await ask(first.port, sessions);
		expect(second.resumed).toEqual([false, true]);
	});

	it("open no door to a server with another key, and none of its own is kept", async () => {
		const sessions = new TlsSessions();
		const right = await server(dpTls, await freePort());
		await ask(right.port, sessions);
		await right.close();
		const wrong = await server(dsTls, right.port);
		await expect(ask(right.port, sessions)).rejects.toMatchObject({ code: "TRANSPORT_TLS_UNTRUSTED" });
		await expect(ask(right.port, sessions)).rejects.toMatchObject({ code: "TRANSPORT_TLS_UNTRUSTED" });
		expect(wrong.resumed).not.toContain(true);
	});
});
