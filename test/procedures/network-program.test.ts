import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { readConfig } from "@iot-esim/shared/runtime/config";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { createHttpClient } from "@iot-esim/shared/transport/http/client";
import { createHttpListener } from "@iot-esim/shared/transport/http/server";
import { parseHostPort } from "@iot-esim/shared/transport/tcp";
import { keepVpcdCardConnected, VpcdReaderSide } from "@iot-esim/shared/transport/vpcd";
import { fromHex, hex, toHex } from "@iot-esim/shared/util/bytes";
import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { networkConfig } from "@iot-esim/sim/network/config";
import { type NetworkListening, NetworkProgram } from "@iot-esim/sim/network/network-program";
import { afterEach, describe, expect, test } from "vitest";
import { TINY_ATR, TinyCard, type TinyProfile } from "../support/tiny-card.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closers.splice(0).reverse()) await close();
});

const PROFILE: TinyProfile = {
	iccid: "8988280666000000014",
	imsi: "999701234567890",
	mncLength: 2,
	k: hex`000102030405060708090A0B0C0D0E0F`,
	opc: hex`101112131415161718191A1B1C1D1E1F`,
};
const UPP = buildProfilePackage({
	iccid: PROFILE.iccid,
	imsi: PROFILE.imsi,
	ki: toHex(PROFILE.k),
	opc: toHex(PROFILE.opc),
});
const REFRESH = hex`D0098103010104 82028182`;

/** The bench face of an SM-DP+ with one profile. */
async function smdpBench(): Promise<string> {
	const listener = createHttpListener(({ path }) => {
		if (path === "/bench/v1/profiles") return { status: 200, body: JSON.stringify([{ iccid: PROFILE.iccid }]) };
		return path === `/bench/v1/profiles/${PROFILE.iccid}/upp` ? { status: 200, body: UPP } : { status: 404 };
	});
	const { port } = await listener.listen({ host: "127.0.0.1", port: 0 });
	closers.push(() => listener.close());
	return `http://127.0.0.1:${port}`;
}

async function started(yaml: string, files: Record<string, Uint8Array> = {}) {
	const { logger, entries } = memoryLogger();
	const config = readConfig(networkConfig, { yaml: { text: yaml, name: "test.yaml", folder: "/" } });
	const program = await NetworkProgram.create(config, {
		clock: systemClock,
		random: systemRandom,
		logger,
		readFile: async (path) => {
			const file = files[path];
			if (!file) throw new Error(`${path} is not there`);
			return file;
		},
	});
	const listening = await program.start();
	closers.push(() => program.stop());
	const client = createHttpClient({ tls: { kind: "none" }, timeout: Seconds(5) });
	closers.push(() => client.close());
	const ask = async (method: "GET" | "POST" | "DELETE", path: string, body?: unknown) => {
		const bytes = body === undefined ? {} : { body: new TextEncoder().encode(JSON.stringify(body)) };
		const response = await client.request({ method, url: `${listening.control}/bench/v1/${path}`, ...bytes });
		const text = new TextDecoder().decode(response.body);
		return { status: response.status, text, json: () => JSON.parse(text) };
	};
	return { program, listening, ask, entries };
}

function plugIn(card: TinyCard, listening: NetworkListening, device = "device") {
	const address = parseHostPort(listening.devices[device]?.card ?? "");
	const plugged = keepVpcdCardConnected({ address, card, clock: systemClock, retryAfter: Milliseconds(10) });
	closers.push(() => plugged.stop());
	return plugged;
}

/** Waits for it, and says what has happened instead. */
const isAttached = (ask: Awaited<ReturnType<typeof started>>["ask"], device = "device") => ({
	async toBe(attached: boolean) {
		const status = async () => (await ask("GET", `status?device=${device}`)).json().attached;
		await expect
			.poll(status, { interval: 5 })
			.toBe(attached)
			.catch(async (cause) => {
				throw new Error(`attached is not ${attached}: ${(await ask("GET", "events")).text}`, { cause });
			});
	},
});

