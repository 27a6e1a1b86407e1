/** Status words of ETSI TS 102 221 section 10.2 and GlobalPlatform that this card answers. */
export const Status = {
	ok: 0x9000,
	wrongLength: 0x6700,
	channelNotSupported: 0x6881,
	secureMessagingNotSupported: 0x6882,
	chainingNotSupported: 0x6884,
	conditionsNotSatisfied: 0x6985,
	incorrectData: 0x6a80,
	functionNotSupported: 0x6a81,
	fileNotFound: 0x6a82,
	incorrectParameters: 0x6a86,
	referencedDataNotFound: 0x6a88,
	instructionNotSupported: 0x6d00,
	classNotSupported: 0x6e00,
	technicalProblem: 0x6f00,
} as const;

/** Two octets of a status word. */
export function statusOctets(status: number): Uint8Array {
	return Uint8Array.of(status >> 8, status & 0xff);
}

/** An answer before it is cut into GET RESPONSE pieces: its data may be longer than 256 octets. */
export interface Answer {
	readonly data: Uint8Array;
	readonly status: number;
}

const NOTHING = new Uint8Array(0);

/** An answer of a status word alone. */
export function plain(status: number): Answer {
	return { data: NOTHING, status };
}

/** Data with 9000. */
export function answered(data: Uint8Array): Answer {
	return { data, status: Status.ok };
}
