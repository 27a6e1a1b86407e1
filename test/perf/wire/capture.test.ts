import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect, it } from "vitest";
import { requireExternal } from "../../support/externals.ts";
import { findProgram } from "../../support/find-program.ts";
import { countWire, readPcap } from "./capture.ts";
import { tcpCapture, udpRelay } from "./relay-sockets.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closing.splice(0).reverse()) await close();
});

/** Answers with twice what it got. */
async function udpEcho(): Promise<number> {
	const server = createSocket("udp4");
	server.on("message", (datagram, { port }) => server.send(Buffer.concat([datagram, datagram]), port, "127.0.0.1"));
	await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
	closing.push(() => server.close());
	return server.address().port;
}

async function tcpEcho(): Promise<number> {
	const server = createServer((socket) => socket.on("data", (piece) => socket.write(Buffer.concat([piece, piece]))));
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	closing.push(() => server.close());
	return (server.address() as { port: number }).port;
}

function ask(client: UdpSocket, port: number, octets: number): Promise<Uint8Array> {
	return new Promise((resolve) => {
		client.once("message", resolve);
		client.send(new Uint8Array(octets), port, "127.0.0.1");
	});
}

/** Two exchanges over UDP, of 10 and 100 octets, and two over TCP. */
async function exchanges(udpPort: number, tcpPort: number): Promise<void> {
	const client = createSocket("udp4");
	await ask(client, udpPort, 10);
	await ask(client, udpPort, 100);
	client.close();
	const socket = createConnection({ port: tcpPort, host: "127.0.0.1", noDelay: true });
	for (const octets of [20, 3000]) {
		const whole = new Promise<void>((resolve) => {
			let got = 0;
			socket.on("data", (piece) => {
				got += piece.length;
				if (got === 2 * octets) resolve();
			});
		});
		socket.write(new Uint8Array(octets));
		await whole;
		socket.removeAllListeners("data");
	}
	socket.destroy();
}

const UDP_COUNT = { octets: 330, toServer: 110, toClient: 220, packets: 4, roundTrips: 2 };
const TCP_COUNT = { octets: 9060, toServer: 3020, toClient: 6040, roundTrips: 3 };

it("a relay's capture, read back, has every octet that UDP and TCP carried, and the round trips", async () => {
	const [udpServer, tcpServer] = [await udpEcho(), await tcpEcho()];
	const [udp, tcp] = [await udpRelay(udpServer), await tcpCapture(tcpServer)];
	closing.push(udp.close, tcp.close);
	await exchanges(udp.port, tcp.port);
	const udpFile = udp.takeCapture();
	expect(countWire(readPcap(udpFile), [udpServer])).toEqual(UDP_COUNT);
	expect(countWire(readPcap(tcp.takeCapture()), [tcpServer])).toMatchObject(TCP_COUNT);
	expect(readPcap(udp.takeCapture())).toEqual([]);
	expect(() => readPcap(udpFile.subarray(1))).toThrow("no pcap file");
});

it("dumpcap on the loopback interface sees the same octets as the relay", async () => {
	const dumpcap = await requireExternal("dumpcap as root (apt-get install wireshark-common)", () =>
		process.getuid?.() === 0 ? findProgram("dumpcap") : undefined,
	);
	if (dumpcap === undefined) return;
	const [udpServer, tcpServer] = [await udpEcho(), await tcpEcho()];
	const [udp, tcp] = [await udpRelay(udpServer), await tcpCapture(tcpServer)];
	closing.push(udp.close, tcp.close);
	const folder = mkdtempSync(path.join(tmpdir(), "capture-"));
	closing.push(() => rmSync(folder, { recursive: true }));
	const file = path.join(folder, "lo.pcap");
	const filter = `port ${udp.port} or port ${tcp.port}`;
	const dump = spawn(dumpcap, ["-i", "lo", "-P", "-w", file, "-f", filter]);
	await said(dump, "File:");
	await exchanges(udp.port, tcp.port);
	const packetsIn = () => readPcap(new Uint8Array(readFileSync(file)));
	// dumpcap writes a little later than it sees.
	const isWritten = () => countWire(packetsIn(), [tcp.port]).octets >= TCP_COUNT.octets;
	for (let turn = 0; turn < 300 && !isWritten(); turn++) await new Promise((resolve) => setTimeout(resolve, 50));
	dump.kill("SIGINT");
	await new Promise((resolve) => dump.once("exit", resolve));
	const packets = packetsIn();
	expect(countWire(packets, [udp.port])).toEqual(UDP_COUNT);
	expect(countWire(packets, [tcp.port])).toMatchObject(TCP_COUNT);
});

it("tshark reads a capture of the relay, and counts the same", async () => {
	const tshark = await requireExternal("tshark (apt-get install tshark)", () => findProgram("tshark"));
	if (tshark === undefined) return;
	const [udpServer, tcpServer] = [await udpEcho(), await tcpEcho()];
	const [udp, tcp] = [await udpRelay(udpServer), await tcpCapture(tcpServer)];
	closing.push(udp.close, tcp.close);
	await exchanges(udp.port, tcp.port);
	const folder = mkdtempSync(path.join(tmpdir(), "capture-"));
	closing.push(() => rmSync(folder, { recursive: true }));
	const sumOf = (capture: Uint8Array, field: string) => {
		const file = path.join(folder, `${field}.pcap`);
		writeFileSync(file, capture);
		const text = execFileSync(tshark, ["-r", file, "-T", "fields", "-e", field], {
			stdio: ["ignore", "pipe", "ignore"],
		});
		const lines = text.toString().trim().split("\n");
		return lines.reduce((sum, line) => sum + Number(line), 0);
	};
	expect(sumOf(udp.takeCapture(), "udp.length")).toBe(UDP_COUNT.octets + 8 * UDP_COUNT.packets);
	expect(sumOf(tcp.takeCapture(), "tcp.len")).toBe(TCP_COUNT.octets);
});

/** Resolves when the program's error output has a text. */
function said(program: ChildProcess, text: string): Promise<void> {
	return new Promise((resolve, reject) => {
		let all = "";
		program.stderr?.on("data", (piece) => {
			all += piece;
			if (all.includes(text)) resolve();
		});
		program.once("exit", (code) => reject(new Error(`ended with ${code}: ${all}`)));
	});
}
