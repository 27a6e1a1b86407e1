import { TransportLevel } from "@iot-esim/shared/messages/cat/cat-objects";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { concatBytes, utf8 } from "@iot-esim/shared/util/bytes";
import type { BipTerminal, ChannelListener } from "./bip-terminal.ts";
import { IpaeError } from "./errors.ts";

const DNS_PORT = 53;
const TYPE_A = 1;
const CLASS_IN = 1;
const HEADER_LENGTH = 12;

/** A query for the IPv4 address of a name (RFC 1035 section 4.1), recursion desired. */
export function addressQuery(id: Uint8Array, name: string): Uint8Array {
	const labels = name.split(".").map((label) => {
		const octets = utf8(label);
		if (octets.length === 0 || octets.length > 63) throw new IpaeError("IPAE_NAME_UNKNOWN", `"${name}" is no name`);
		return concatBytes(Uint8Array.of(octets.length), octets);
	});
	const header = concatBytes(id, Uint8Array.of(0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0));
	return concatBytes(header, ...labels, Uint8Array.of(0, 0, TYPE_A, 0, CLASS_IN));
}

/** The first IPv4 address in an answer to the query with this identifier; undefined when there is none. */
export function addressIn(answer: Uint8Array, id: Uint8Array): Uint8Array | undefined {
	if (answer.length < HEADER_LENGTH || answer[0] !== id[0] || answer[1] !== id[1]) return undefined;
	const view = new DataView(answer.buffer, answer.byteOffset, answer.length);
	const isFailed = (view.getUint16(2) & 0x000f) !== 0;
	if (isFailed) return undefined;
	try {
		let offset = HEADER_LENGTH;
		for (let question = 0; question < view.getUint16(4); question++) offset = nameEnd(view, offset) + 4;
		for (let record = 0; record < view.getUint16(6); record++) {
			const fields = nameEnd(view, offset);
			const length = view.getUint16(fields + 8);
			const data = fields + 10;
			if (view.getUint16(fields) === TYPE_A && length === 4) return answer.slice(data, data + 4);
			offset = data + length;
		}
	} catch (error) {
		if (!(error instanceof RangeError)) throw error;
	}
	return undefined;
}

/** Behind a name: labels up to the root, or up to a pointer (RFC 1035 section 4.1.4). */
function nameEnd(view: DataView, start: number): number {
	let offset = start;
	for (;;) {
		const length = view.getUint8(offset);
		if (length === 0) return offset + 1;
		if (length >= 0xc0) return offset + 2;
		offset += length + 1;
	}
}

/**
 * Asks a name server over a UDP channel of the terminal.
 * @throws IpaeError IPAE_CHANNEL_REFUSED, IPAE_NAME_UNKNOWN
 */
export async function resolveName(
	name: string,
	ask: {
		readonly terminal: BipTerminal;
		readonly server: Uint8Array;
		readonly random: RandomSource;
		readonly signal: AbortSignal;
	},
): Promise<Uint8Array> {
	const { terminal, server, random, signal } = ask;
	const literal = ipv4(name);
	if (literal !== undefined) return literal;
	const id = random.bytes(2);
	let onAbort: () => void = () => undefined;
	let listener: ChannelListener = { onData: () => undefined, onDropped: () => undefined };
	const arrived = new Promise<void>((resolve, reject) => {
		const onDropped = () => reject(new IpaeError("IPAE_CHANNEL_REFUSED", "the way to the name server is gone"));
		listener = { onData: resolve, onDropped };
		onAbort = () => reject(signal.reason);
	});
	arrived.catch(() => undefined);
	signal.addEventListener("abort", onAbort, { once: true });
	const channel = await terminal.open(
		{ address: server, port: DNS_PORT, transport: TransportLevel.udpClient },
		listener,
	);
	try {
		await terminal.send(channel, addressQuery(id, name));
		await arrived;
		const address = addressIn((await terminal.receive(channel)).data, id);
		if (address !== undefined) return address;
		throw new IpaeError("IPAE_NAME_UNKNOWN", `the name server has no IPv4 address of ${name}`);
	} finally {
		signal.removeEventListener("abort", onAbort);
		await terminal.close(channel);
	}
}

/** Four numbers with dots; undefined for a name. */
export function ipv4(text: string): Uint8Array | undefined {
	const numbers = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
	return numbers?.every((number) => number <= 255) ? Uint8Array.from(numbers) : undefined;
}
