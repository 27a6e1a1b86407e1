import { Eid } from "@iot-esim/shared/ids/eid";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { CoapHandler, CoapRequest } from "@iot-esim/shared/transport/coap/coap-face";
import { DatagramChannel } from "@iot-esim/shared/transport/coap/datagram-channel";
import { CoapEndpoint } from "@iot-esim/shared/transport/coap/endpoint";
import type { ProvenPeer } from "@iot-esim/shared/transport/datagram";
import { fromHex, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { makeCa } from "../../../../test/contract/dtls-bench.ts";
import { DatagramLine, type LineRule } from "../../../../test/support/datagram-line.ts";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { EsipaError } from "../../esipa/errors.ts";
import type { EsipaPeer } from "../../esipa/esipa-deps.ts";
import type { EsipaHandler } from "../../esipa/handler.ts";
import { Lwm2mServer, type Lwm2mServerOptions } from "./lwm2m-server.ts";

const EID = Eid.withCheckDigits("890490320000000000000000000001");
const OTHER = Eid.withCheckDigits("890490320000000000000000000002");
const LINKS = utf8('</>;rt="oma.lwm2m",</1/0>,</32032/0>');
const BROUGHT = fromHex("BF4E03020100");
const TAKEN = fromHex("BF4E020500");

function bench(given: Partial<Lwm2mServerOptions> = {}) {
	const clock = new FakeClock();
	const { logger, entries } = memoryLogger();
	const awake: string[] = [];
	const server = new Lwm2mServer({
		handler: { handle: async (message) => message.slice(0, 2) },
		clock,
		random: systemRandom,
		log: logger("eim.lwm2m"),
		eidOf: async (endpoint) =>
			[EID, OTHER].find((eid) => endpoint.endsWith(eid)) ?? (endpoint === "meter-7" ? EID : undefined),
		objectId: 32_032,
		maxRegistrations: 2,
		awakeFor: Seconds(93),
		injectTimeout: Seconds(10),
		blockExponent: 6,
		load: { active: 0, max: 4 },
		onAwake: (eid) => awake.push(eid),
		...given,
	});

	/** A device of our own CoAP, with the object's observation, Write and Execute. */
	function device(proven?: ProvenPeer) {
		const line = new DatagramLine(clock, proven === undefined ? {} : { proven });
		const written: string[] = [];
		let tell: ((message: Uint8Array) => void) | undefined;
		const handler: CoapHandler = ({ method, path, payload }) => {
			const where = `${method} /${path.join("/")}`;
			if (where === "GET /32032/0/1") {
				return {
					code: "2.05",
					contentFormat: 42,
					payload: self.value,
					observe: (notify) => {
						tell = (message) => notify({ code: "2.05", contentFormat: 42, payload: message });
						return () => undefined;
					},
				};
			}
			written.push(`${where} ${toHex(payload)}`.trim());
			if (payload[1] === 0x4e && self.isPrompt) tell?.(TAKEN);
			return { code: "2.04" };
		};
		const self = {
			/** Whether it answers at once what is brought. */
			isPrompt: true,
			/** Of resource 1, when it is read. */
			value: new Uint8Array(0) as Uint8Array,
		};
		const parts = { clock, random: systemRandom };
		server.accept(line.server);
		const endpoint = new CoapEndpoint(new DatagramChannel(line.client, parts), { ...parts, handler });
		const ask = (request: CoapRequest) => clock.until(endpoint.request(request), 60_000);
		const register = (...query: string[]) =>
			ask({ method: "POST", path: ["rd"], query, contentFormat: 40, payload: LINKS });
		return Object.assign(self, {
			line,
			written,
			ask,
			register,
			tell: (message: Uint8Array) => tell?.(message),
			close: () => endpoint.close(),
		});
	}
	return { clock, server, device, awake, entries };
}

const keyOf = (pskIdentity: string): ProvenPeer => ({ pskIdentity });

describe("a registered device", () => {
	it("tells of its messages, is answered, and is brought what waits", async () => {
		const { clock, server, device, awake } = bench();
		const one = device(keyOf(EID));
		expect(await one.register(`ep=${EID}`, "lt=300", "lwm2m=1.1")).toMatchObject({
			code: "2.01",
			location: ["rd", expect.any(String)],
		});
		await clock.advance(1000);
		expect(awake).toEqual([EID]);
		one.tell(fromHex(`BF4F125A10${EID}`));
		await clock.advance(1000);
		expect(one.written).toEqual(["PUT /32032/0/0 BF4F"]);
		expect(await clock.until(server.transfer(BROUGHT, EID), 5000)).toEqual(TAKEN);
		await clock.advance(5000);
		await clock.until(server.wake(EID), 5000);
		expect(one.written.slice(1)).toEqual([`PUT /32032/0/0 ${toHex(BROUGHT)}`, "POST /32032/0/2"]);
	});

	it("speaks for its own EID, and is refused what the eIM does not take of it", async () => {
		const peers: EsipaPeer[] = [];
		const handle: EsipaHandler["handle"] = (_message, peer) => {
			peers.push(peer);
			return Promise.reject(new EsipaError("ESIPA_OTHER_DEVICE", "not yours"));
		};
		const { clock, device } = bench({ handler: { handle } });
		const one = device(keyOf(EID));
		await one.register(`ep=${EID}`);
		await clock.advance(1000);
		one.tell(fromHex(`BF4F125A10${OTHER}`));
		await clock.advance(1000);
		expect(peers).toMatchObject([{ provenEid: EID, link: "lwm2m" }]);
		// 00, 4.03
		expect(one.written).toEqual([expect.stringMatching(/^PUT \/32032\/0\/0 0083/)]);
	});

	it("is there as long as its lifetime, which an update renews, and until it says goodbye", async () => {
		const { clock, server, device } = bench();
		const one = device(keyOf(EID));
		const { location = [] } = await one.register(`ep=${EID}`, "lt=60");
		await clock.advance(Seconds(50));
		expect((await one.ask({ method: "POST", path: location })).code).toBe("2.04");
		await clock.advance(Seconds(50));
		expect(server.registered).toBe(1);
		expect((await one.ask({ method: "POST", path: location, query: ["lt=3000"] })).code).toBe("2.04");
		await clock.advance(Seconds(2900));
		expect((await one.ask({ method: "DELETE", path: location })).code).toBe("2.02");
		expect((await one.ask({ method: "POST", path: location })).code).toBe("4.04");
		await one.register(`ep=${EID}`, "lt=60");
		await clock.advance(Seconds(61));
		expect(server.registered).toBe(0);
		await expect(server.transfer(BROUGHT, EID)).rejects.toThrow("it is not registered here");
	});

	it("sleeps in queue mode after its messages, and is awake with its next update", async () => {
		const { clock, server, device } = bench();
		const one = device(keyOf(EID));
		const { location = [] } = await one.register(`ep=${EID}`, "b=UQ", "lwm2m=1.0");
		await clock.advance(Seconds(100));
		await expect(server.transfer(BROUGHT, EID)).rejects.toThrow("it sleeps");
		await one.ask({ method: "POST", path: location });
		expect(await clock.until(server.transfer(BROUGHT, EID), 5000)).toEqual(TAKEN);
	});

	it("is found on the path of its latest update, once its old one leads nowhere", async () => {
		const { clock, server, device } = bench();
		const before = device(keyOf(EID));
		const { location = [] } = await before.register(`ep=${EID}`);
		await clock.advance(1000);
		const after = device(keyOf(EID));
		expect((await after.ask({ method: "POST", path: location })).code).toBe("2.04");
		before.close();
		await clock.advance(1000);
		expect(await clock.until(server.transfer(BROUGHT, EID), 5000)).toEqual(TAKEN);
		expect(before.written).toEqual([]);
	});

	it("that does not answer is given up after its time", async () => {
		const { clock, server, device } = bench();
		const one = device(keyOf(EID));
		await one.register(`ep=${EID}`);
		await clock.advance(1000);
		one.line.rule = () => [];
		await expect(clock.until(server.transfer(BROUGHT, EID), 200_000)).rejects.toMatchObject({
			code: "INJECT_UNREACHABLE",
		});
	});
});

describe("what belongs together", () => {
	/** Confirmable messages of the server do not arrive, its acknowledgements do. */
	const requestsLost: LineRule = ({ from, octets }) =>
		from === "server" && ((octets[0] ?? 0) & 0x30) === 0 ? [] : [10];

	/** A registered device; its written messages without the path. */
	async function registered(given: Partial<Lwm2mServerOptions> = {}) {
		const made = bench(given);
		const one = made.device(keyOf(EID));
		one.isPrompt = false;
		await one.register(`ep=${EID}`);
		await made.clock.advance(1000);
		const says = async (message: string) => {
			one.tell(fromHex(message));
			await made.clock.advance(1000);
		};
		const written = () => one.written.map((line) => line.replace("PUT /32032/0/0", "").trim());
		return { ...made, one, says, written };
	}

	it("is told by the device's number, before an empty answer and a refusal too", async () => {
		const answers: EsipaHandler["handle"][] = [
			async (message) => message.slice(0, 2),
			async () => null,
			() => Promise.reject(new EsipaError("ESIPA_OTHER_DEVICE", "no")),
		];
		const { says, written } = await registered({
			handler: { handle: (...given) => answers.shift()?.(...given) ?? Promise.reject(new Error("too many")) },
		});
		await says(`01FEBF4F125A10${EID}`);
		await says("01FFBF3D00");
		await says("0100BF3D00");
		expect(written()).toEqual(["01FEBF4F", "01FF", "010000836E6F"]);
	});

	it("is what is brought to a device with numbers, and the answer with the same number", async () => {
		const { clock, server, says, written, one, entries } = await registered();
		await says("0105BF3D00");
		const first = server.transfer(BROUGHT, EID);
		first.catch(() => undefined);
		await clock.advance(Seconds(10));
		await expect(first).rejects.toMatchObject({ code: "INJECT_UNREACHABLE" });
		const second = server.transfer(BROUGHT, EID);
		await clock.advance(1000);
		const [, late = "", now = ""] = written();
		expect([late.slice(4), now.slice(4)]).toEqual([toHex(BROUGHT), toHex(BROUGHT)]);
		expect(late.slice(0, 4)).not.toBe(now.slice(0, 4));
		await says(`${late.slice(0, 4)}BF4E03020101`);
		await says("BF4E03020102");
		await says(`${now.slice(0, 4)}${toHex(TAKEN)}`);
		expect(await second).toEqual(TAKEN);
		expect(entries.filter(({ phrase }) => phrase === "answer that nobody waits for")).toHaveLength(2);
		// Registered anew it has not said a number yet; but numbers go on where they were.
		await one.register(`ep=${EID}`);
		await clock.advance(1000);
		server.transfer(BROUGHT, EID).catch(() => undefined);
		await says("0106BF3D00");
		await clock.advance(Seconds(10));
		server.transfer(BROUGHT, EID).catch(() => undefined);
		await clock.advance(1000);
		const numbers = [late, now, written().at(-1) ?? ""].map((octets) => Number.parseInt(octets.slice(2, 4), 16));
		expect(numbers.map((number) => (number - (numbers[0] ?? 0) + 256) % 256)).toEqual([0, 1, 2]);
		expect(written().at(-3)).toBe(toHex(BROUGHT));
	});

	it("is no answer to a request that a later one has replaced, while it is worked on or on its way", async () => {
		const held: (() => void)[] = [];
		const handle = (message: Uint8Array) =>
			new Promise<Uint8Array>((resolve) => held.push(() => resolve(message.slice(1))));
		const { clock, says, written, one } = await registered({ handler: { handle } });
		const release = async () => {
			held.shift()?.();
			await clock.advance(1000);
		};
		await says("BF3A0101");
		// Said again while it is worked on.
		await says("BF3A0101");
		await says("BF3A0102");
		expect(held).toHaveLength(1);
		await release();
		await release();
		expect(written()).toEqual(["3A0102"]);
		await says("BF3A0103");
		one.line.rule = requestsLost;
		await release();
		await says("BF3A0104");
		one.line.rule = () => [10];
		await clock.advance(Seconds(60));
		await release();
		expect(written()).toEqual(["3A0102", "3A0104"]);
		expect(held).toEqual([]);
	});

	it("is the answer to what the device goes back to while it is worked on, and none to what it said between", async () => {
		const held: (() => void)[] = [];
		const handle = (message: Uint8Array) =>
			new Promise<Uint8Array>((resolve) => held.push(() => resolve(message.slice(1))));
		const { clock, says, written } = await registered({ handler: { handle } });
		await says("BF3A0101");
		await says("BF3A0102");
		await says("BF3A0101");
		held.shift()?.();
		await clock.advance(1000);
		expect([written(), held]).toEqual([["3A0101"], []]);
	});

	it("is not what was on its way to a device that has started anew", async () => {
		const { clock, says, one, written } = await registered();
		one.line.rule = requestsLost;
		await says("BF3A0101");
		one.line.rule = () => [10];
		await one.register(`ep=${EID}`);
		await clock.advance(Seconds(60));
		expect(written()).toEqual([]);
	});

	it("is read whole where a numbered message is too long to be told of", async () => {
		const heard: number[] = [];
		const handle: EsipaHandler["handle"] = async (message) => {
			heard.push(message.length);
			return message.slice(0, 2);
		};
		const { says, written, one } = await registered({ handler: { handle } });
		const whole = `0109BF3A8204B0${"AB".repeat(1200)}`;
		one.value = fromHex(whole);
		await says(whole.slice(0, 200));
		expect([heard, written()]).toEqual([[1205], ["0109BF3A"]]);
	});
});

describe("a registration", () => {
	it("is taken under the name of the key, or one that stands for the key's EID", async () => {
		const { device, server } = bench();
		expect((await device(keyOf(EID)).register()).code).toBe("2.01");
		expect((await device(keyOf(EID)).register(`ep=urn:dev:ops:0001-METER-${EID}`)).code).toBe("2.01");
		expect((await device(keyOf("meter-7")).register("ep=meter-7")).code).toBe("2.01");
		// One device, however it calls itself.
		expect(server.registered).toBe(1);
	});

	it("in the name of another device is refused, and so are its updates", async () => {
		const { device, server, entries } = bench();
		const mine = device(keyOf(EID));
		const rogue = device(keyOf(OTHER));
		const { location = [] } = await mine.register(`ep=${EID}`);
		expect((await rogue.register(`ep=${EID}`)).code).toBe("4.03");
		expect((await rogue.register("ep=meter-7")).code).toBe("4.03");
		expect((await rogue.ask({ method: "POST", path: location })).code).toBe("4.04");
		expect((await rogue.ask({ method: "DELETE", path: location })).code).toBe("4.04");
		expect((await rogue.ask({ method: "POST", path: ["dp"], contentFormat: 112, payload: fromHex("80") })).code).toBe(
			"4.04",
		);
		expect(server.registered).toBe(1);
		expect(entries.filter(({ phrase }) => phrase === "registration in the name of another device")).toHaveLength(2);
	});

	it("needs a proof of who it is, outside the lab", async () => {
		expect((await bench().device().register(`ep=${EID}`)).code).toBe("4.03");
		expect((await bench({ takesUnproven: true }).device().register(`ep=${EID}`)).code).toBe("2.01");
	});

	it("is refused without an EID, of another version, malformed, or beyond the bound", async () => {
		const { device } = bench({ maxRegistrations: 1 });
		expect((await device(keyOf("nobody")).register("ep=nobody")).code).toBe("4.03");
		const one = device(keyOf(EID));
		expect((await one.register(`ep=${EID}`, "lwm2m=2.0")).code).toBe("4.12");
		expect((await one.register(`ep=${EID}`, "lt=never")).code).toBe("4.00");
		expect((await one.register(`ep=${EID}`)).code).toBe("2.01");
		expect(await device(keyOf(OTHER)).register(`ep=${OTHER}`)).toMatchObject({ code: "5.03", maxAge: 600 });
		expect((await one.register(`ep=${EID}`)).code).toBe("2.01");
		expect((await one.ask({ method: "GET", path: ["rd"] })).code).toBe("4.05");
		expect((await one.ask({ method: "GET", path: ["bs"] })).code).toBe("4.04");
	});

	it("is taken under the names of a certificate, and no other", async () => {
		const { device } = bench();
		const { der, spki } = makeCa().issue("meter-7");
		const proven: ProvenPeer = { certificate: der, publicKey: spki };
		expect((await device(proven).register("ep=meter-7")).code).toBe("2.01");
		expect((await device(proven).register()).code).toBe("2.01");
		expect((await device(proven).register(`ep=${OTHER}`)).code).toBe("4.03");
		expect((await device({ publicKey: spki }).register("ep=meter-7")).code).toBe("4.03");
	});
});