describe("sim-network over TCP", () => {
	test("keys from the SM-DP+, card and IPA over vpcd, the way out through the proxy", async () => {
		const { listening, ask } = await started(
			`hss: { smdpBench: "${await smdpBench()}" }\nmodem: { pollInterval: 100ms }`,
		);
		const card = new TinyCard(PROFILE);
		plugIn(card, listening);
		await isAttached(ask).toBe(true);
		expect((await ask("GET", "status")).json()).toMatchObject({
			plmn: "99970",
			imsi: PROFILE.imsi,
			iccid: PROFILE.iccid,
		});

		const outside = createHttpListener(() => ({ status: 200, body: "hello" }));
		const { port } = await outside.listen({ host: "127.0.0.1", port: 0 });
		closers.push(() => outside.close());
		const way = createHttpClient({
			tls: { kind: "none" },
			proxy: listening.devices.device!.proxy,
			timeout: Seconds(5),
		});
		closers.push(() => way.close());
		const get = () => way.request({ method: "GET", url: `http://127.0.0.1:${port}/` });
		expect((await get()).status).toBe(200);

		const ipa = await VpcdReaderSide.connect(parseHostPort(listening.devices.device!.ipa), { clock: systemClock });
		closers.push(() => ipa.close());
		expect(toHex(await ipa.powerOn())).toBe(toHex(TINY_ATR));
		expect(toHex(await ipa.transmit(hex`0070000001`))).toBe("019000");
		card.onChannel = () => {
			card.proactive.push(REFRESH);
			return hex`BF310380010000910B`;
		};
		expect(toHex(await ipa.transmit(hex`81E29100`))).toBe("BF3103800100009000");
		await expect.poll(async () => (await ask("GET", "events")).text, { interval: 5 }).toContain('"detached"');
		await isAttached(ask).toBe(true);
		expect(toHex(await ipa.transmit(hex`81E29100`))).toBe("6881");
		expect((await ask("GET", "events?since=4")).text.split("\n").map((line) => line && JSON.parse(line).type)).toEqual(
			expect.arrayContaining(["tunnel-opened", "ipa-connected", "refreshed", "detached", "card-read", "attached"]),
		);
	});

	test("moved and switched by the control face; without attachment the proxy refuses", async () => {
		const { listening, ask } = await started(
			"hss: { uppFiles: [/upp.der] }\ncoverage: { rules: [{ place: cellar, covered: false }] }",
			{ "/upp.der": UPP },
		);
		const way = createHttpClient({
			tls: { kind: "none" },
			proxy: listening.devices.device!.proxy,
			timeout: Seconds(5),
			keepAlive: false,
		});
		closers.push(() => way.close());
		const get = () => way.request({ method: "GET", url: listening.control.concat("/bench/v1/status") });
		await expect(get()).rejects.toMatchObject({ code: "TRANSPORT_CONNECT_REFUSED" });
		const card = new TinyCard(PROFILE);
		plugIn(card, listening);
		await isAttached(ask).toBe(true);
		expect((await get()).status).toBe(200);
		expect((await ask("POST", "place", { place: "cellar" })).json()).toMatchObject({
			place: "cellar",
			attached: false,
		});
		await expect(get()).rejects.toMatchObject({ code: "TRANSPORT_CONNECT_REFUSED" });
		await ask("POST", "coverage", { place: "cellar", covered: true });
		await isAttached(ask).toBe(true);
		await ask("DELETE", "coverage");
		await isAttached(ask).toBe(false);
		await ask("POST", "place", { place: "home" });
		await isAttached(ask).toBe(true);
		expect((await ask("POST", "power", { power: "off" })).json()).toMatchObject({
			power: "off",
			attached: false,
			imsi: null,
		});
		await expect.poll(() => card.log.at(-1)).toBe("off");
		await ask("POST", "power", { power: "on" });
		await isAttached(ask).toBe(true);
	});

	test("several devices in one network, each with its own card, place and way out", async () => {
		const { listening, ask } = await started(
			"hss: { uppFiles: [/upp.der] }\ndevices: [{ name: a }, { name: b, place: cellar }]",
			{
				"/upp.der": UPP,
			},
		);
		await ask("POST", "coverage", { place: "cellar", covered: false });
		for (const name of ["a", "b"]) plugIn(new TinyCard(PROFILE), listening, name);
		await isAttached(ask, "a").toBe(true);
		await expect
			.poll(async () => (await ask("GET", "status?device=b")).json().imsi, { interval: 5 })
			.toBe(PROFILE.imsi);
		const { devices } = (await ask("GET", "devices")).json();
		expect(devices.map((device: { device: string; attached: boolean }) => [device.device, device.attached])).toEqual([
			["a", true],
			["b", false],
		]);
		expect(await ask("GET", "status")).toMatchObject({
			status: 404,
			text: expect.stringContaining("name one of the devices a, b"),
		});
	});

	test("a card that is pulled and put back is attached again; so is one whose connection broke", async () => {
		const { listening, ask } = await started("hss: { uppFiles: [/upp.der] }", { "/upp.der": UPP });
		const first = plugIn(new TinyCard(PROFILE), listening);
		await isAttached(ask).toBe(true);
		await first.stop();
		await isAttached(ask).toBe(false);
		plugIn(new TinyCard(PROFILE), listening);
		await isAttached(ask).toBe(true);
	});

	test("a reader that listens (vpcd) gets the IPA's side of the modem as its card, once there is a card", async () => {
		const readers: VpcdReaderSide[] = [];
		const daemon = await VpcdReaderSide.listen({ host: "127.0.0.1", port: 0 }, { clock: systemClock }, (one) =>
			readers.push(one),
		);
		closers.push(() => daemon.close());
		const { listening, ask } = await started(
			`hss: { uppFiles: [/upp.der] }\ndevices: [{ name: device, ipaReader: "127.0.0.1:${daemon.address.port}" }]`,
			{ "/upp.der": UPP },
		);
		plugIn(new TinyCard(PROFILE), listening);
		await isAttached(ask).toBe(true);
		await expect.poll(() => readers.length, { timeout: 5_000 }).toBe(1);
		expect(toHex(await readers[0]!.powerOn())).toBe(toHex(TINY_ATR));
		expect(toHex(await readers[0]!.transmit(hex`0070000001`))).toBe("019000");
		expect((await ask("GET", "events")).text).not.toContain("ipa-disconnected");
	});

	test("events stream as they happen, from the last one seen", async () => {
		const { listening, ask } = await started("hss: { uppFiles: [/upp.der] }", { "/upp.der": UPP });
		plugIn(new TinyCard(PROFILE), listening);
		await isAttached(ask).toBe(true);
		const response = await fetch(`${listening.control}/bench/v1/events`, {
			headers: { Accept: "text/event-stream", "Last-Event-ID": "3" },
		});
		const reader = response.body!.getReader();
		closers.push(() => reader.cancel());
		let text = "";
		const until = async (wanted: string) => {
			while (!text.includes(wanted)) text += new TextDecoder().decode((await reader.read()).value);
		};
		await until("event: attached");
		expect(text).toContain("id: 4");
		expect(text).not.toContain("id: 3");
		await ask("POST", "place", { place: "roof" });
		await until('"place":"roof"');
	});

	test.each([
		["POST", "place", {}, '"place" is missing'],
		["POST", "place", { place: "x", devise: "y" }, '"devise" is unknown'],
		["POST", "place", { place: "x", device: "none" }, 'there is no device "none"'],
		["POST", "power", { power: "maybe" }, "neither on nor off"],
		["POST", "coverage", { covered: "no" }, "neither true nor false"],
		["POST", "coverage", { covered: true, hours: "late" }, "hours"],
		["GET", "events?since=x", undefined, "since"],
		["GET", "nothing", undefined, "no such resource"],
	] as const)("%s %s with %j is refused with its reason", async (method, path, body, reason) => {
		const { ask } = await started("");
		const { status, text } = await ask(method, path, body);
		expect([400, 404]).toContain(status);
		expect(JSON.parse(text).message).toContain(reason);
	});

	test("a profile file that is none, and two devices of one name, stop the start", async () => {
		await expect(started("hss: { uppFiles: [/bad.der] }", { "/bad.der": fromHex("A000") })).rejects.toMatchObject({
			code: "NETWORK_HSS_SOURCE",
			message: expect.stringContaining("/bad.der"),
		});
		await expect(started("hss: { uppFiles: [/none.der] }")).rejects.toMatchObject({ code: "NETWORK_HSS_SOURCE" });
		await expect(started("devices: [{ name: a }, { name: a }]")).rejects.toThrow('two devices are named "a"');
	});

	test("no key of a subscriber reaches the log", async () => {
		const { listening, ask, entries } = await started("hss: { uppFiles: [/upp.der] }", { "/upp.der": UPP });
		plugIn(new TinyCard(PROFILE), listening);
		await isAttached(ask).toBe(true);
		const text = JSON.stringify(entries);
		expect(text).toContain(PROFILE.imsi);
		expect(text).not.toContain(toHex(PROFILE.k));
		expect(text).not.toContain(toHex(PROFILE.opc));
	});
});
