/**
 * Captured packets: written as a pcap file and read from one, ours or one of tcpdump. What crossed a wire is counted from
 * what was read, never from what a program believes to have sent.
 */

import { concatBytes } from "@iot-esim/shared/util/bytes";

export interface CapturedPacket {
	/** Milliseconds since 1970. */
	readonly at: number;
	readonly protocol: "udp" | "tcp";
	/** `address:port`. */
	readonly source: string;
	readonly destination: string;
	/** What UDP or TCP carries; empty for a bare acknowledgement. */
	readonly payload: Uint8Array;
	/** TCP: the first packet of a connection. */
	readonly isOpening: boolean;
}

const MAGIC = 0xa1b2c3d4;
const MAGIC_NANO = 0xa1b23c4d;
/** Packets that begin with their IP header. */
const LINK_RAW = 101;
/** Octets before the IP header, by link type. */
const LINK_HEADERS: Readonly<Record<number, number>> = { [LINK_RAW]: 0, 1: 14, 113: 16, 276: 20, 0: 4 };
const UDP = 17;
const TCP = 6;
const [FIN, SYN, PSH, ACK] = [0x01, 0x02, 0x08, 0x10];

/** A pcap file of these packets; IPv4, with sequence numbers that a dissector of TCP can follow. */
export function writePcap(packets: readonly CapturedPacket[]): Uint8Array {
	const header = new DataView(new ArrayBuffer(24));
	header.setUint32(0, MAGIC);
	header.setUint16(4, 2);
	header.setUint16(6, 4);
	header.setUint32(16, 262_144);
	header.setUint32(20, LINK_RAW);
	const sequence = new Map<string, number>();
	const pieces = packets.flatMap((packet) => record(packet, sequence));
	return concatBytes(new Uint8Array(header.buffer), ...pieces);
}

function record(packet: CapturedPacket, sequence: Map<string, number>): Uint8Array[] {
	// A datagram or segment longer than an IP packet cannot be; a stream may have been read in larger pieces.
	const largest = packet.protocol === "udp" ? packet.payload.length : 60_000;
	const pieces: Uint8Array[] = [];
	for (let at = 0; at === 0 || at < packet.payload.length; at += largest || 1) {
		const part = { ...packet, payload: packet.payload.subarray(at, at + (largest || 1)) };
		const bytes = ipPacket(part, packet.protocol === "udp" ? udpHeader(part) : tcpHeader(part, sequence));
		const head = new DataView(new ArrayBuffer(16));
		head.setUint32(0, Math.floor(packet.at / 1000));
		head.setUint32(4, Math.floor((packet.at % 1000) * 1000));
		head.setUint32(8, bytes.length);
		head.setUint32(12, bytes.length);
		pieces.push(new Uint8Array(head.buffer), bytes);
	}
	return pieces;
}

function ipPacket({ protocol, source, destination, payload }: CapturedPacket, inner: Uint8Array): Uint8Array {
	const header = new DataView(new ArrayBuffer(20));
	header.setUint8(0, 0x45);
	header.setUint16(2, 20 + inner.length + payload.length);
	header.setUint8(8, 64);
	header.setUint8(9, protocol === "udp" ? UDP : TCP);
	const bytes = new Uint8Array(header.buffer);
	bytes.set(addressOctets(source), 12);
	bytes.set(addressOctets(destination), 16);
	header.setUint16(10, checksum(bytes));
	return concatBytes(bytes, inner, payload);
}

function udpHeader({ source, destination, payload }: CapturedPacket): Uint8Array {
	const header = new DataView(new ArrayBuffer(8));
	header.setUint16(0, portOf(source));
	header.setUint16(2, portOf(destination));
	header.setUint16(4, 8 + payload.length);
	return new Uint8Array(header.buffer);
}

function tcpHeader({ source, destination, payload, isOpening }: CapturedPacket, sequence: Map<string, number>) {
	const [flow, back] = [`${source} ${destination}`, `${destination} ${source}`];
	// Only a connection that opens within this file has a SYN, and one back.
	const hasSyn = isOpening || (sequence.get(back) === 1 && !sequence.has(flow));
	const number = sequence.get(flow) ?? 0;
	sequence.set(flow, number + payload.length + (hasSyn ? 1 : 0));
	const header = new DataView(new ArrayBuffer(20));
	header.setUint16(0, portOf(source));
	header.setUint16(2, portOf(destination));
	header.setUint32(4, number);
	header.setUint32(8, sequence.get(back) ?? 0);
	header.setUint8(12, 0x50);
	header.setUint8(13, (isOpening ? 0 : ACK) | (hasSyn ? SYN : 0) | (payload.length > 0 ? PSH : 0));
	header.setUint16(14, 65_535);
	return new Uint8Array(header.buffer);
}

