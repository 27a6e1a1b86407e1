/** node-coap-client: a CoAP client that we did not write, over DTLS that we did not write, with a device's key. */

import { createCoapBinding } from "@iot-esim/eim/bindings/coap";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { CoapHandler } from "@iot-esim/shared/transport/coap/coap-face";
import { createCoapServer } from "@iot-esim/shared/transport/coap/server";
import { listenUdp } from "@iot-esim/shared/transport/coap/udp";
import { listenDtls } from "@iot-esim/shared/transport/native/dtls/listen-dtls";
import { equalBytes, utf8 } from "@iot-esim/shared/util/bytes";
import { Milliseconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { closers, features } from "../contract/dtls-bench.ts";
import { requireExternal } from "../support/externals.ts";

interface Client {
	setSecurityParams(host: string, parameters: { psk: Record<string, string> }): void;
	reset(): void;
	request(
		url: string,
		method: "get" | "post",
		payload?: Buffer,
		options?: { keepAlive?: boolean },
	): Promise<{ code: { major: number; minor: number }; payload?: Buffer }>;
	observe(url: string, method: "get", tell: (answer: { payload?: Buffer }) => void): Promise<void>;
	stopObserving(url: string): void;
	ping(url: string): Promise<boolean>;
}

const client = await requireExternal("node-coap-client (npm install --no-save node-coap-client)", async () => {
	try {
		return ((await import("node-coap-client" as string)) as { CoapClient: Client }).CoapClient;
	} catch {
		return undefined;
	}
});

const DEVICE = "89049032123451234512345678901235";
const KEY = "0123456789abcdef";
const large = tlv(
	0xbf36,
	Uint8Array.from({ length: 131_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff),
);
const small = tlv(0xbf4f, new Uint8Array(20));

async function serve(handler: CoapHandler) {
	const server = createCoapServer({ clock: systemClock, random: systemRandom, handler });
	const here = { host: "127.0.0.1", port: 0, clock: systemClock };
	const udp = await listenUdp(here, (path) => server.accept(path));
	const keyOf = (identity: string) => (identity === DEVICE ? utf8(KEY) : undefined);
	const dtls = await listenDtls({ ...here, trust: { kind: "none" }, keyOf }, (path) => server.accept(path));
	closers.push(() => Promise.all([udp.close(), dtls.close()]));
	closers.push(() => client?.reset());
	return { coap: `coap://127.0.0.1:${udp.port}`, coaps: `coaps://127.0.0.1:${dtls.port}` };
}

describe.skipIf(client === undefined || features === undefined)("node-coap-client, to our server", () => {
	// It has no Block1: what it sends goes in one datagram, of UDP or of one record of DTLS.
	it.each([
		["coap", 60_000],
		["coaps", 16_000],
	] as const)("gets an ESipa answer of 128 KB over %s, and sends %i octets", async (scheme, octets) => {
		client?.setSecurityParams("127.0.0.1", { psk: { [DEVICE]: KEY } });
		const handler = { handle: async (message: Uint8Array) => (equalBytes(message, small) ? large : message) };
		const log = memoryLogger().logger("test");
		const { [scheme]: address } = await serve(createCoapBinding({ handler, shortPath: "e", log }));
		expect(await client?.ping(address)).toBe(true);
		const answer = await client?.request(`${address}/gsma/rsp2/asn1`, "post", Buffer.from(small));
		expect(answer?.code).toMatchObject({ major: 2, minor: 4 });
		expect(equalBytes(new Uint8Array(answer?.payload ?? []), large)).toBe(true);
		const other = Buffer.from(tlv(0xbf3d, new Uint8Array(octets).fill(0x5a)));
		expect((await client?.request(`${address}/e`, "post", other))?.payload?.equals(other)).toBe(true);
	});

	it("is told of every change of what it observes", async () => {
		let tell = (_state: string) => {};
		const { coap } = await serve(() => ({
			code: "2.05",
			payload: utf8("0"),
			observe: (notify) => {
				tell = (state) => notify({ code: "2.05", payload: utf8(state) });
				return () => undefined;
			},
		}));
		const seen: string[] = [];
		await client?.observe(`${coap}/o`, "get", ({ payload }) => seen.push(`${payload}`));
		const until = async (count: number) => {
			for (let turn = 0; turn < 200 && seen.length < count; turn++) {
				await new Promise((resolve) => setTimeout(resolve, Milliseconds(10)));
			}
		};
		await until(1);
		for (const state of ["1", "2"]) {
			tell(state);
			await until(Number(state) + 1);
		}
		client?.stopObserving(`${coap}/o`);
		expect(seen).toEqual(["0", "1", "2"]);
	});
});
