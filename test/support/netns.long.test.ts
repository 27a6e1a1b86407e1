import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
import { BadLink, EIM_ADDRESS, namespaces } from "./netns.ts";
import type { RelayConditions } from "./relay.ts";

/** Answers each UDP datagram with the port that it came from, and each line over TCP with itself. */
const SERVER = `
const udp = require("node:dgram").createSocket("udp4");
udp.on("message", (m, from) => udp.send(String(from.port), from.port, from.address));
udp.bind(7000, "0.0.0.0", () => require("node:net").createServer((s) => s.pipe(s).on("error", () => {})).listen(7001, () => console.log("ready")));
`;

/** Sends one datagram every 50 ms, and says how many were answered, from which ports. */
const UDP_CLIENT = `
const udp = require("node:dgram").createSocket("udp4");
const ports = [];
udp.on("message", (m) => ports.push(Number(m)));
udp.bind(6000, async () => {
	for (let n = 0; n < Number(process.argv[1]); n++) { udp.send("x", 7000, "${EIM_ADDRESS}"); await new Promise((r) => setTimeout(r, 50)); }
	setTimeout(() => { console.log(JSON.stringify(ports)); process.exit(); }, Number(process.argv[2]));
});
`;

const TCP_CLIENT = `
let got = 0;
const s = require("node:net").connect(7001, "${EIM_ADDRESS}", () => s.write(Buffer.alloc(20000)));
s.on("data", (d) => { got += d.length; if (got === 20000) { console.log(got); process.exit(); } });
`;

const isThere = await namespaces();

describe.skipIf(!isThere)("a device and an eIM in network namespaces", () => {
	let link: BadLink | undefined;
	afterEach(() => link?.close());

	async function open(conditions: RelayConditions): Promise<BadLink> {
		const opened = await BadLink.open(conditions);
		link = opened;
		const server = opened.start("eim", process.execPath, ["-e", SERVER], { stdio: ["ignore", "pipe", "inherit"] });
		await new Promise((resolve) => server.stdout?.once("data", resolve));
		return opened;
	}
	it("lose, delay and double what goes between them, and count it", async () => {
		const { relay } = await open({ seed: 1, loss: 0.2, delay: Milliseconds(200), duplicates: 0.1 });
		const answered = await udpAside(link as BadLink, 100, 1000);
		relay.expectHarm();
		// Each way a fifth is lost, and a tenth comes twice.
		expect(answered.length).toBeGreaterThan(50);
		expect(answered.length).toBeLessThan(100);
	});

	it("carry the kernel's TCP through losses", async () => {
		const { relay } = await open({ seed: 2, loss: 0.1, delay: Milliseconds(20) });
		const client = link?.start("device", process.execPath, ["-e", TCP_CLIENT], {
			stdio: ["ignore", "pipe", "inherit"],
		});
		const said = await new Promise<string>((resolve) => client?.stdout?.once("data", (text) => resolve(String(text))));
		expect(Number(said)).toBe(20_000);
		relay.expectHarm();
	});

	it("stand behind a NAT that gives other ports when it has forgotten", async () => {
		await open({ seed: 3 });
		const before = await udpAside(link as BadLink, 3, 200);
		link?.rebind();
		const after = await udpAside(link as BadLink, 3, 200);
		expect(new Set(before).size).toBe(1);
		expect(new Set(after).size).toBe(1);
		expect(after[0]).not.toBe(before[0]);
		expect(before[0]).not.toBe(6000);
	});

	it("have no link in an outage", async () => {
		const { relay } = await open({ seed: 4, outages: [{ after: Seconds(1), lasts: Seconds(2) }] });
		const answered = await udpAside(link as BadLink, 100, 500);
		relay.expectHarm();
		expect(answered.length).toBeGreaterThan(40);
		expect(answered.length).toBeLessThan(80);
	});
});

/** Not by execFileSync: the relay runs in this very process. */
async function udpAside(link: BadLink, datagrams: number, patience: number): Promise<number[]> {
	const args = ["-e", UDP_CLIENT, String(datagrams), String(patience)];
	const client = link.start("device", process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
	const said = await new Promise<string>((resolve) => client.stdout?.once("data", (text) => resolve(String(text))));
	return JSON.parse(said) as number[];
}
