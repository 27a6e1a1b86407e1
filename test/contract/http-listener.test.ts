import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { createHttpListener, type HttpHandler, type IncomingRequest } from "@iot-esim/shared/transport/http/server";
import { listenTcp } from "@iot-esim/shared/transport/tcp";
import { describe, expect, test } from "vitest";
import { client, closers, echo, HERE, listening } from "./http-bench.ts";

describe("HTTP listener", () => {
	test("a body over the limit is answered 413, a handler that throws 500 without a word", async () => {
		const errors: unknown[] = [];
		const handler: HttpHandler = ({ path }) => {
			if (path === "/throw") throw new Error("secret detail");
			return { status: 204 };
		};
		const port = await listening(
			createHttpListener(handler, { maxBodyBytes: 10, onError: (error) => errors.push(error) }),
		);
		const one = client({ tls: { kind: "none" } });
		const post = (path: string, length: number) =>
			one.request({ method: "POST", url: `http://127.0.0.1:${port}${path}`, body: new Uint8Array(length) });
		expect((await post("/", 10)).status).toBe(204);
		expect((await post("/", 11)).status).toBe(413);
		const failed = await post("/throw", 0);
		expect([failed.status, failed.body.length]).toEqual([500, 0]);
		expect(errors).toHaveLength(1);
	});

	test("a body in chunks is cut off at the limit too, and the sender reads the 413", async () => {
		let handled = 0;
		const listener = createHttpListener(
			() => {
				handled++;
				return { status: 204 };
			},
			{ maxBodyBytes: 1_000 },
		);
		const port = await listening(listener);
		const status = await new Promise<number | undefined>((resolve, reject) => {
			const request = http.request({ host: "127.0.0.1", port, method: "POST" }, (response) => {
				response.resume();
				resolve(response.statusCode);
			});
			request.on("error", reject);
			// Without a length in the header, more than one read of the socket's buffer, and no end.
			for (let i = 0; i < 4; i++) request.write(Buffer.alloc(400));
		});
		expect([status, handled]).toEqual([413, 0]);
	});

	test("a connection over the bound is closed, and there is room again when one ends", async () => {
		const port = await listening(createHttpListener(() => ({ status: 204 }), { maxConnections: 1 }));
		const held = net.connect(port, "127.0.0.1");
		await once(held, "connect");
		const second = net.connect(port, "127.0.0.1");
		second.on("error", () => undefined);
		await once(second, "close");
		held.destroy();
		const one = client({ tls: { kind: "none" } });
		const status = () =>
			one.request({ method: "GET", url: `http://127.0.0.1:${port}/` }).then(
				(answer) => answer.status,
				() => 0,
			);
		await expect.poll(status).toBe(204);
	});

	test("close lets an answer under way finish", async () => {
		let release: () => void = () => undefined;
		let begun: () => void = () => undefined;
		const started = new Promise<void>((resolve) => {
			begun = resolve;
		});
		const listener = createHttpListener(async () => {
			begun();
			await new Promise<void>((resolve) => {
				release = resolve;
			});
			return { status: 200, body: "done" };
		});
		const { port } = await listener.listen(HERE);
		const asked = client({ tls: { kind: "none" } }).request({ method: "GET", url: `http://127.0.0.1:${port}/` });
		await started;
		const begin = performance.now();
		const closed = listener.close();
		release();
		expect(new TextDecoder().decode((await asked).body)).toBe("done");
		await closed;
		expect(performance.now() - begin).toBeLessThan(10_000);
	});

	test("streams pieces as they come and tells the handler when the client goes away", async () => {
		let seen: IncomingRequest | undefined;
		const listener = createHttpListener((request) => {
			seen = request;
			return {
				status: 200,
				headers: { "content-type": "text/event-stream" },
				body: (async function* () {
					yield "data: 1\n\n";
					await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
				})(),
			};
		});
		const port = await listening(listener);
		const pieces: string[] = [];
		const request = http.get({ host: "127.0.0.1", port }, (response) => {
			response.on("data", (chunk) => {
				pieces.push(String(chunk));
				request.destroy();
			});
			response.on("error", () => undefined);
		});
		request.on("error", () => undefined);
		await expect.poll(() => seen?.signal.aborted).toBe(true);
		expect(pieces).toEqual(["data: 1\n\n"]);
	});

	test("a port in use is a typed error", async () => {
		const taken = await listenTcp(HERE, () => undefined);
		closers.push(() => taken.close());
		await expect(createHttpListener(echo).listen(taken.address)).rejects.toMatchObject({
			code: "TRANSPORT_LISTEN_FAILED",
		});
	});
});
