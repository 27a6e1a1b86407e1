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
	/** Of each message that it sends. */
	createMessage(
		type: number,
		code: object,
		messageId: number,
		token?: Buffer,
		options?: object[],
		payload?: Buffer,
	): object;
}

/** Its Block1 option, which it can write and read, but uses in no request of its own. */
type Block1 = (number: number, isLast: boolean, size: number) => object;

const library = await requireExternal("node-coap-client (npm install --no-save node-coap-client)", async () => {
	try {
		const { CoapClient } = (await import("node-coap-client" as string)) as { CoapClient: Client };
		const { Options } = (await import("node-coap-client/build/Option.js" as string)) as { Options: { Block1: Block1 } };
		return { client: CoapClient, block1: Options.Block1 };
	} catch {
		return undefined;
	}
});
const client = library?.client;

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

const BLOCK = 1024;

/** One request for each block, with its own option put into the message that it makes of it. */
async function sendInBlocks(url: string, body: Buffer) {
	const { client, block1 } = library as NonNullable<typeof library>;
	const { createMessage } = client;
	const answers: Awaited<ReturnType<Client["request"]>>[] = [];
	let block = 0;
	client.createMessage = (type, code, messageId, token, options = [], payload) => {
		const isLast = (block + 1) * BLOCK >= body.length;
		const withBlock = token === undefined ? options : [...options, block1(block, isLast, BLOCK)];
		return createMessage(type, code, messageId, token, withBlock, payload);
	};
	try {
		for (; block * BLOCK < body.length; block++) {
			answers.push(await client.request(url, "post", body.subarray(block * BLOCK, (block + 1) * BLOCK)));
		}
	} finally {
		client.createMessage = createMessage;
	}
	return answers;
}

describe.skipIf(client === undefined || features === undefined)("node-coap-client, to our server", () => {
	// By itself it sends a request in one datagram, of UDP or of one record of DTLS.
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

	it.each(["coap", "coaps"] as const)(
		"sends an ESipa message of 128 KB over %s in its Block1 options",
		async (scheme) => {
			client?.setSecurityParams("127.0.0.1", { psk: { [DEVICE]: KEY } });
			const handler = { handle: async (message: Uint8Array) => (equalBytes(message, large) ? small : message) };
			const log = memoryLogger().logger("test");
			const { [scheme]: address } = await serve(createCoapBinding({ handler, shortPath: "e", log }));
			const answers = await sendInBlocks(`${address}/gsma/rsp2/asn1`, Buffer.from(large));
			const last = answers.pop();
			expect(answers).toHaveLength(Math.floor(large.length / BLOCK));
			expect(new Set(answers.map(({ code }) => `${code.major}.${code.minor}`))).toEqual(new Set(["2.31"]));
			expect(last?.code).toMatchObject({ major: 2, minor: 4 });
			expect(equalBytes(new Uint8Array(last?.payload ?? []), small)).toBe(true);
		},
	);

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
			for (let turn = 0; turn < 1500 && seen.length < count; turn++) {
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
