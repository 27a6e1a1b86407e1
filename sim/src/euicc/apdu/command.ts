import { Status } from "./status.ts";

/** A command APDU taken apart. */
export interface Command {
	readonly cla: number;
	readonly ins: number;
	readonly p1: number;
	readonly p2: number;
	readonly data: Uint8Array;
	/** Octets that the terminal expects: 256 for a length octet of 00; undefined without one. */
	readonly le: number | undefined;
	/** Logical channel that the class octet names, 0 to 19. */
	readonly channel: number;
	/** True for the class octets 8x and Cx to Fx, which GlobalPlatform and the toolkit commands use. */
	readonly isProprietary: boolean;
}

/**
 * Reads a command in short or extended form (ISO/IEC 7816-4 section 5.3).
 * @returns the command, or the status word that refuses it
 */
export function parseCommand(apdu: Uint8Array): Command | number {
	if (apdu.length < 4) return Status.wrongLength;
	const [cla, ins, p1, p2] = apdu as unknown as [number, number, number, number];
	const body = parseBody(apdu.subarray(4));
	if (body === undefined) return Status.wrongLength;
	const named = channelOf(cla);
	if (typeof named === "number") return named;
	return { cla, ins, p1, p2, ...body, ...named };
}

function parseBody(body: Uint8Array): { data: Uint8Array; le: number | undefined } | undefined {
	const nothing = body.subarray(0, 0);
	const first = body[0];
	if (first === undefined) return { data: nothing, le: undefined };
	if (body.length === 1) return { data: nothing, le: first === 0 ? 256 : first };
	if (first === 0 && body.length >= 3) return parseExtended(body);
	const rest = body.subarray(1);
	if (first === 0) return undefined;
	if (rest.length === first) return { data: rest, le: undefined };
	if (rest.length === first + 1) {
		const le = rest[first] as number;
		return { data: rest.subarray(0, first), le: le === 0 ? 256 : le };
	}
	return undefined;
}

function parseExtended(body: Uint8Array): { data: Uint8Array; le: number | undefined } | undefined {
	const length = ((body[1] as number) << 8) | (body[2] as number);
	const rest = body.subarray(3);
	if (rest.length === 0) return { data: rest, le: length === 0 ? 65_536 : length };
	if (length === 0) return undefined;
	if (rest.length === length) return { data: rest, le: undefined };
	if (rest.length !== length + 2) return undefined;
	const le = ((rest[length] as number) << 8) | (rest[length + 1] as number);
	return { data: rest.subarray(0, length), le: le === 0 ? 65_536 : le };
}

/** Both codings of ETSI TS 102 221 section 10.1.1: channels 0 to 3 in two bits, 4 to 19 in four. */
function channelOf(cla: number): { channel: number; isProprietary: boolean } | number {
	const isProprietary = cla >= 0x80;
	if ((cla & 0x40) === 0) {
		if ((cla & 0x30) !== 0) return cla & 0x20 ? Status.classNotSupported : Status.chainingNotSupported;
		if ((cla & 0x0c) !== 0) return Status.secureMessagingNotSupported;
		return { channel: cla & 0x03, isProprietary };
	}
	if (cla === 0xff) return Status.classNotSupported;
	if ((cla & 0x20) !== 0) return Status.secureMessagingNotSupported;
	if ((cla & 0x10) !== 0) return Status.chainingNotSupported;
	return { channel: (cla & 0x0f) + 4, isProprietary };
}
