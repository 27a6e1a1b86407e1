import http from "node:http";
import type { AddressInfo } from "node:net";
import { Eid } from "@iot-esim/shared/ids/eid";
import { afterEach, beforeEach, expect, it } from "vitest";
import { apiBench } from "../../../test/support/api-bench.ts";

const eid = Eid.withCheckDigits("890490320000000000000000000001");
let bench: Awaited<ReturnType<typeof apiBench>>;
let port: number;
const open: http.ClientRequest[] = [];

beforeEach(async () => {
	bench = await apiBench();
	await bench.api.listen({ port: 0, host: "127.0.0.1" });
	port = (bench.api.server.address() as AddressInfo).port;
});
afterEach(async () => {
	for (const request of open.splice(0)) request.destroy();
	await bench.close();
});

/** Opens a stream; `until` waits for a text in what has come so far. */
async function follow(path = "", headers: Record<string, string> = {}) {
	let text = "";
	let ended = false;
	let check: () => void = () => undefined;
	const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
		const request = http.get(
			{ port, path: `/api/v1/events${path}`, headers: { authorization: `Bearer ${bench.secret}`, ...headers } },
			resolve,
		);
		request.on("error", reject);
		open.push(request);
	});
	response.setEncoding("utf8");
	response.on("data", (chunk: string) => {
		text += chunk;
		check();
	});
	const end = new Promise<void>((resolve) => response.on("close", resolve));
	void end.then(() => {
		ended = true;
		check();
	});
	const until = (wanted: string) =>
		new Promise<string>((resolve, reject) => {
			check = () => {
				if (text.includes(wanted)) resolve(text);
				else if (ended) reject(new Error(`stream ended without ${wanted}: ${text}`));
			};
			check();
		});
	return { status: response.statusCode, type: response.headers["content-type"], until, end, text: () => text };
}

const change = (name: string) => bench.call("PATCH", `/api/v1/devices/${eid}`, { name });

it("tells what happens from now on, each event once and with its id", async () => {
	await bench.call("POST", "/api/v1/devices", { eid });
	const stream = await follow();
	expect([stream.status, stream.type]).toEqual([200, "text/event-stream"]);
	await stream.until(": stream");
	await change("one");
	await change("two");
	const text = await stream.until('"two"');
	expect(text).not.toContain("deviceRegistered");
	expect(text.match(/event: deviceChanged/g)).toHaveLength(2);
	expect(text).toMatch(/id: \d+\nevent: deviceChanged\ndata: \{.*"eid":"\d{32}".*\}\n\n/);
});

it("goes on behind Last-Event-ID without a gap", async () => {
	await bench.call("POST", "/api/v1/devices", { eid });
	for (const name of ["a", "b", "c"]) await change(name);
	const { items } = (await bench.call("GET", "/api/v1/events", undefined, { accept: "application/json" })).body;
	expect(items.map(({ type }: { type: string }) => type)).toEqual([
		"deviceRegistered",
		...Array(3).fill("deviceChanged"),
	]);
	const stream = await follow("", { "last-event-id": String(items[1].id) });
	const text = await stream.until('"c"');
	expect(text).not.toContain('"a"');
	expect(text).toContain('"b"');
});

it("narrows to a device and to types of events", async () => {
	const other = Eid.withCheckDigits("890490320000000000000000000002");
	const stream = await follow(`?eid=${eid}&types=deviceChanged`);
	await stream.until(": stream");
	await bench.call("POST", "/api/v1/devices", { eid });
	await bench.call("POST", "/api/v1/devices", { eid: other });
	await bench.call("PATCH", `/api/v1/devices/${other}`, { name: "other" });
	await change("mine");
	const text = await stream.until('"mine"');
	expect(text).not.toContain("deviceRegistered");
	expect(text).not.toContain(other);
});

it("shows that it is alive while nothing happens, and ends when the eIM stops", async () => {
	const stream = await follow();
	await stream.until(": still here");
	await bench.api.close();
	await stream.end;
});

it("refuses more streams than it serves, and serves again when one has ended", async () => {
	const streams = [await follow(), await follow(), await follow()];
	const refused = await follow();
	expect(refused.status).toBe(503);
	expect(streams.map(({ status }) => status)).toEqual([200, 200, 200]);
	open[0]?.destroy();
	let status: number | undefined = 503;
	for (let tries = 0; status === 503 && tries < 200; tries++) status = (await follow()).status;
	expect(status).toBe(200);
});
