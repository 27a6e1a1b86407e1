import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { concatBytes, fromHex, hex, toHex } from "@iot-esim/shared/util/bytes";
import { afterEach, describe, expect, it } from "vitest";
import { DataPath } from "../data-path.ts";
import type { DeviceEvent } from "../events.ts";
import { parseProactiveCommand } from "../proactive-command.ts";
import { BipChannels } from "./bip-channels.ts";
import { NameServer } from "./name-server.ts";

/**
 * A card that opens a TCP channel and begins TLS in it, and what its modem answered: from traces between real modems and
 * cards in public repositories.
 */
const OPEN_CHANNEL = "D02A010301400302028182050C4F70656E204368616E6E656C3501033902058E3C030227BE3E0521CA98E02F";
const OPENED = "010301400302028281830100B8028100B50103B902058E";
const SEND_DATA = `D04C810301430182028121364116030300${"3C010000380303AA43FAC410B6DABF952A1699E6D3AD1376061AA5E493DE2E1AA01C58964384DF00000A00AE008C008B00B0002C010000050001000101"}`;
const SENT = "810301430102028281830100B701FF";
const RECEIVE_DATA = "D00C810301420082028121370136";
const CLOSE_CHANNEL = "D01B810301410082028121850A436C6F73652049442031D004000A00B4";
const SET_UP_EVENT_LIST = "D00D81030105008202818299020A09";
const DESTINATION = "202.152.224.47";

const closers: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closers.splice(0)) await close();
});

async function start(options: { isAttached?: boolean; allow?: readonly string[] } = {}) {
	const sockets: Socket[] = [];
	const server = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address() as { port: number };
	const told: string[] = [];
	const events: DeviceEvent[] = [];
	const names = new NameServer();
	const path = new DataPath({
		allow: options.allow ?? ["*"],
		hosts: { [DESTINATION]: `127.0.0.1:${port}`, "eim.example.com": `127.0.0.1:${port}` },
	});
	/** The modem's ends of the channels. */
	const opened: Socket[] = [];
	const connect = path.connect.bind(path);
	path.connect = async (...given) => {
		const socket = await connect(...given);
		opened.push(socket);
		return socket;
	};
	const bip = new BipChannels({
		path,
		names,
		isAttached: () => options.isAttached ?? true,
		tell: (event) => told.push(toHex(event)),
		onEvent: (event) => events.push(event),
		log: silentLogger("test"),
	});
	closers.push(() => bip.end());
	closers.push(() => {
		for (const socket of sockets) socket.destroy();
		server.close();
	});
	const ask = async (command: string) => toHex(await bip.answer(parseProactiveCommand(fromHex(command))));
	bip.noteEventList(parseProactiveCommand(fromHex(SET_UP_EVENT_LIST)));
	return { bip, ask, told, events, sockets, opened, names };
}

const arrived = async (holds: () => boolean) => expect.poll(holds, { timeout: 5_000, interval: 2 }).toBe(true);

