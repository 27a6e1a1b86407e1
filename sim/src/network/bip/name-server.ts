import { concatBytes } from "@iot-esim/shared/util/bytes";

const HEADER_LENGTH = 12;
const TYPE_A = 1;
const RCODE_FORMAT_ERROR = 1;
const TIME_TO_LIVE = 60;

/** 198.18.0.0/15 is kept for tests of networks (RFC 2544); the first addresses are the network's own. */
export const NAME_SERVER_ADDRESS = "198.18.0.1";
const FIRST_ADDRESS = 16;
const LAST_ADDRESS = 0x1fffe;

/**
 * The name server of the simulated network: any name has an IPv4 address, which the network leads back to the name. So
 * what speaks IPv4 alone reaches servers that are found by name here (`hosts`).
 */
export class NameServer {
	readonly #names: string[] = [];

	/** Answers a query (RFC 1035) for an IPv4 address; undefined for what is no query at all. */
	answer(query: Uint8Array): Uint8Array | undefined {
		if (query.length < HEADER_LENGTH || ((query[2] ?? 0) & 0x80) !== 0) return undefined;
		const question = questionOf(query);
		if (question === undefined) return reply(query, RCODE_FORMAT_ERROR, query.subarray(HEADER_LENGTH, HEADER_LENGTH));
		const { name, end, type } = question;
		const asked = query.subarray(HEADER_LENGTH, end);
		if (type !== TYPE_A) return reply(query, 0, asked);
		const record = Uint8Array.of(0xc0, HEADER_LENGTH, 0, TYPE_A, 0, 1, 0, 0, 0, TIME_TO_LIVE, 0, 4);
		return reply(query, 0, asked, concatBytes(record, this.#addressOf(name)));
	}

	/** The name that was given this address; undefined when none was. */
	nameOf(address: Uint8Array): string | undefined {
		const [a, b = 0, c = 0, d = 0] = address;
		if (a !== 198 || (b & 0xfe) !== 18) return undefined;
		return this.#names[((b & 1) << 16) + (c << 8) + d - FIRST_ADDRESS];
	}

	#addressOf(name: string): Uint8Array {
		const known = this.#names.indexOf(name);
		const index = known >= 0 ? known : this.#names.push(name) - 1;
		const number = FIRST_ADDRESS + (index % (LAST_ADDRESS - FIRST_ADDRESS));
		return Uint8Array.of(198, 18 | (number >> 16), (number >> 8) & 0xff, number & 0xff);
	}
}

function questionOf(query: Uint8Array): { name: string; end: number; type: number } | undefined {
	const labels: string[] = [];
	let offset = HEADER_LENGTH;
	for (;;) {
		const length = query[offset];
		if (length === undefined || length > 63) return undefined;
		if (length === 0) break;
		const label = query.subarray(offset + 1, offset + 1 + length);
		if (label.length < length) return undefined;
		labels.push(new TextDecoder().decode(label).toLowerCase());
		offset += 1 + length;
	}
	const end = offset + 5;
	if (labels.length === 0 || end > query.length) return undefined;
	return { name: labels.join("."), end, type: ((query[offset + 1] ?? 0) << 8) | (query[offset + 2] ?? 0) };
}

/** Recursion is available; the question comes back before the answer, as it has to. */
function reply(query: Uint8Array, code: number, question: Uint8Array, answer?: Uint8Array): Uint8Array {
	const counts = Uint8Array.of(0, question.length > 0 ? 1 : 0, 0, answer ? 1 : 0, 0, 0, 0, 0);
	const header = concatBytes(query.subarray(0, 2), Uint8Array.of(0x81, 0x80 | code), counts);
	return concatBytes(header, question, answer ?? new Uint8Array(0));
}