/**
 * The UDP and TCP packets of a pcap file over IPv4 or IPv6, in the order of the file; what else is in it is left out.
 * @throws Error when it is no pcap file, or of a kind of link that is not known here
 */
export function readPcap(file: Uint8Array): CapturedPacket[] {
	const view = new DataView(file.buffer, file.byteOffset, file.length);
	if (file.length < 24) throw new Error("too short for a pcap file");
	const isLittle = [MAGIC, MAGIC_NANO].includes(view.getUint32(0, true));
	const magic = view.getUint32(0, isLittle);
	if (magic !== MAGIC && magic !== MAGIC_NANO) throw new Error("no pcap file (pcapng is not read here)");
	const fraction = magic === MAGIC_NANO ? 1e6 : 1e3;
	const link = LINK_HEADERS[view.getUint32(20, isLittle) & 0xffff];
	if (link === undefined) throw new Error(`pcap link type ${view.getUint32(20, isLittle)} is not read here`);
	const packets: CapturedPacket[] = [];
	for (let at = 24; at + 16 <= file.length; ) {
		const length = view.getUint32(at + 8, isLittle);
		const time = view.getUint32(at, isLittle) * 1000 + view.getUint32(at + 4, isLittle) / fraction;
		const packet = packetIn(file.subarray(at + 16 + link, at + 16 + length), time);
		if (packet !== undefined) packets.push(packet);
		at += 16 + length;
	}
	return packets;
}

function packetIn(ip: Uint8Array, at: number): CapturedPacket | undefined {
	if (ip.length < 20) return undefined;
	const view = new DataView(ip.buffer, ip.byteOffset, ip.length);
	const isFour = ip[0] !== undefined && ip[0] >> 4 === 4;
	const head = isFour ? ((ip[0] ?? 0) & 0xf) * 4 : 40;
	const protocol = isFour ? ip[9] : ip[6];
	const whole = isFour ? view.getUint16(2) : 40 + view.getUint16(4);
	if (protocol !== UDP && protocol !== TCP) return undefined;
	const size = isFour ? 4 : 16;
	const from = isFour ? 12 : 8;
	const address = (offset: number) => addressText(ip.subarray(offset, offset + size));
	const inner = protocol === UDP ? 8 : ((ip[head + 12] ?? 0) >> 4) * 4;
	const flags = protocol === TCP ? (ip[head + 13] ?? 0) : 0;
	return {
		at,
		protocol: protocol === UDP ? "udp" : "tcp",
		source: `${address(from)}:${view.getUint16(head)}`,
		destination: `${address(from + size)}:${view.getUint16(head + 2)}`,
		payload: ip.slice(head + inner, whole),
		isOpening: (flags & SYN) !== 0 && (flags & (ACK | FIN)) === 0,
	};
}

export const portOf = (place: string) => Number(place.slice(place.lastIndexOf(":") + 1));
const addressOctets = (place: string) => place.slice(0, place.lastIndexOf(":")).split(".").map(Number);

function addressText(octets: Uint8Array): string {
	if (octets.length === 4) return octets.join(".");
	return `[${Buffer.from(octets).toString("hex").match(/.{4}/g)?.join(":")}]`;
}

function checksum(header: Uint8Array): number {
	let sum = 0;
	for (let at = 0; at < header.length; at += 2) sum += ((header[at] ?? 0) << 8) | (header[at + 1] ?? 0);
	while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/** What one exchange has cost. */
export interface WireCount {
	/** Octets that UDP or TCP carried, both ways. */
	readonly octets: number;
	readonly toServer: number;
	readonly toClient: number;
	/** Datagrams, or packets of TCP that carried anything. */
	readonly packets: number;
	/** How often the device had to wait for an answer; the opening of a TCP connection is one. */
	readonly roundTrips: number;
}

/** Counts packets to and from the servers on these ports. */
export function countWire(packets: readonly CapturedPacket[], serverPorts: readonly number[]): WireCount {
	let [toServer, toClient, carrying, roundTrips] = [0, 0, 0, 0];
	let isWaiting = false;
	for (const { source, destination, payload, isOpening } of packets) {
		const isUp = serverPorts.includes(portOf(destination));
		if (!isUp && !serverPorts.includes(portOf(source))) continue;
		if (isOpening) roundTrips++;
		if (payload.length === 0) continue;
		carrying++;
		if (isUp) toServer += payload.length;
		else toClient += payload.length;
		if (!isUp && isWaiting) roundTrips++;
		isWaiting = isUp;
	}
	return { octets: toServer + toClient, toServer, toClient, packets: carrying, roundTrips };
}