describe("channels of the bearer independent protocol", () => {
	it("are opened and written as a real modem did for a real card, octet by octet", async () => {
		const { ask, sockets, events } = await start();
		expect(await ask(OPEN_CHANNEL)).toBe(OPENED);
		await arrived(() => sockets.length === 1);
		const received: Uint8Array[] = [];
		sockets[0]?.on("data", (data) => received.push(data));
		expect(await ask(SEND_DATA)).toBe(SENT);
		await arrived(() => received.length > 0);
		expect(toHex(concatBytes(...received))).toBe(SEND_DATA.slice(26));
		expect(events).toEqual([{ type: "channel-opened", channel: 1, destination: `${DESTINATION}:10174` }]);
	});

	it("tell the card once that data has come, and give it in pieces", async () => {
		const { ask, sockets, told } = await start();
		await ask(OPEN_CHANNEL);
		await arrived(() => sockets.length === 1);
		sockets[0]?.write(new Uint8Array(300).fill(0xab));
		await arrived(() => told.length > 0);
		expect(told).toEqual(["D60E99010982028281B8028100B701FF"]);
		const first = await ask(RECEIVE_DATA);
		expect(first).toBe(`810301420002028281830100B636${"AB".repeat(54)}B701F6`);
		const large = RECEIVE_DATA.replace(/36$/, "FF");
		expect(await ask(large)).toBe(`810301420002028281830100B681ED${"AB".repeat(237)}B70109`);
		expect(await ask(large)).toBe(`810301420002028281830100B609${"AB".repeat(9)}B70100`);
		expect(await ask(large)).toMatch(/^8103014200020282818301\w\wB600B70100$/);
		sockets[0]?.write(hex`01`);
		await arrived(() => told.length > 1);
		expect(told[1]).toBe("D60E99010982028281B8028100B70101");
	});

	it("are dropped by the server or with the network, which the card is told; what came before can be read", async () => {
		const { ask, bip, sockets, told, events } = await start();
		await ask(OPEN_CHANNEL);
		await ask(OPEN_CHANNEL);
		await arrived(() => sockets.length === 2);
		sockets[0]?.end(hex`0102`);
		await arrived(() => told.some((event) => event.startsWith("D60B99010A")));
		expect(told.at(-1)).toBe("D60B99010A82028281B8020105");
		expect(await ask(RECEIVE_DATA)).toContain("B6020102");
		expect(await ask(SEND_DATA)).toBe("81030143010202828183023A02");
		expect(bip.drop()).toBe(2);
		expect(told.at(-1)).toBe("D60B99010A82028281B8020205");
		expect(await ask(CLOSE_CHANNEL)).toBe("810301410002028281830100");
		expect(await ask(CLOSE_CHANNEL)).toBe("81030141000202828183023A03");
		expect(events.filter(({ type }) => type === "channel-closed")).toHaveLength(2);
	});

	it("are closed when the network goes while their own end is on its way too, or the program could not end", async () => {
		const { ask, bip, sockets, opened } = await start();
		await ask(OPEN_CHANNEL);
		await arrived(() => sockets.length === 1);
		const [near] = opened;
		if (near === undefined) throw new Error("no channel");
		const closed = once(near, "close");
		// As Node does when the server has ended.
		near.end();
		bip.drop();
		await closed;
	});

	it("are refused without a network, to what is not allowed, where nobody listens, and beyond the seventh", async () => {
		expect(await (await start({ isAttached: false })).ask(OPEN_CHANNEL)).toBe("010301400302028281830220".concat("04"));
		expect(await (await start({ allow: [] })).ask(OPEN_CHANNEL)).toBe("01030140030202828183023A05");
		const { ask } = await start();
		expect(await ask(OPEN_CHANNEL.replace("CA98E02F", "7F000001").replace("27BE", "0001"))).toBe(
			"01030140030202828183023A07",
		);
		expect(await ask(OPEN_CHANNEL.replace("3C030227BE", "3C030327BE"))).toBe("01030140030202828183023A06");
		expect(await ask(OPEN_CHANNEL.replace("3E0521", "3E0522"))).toBe("010301400302028281830132");
		for (let number = 1; number <= 7; number++) {
			expect(await ask(OPEN_CHANNEL)).toContain(`B802${(0x80 | number).toString(16).toUpperCase()}00`);
		}
		expect(await ask(OPEN_CHANNEL)).toBe("01030140030202828183023A01");
	});

	it("reach servers by name: the network's name server gives an address that leads back to the name", async () => {
		const { ask, told, events, names } = await start({ allow: ["eim.example.com"] });
		const dns = OPEN_CHANNEL.replace("3C030227BE", "3C03010035").replace("CA98E02F", "C6120001");
		expect(await ask(dns)).toContain("830100B8028100");
		const query = "1234010000010000000000000365696D076578616D706C6503636F6D0000010001";
		expect(await ask(`D02C810301430182028121B621${query}`)).toBe(SENT);
		expect(told).toHaveLength(1);
		const answer = await ask(RECEIVE_DATA.replace(/36$/, "FF"));
		expect(answer).toContain(`12348180000100010000${query.slice(20)}C00C000100010000003C0004C6120010`);
		expect(names.nameOf(hex`C6120010`)).toBe("eim.example.com");
		expect(await ask(OPEN_CHANNEL.replace("CA98E02F", "C6120010"))).toContain("830100B8028200");
		expect(events.at(-1)).toMatchObject({ destination: "eim.example.com:10174" });
	});
});

describe("the name server", () => {
	it("answers whatever it gets, and gives every name one address", () => {
		const names = new NameServer();
		const query = hex`ABCD 0100 0001 0000 0000 0000 0161 0162 00 0001 0001`;
		expect(toHex(names.answer(query) ?? hex``)).toMatch(/^ABCD8180.*C6120010$/);
		expect(names.answer(query)).toEqual(names.answer(query));
		const aaaa = query.with(query.length - 3, 28);
		expect(toHex(names.answer(aaaa) ?? hex``)).toMatch(/^ABCD81800001000000000000/);
		for (let length = 0; length < query.length; length++) names.answer(query.subarray(0, length));
		for (let at = 0; at < query.length; at++) names.answer(query.with(at, 0xff));
		expect(names.nameOf(hex`C6120011`)).not.toBe("a.b");
		expect(names.nameOf(hex`C0A80001`)).toBeUndefined();
	});
});
