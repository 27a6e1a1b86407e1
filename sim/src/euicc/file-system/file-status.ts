/** Status words of ETSI TS 102 221 §10.2 and 3GPP TS 31.102 §7.3 that files and applications answer. */
export const FileStatus = {
	ok: 0x9000,
	increaseOverflow: 0x9850,
	macFailure: 0x9862,
	contextNotSupported: 0x9864,
	endReached: 0x6282,
	fileDeactivated: 0x6283,
	moreDataAvailable: 0x62f1,
	moreDataExpected: 0x63f1,
	triesLeft: 0x63c0,
	wrongLength: 0x6700,
	incompatibleFile: 0x6981,
	securityNotSatisfied: 0x6982,
	pinBlocked: 0x6983,
	dataInvalidated: 0x6984,
	conditionsNotSatisfied: 0x6985,
	noFileSelected: 0x6986,
	incorrectData: 0x6a80,
	functionNotSupported: 0x6a81,
	fileNotFound: 0x6a82,
	recordNotFound: 0x6a83,
	notEnoughMemory: 0x6a84,
	incorrectParameters: 0x6a86,
	dataNotFound: 0x6a88,
	wrongOffset: 0x6b00,
	/** Low octet is the length that would be right. */
	exactLength: 0x6c00,
	instructionNotSupported: 0x6d00,
} as const;

/** Data of an answer and its status word. */
export interface FileAnswer {
	readonly data: Uint8Array;
	readonly sw: number;
}

const NOTHING = new Uint8Array(0);

export function status(sw: number): FileAnswer {
	return { data: NOTHING, sw };
}

export function answer(data: Uint8Array): FileAnswer {
	return { data, sw: FileStatus.ok };
}
