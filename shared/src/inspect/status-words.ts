/** What a card says behind its data (ISO/IEC 7816-4, ETSI TS 102 221 section 10.2), in words. */

const EXACT: Readonly<Record<number, string>> = {
	36864: "done",
	37632: "SIM application toolkit busy",
	25088: "warning, nothing changed",
	25217: "part of the data may be corrupted",
	25218: "end of file reached before Le octets",
	25219: "selected file invalidated",
	25221: "selected file in termination state",
	25344: "warning, something changed",
	25585: "more data expected",
	25586: "more data expected, proactive command pending",
	25600: "execution error, nothing changed",
	25856: "execution error, something changed",
	25985: "memory problem",
	26368: "wrong length",
	26624: "function of the class not supported",
	26753: "logical channel not supported",
	26754: "secure messaging not supported",
	26880: "command not allowed",
	27009: "command incompatible with the file structure",
	27010: "security status not satisfied",
	27011: "PIN blocked",
	27012: "referenced data invalidated",
	27013: "conditions of use not satisfied",
	27014: "no EF selected",
	27017: "secure channel: security not satisfied",
	27264: "incorrect data",
	27265: "function not supported",
	27266: "file or application not found",
	27267: "record not found",
	27268: "not enough memory",
	27270: "incorrect P1 or P2",
	27271: "Lc inconsistent with P1 and P2",
	27272: "referenced data not found",
	27392: "wrong P1 or P2",
	27904: "instruction not supported",
	28160: "class not supported",
	28416: "technical problem",
	39010: "authentication error, MAC wrong",
	39012: "authentication error, security context not supported",
	39013: "key freshness failure",
};

/** Meaning of a status; undefined when these two octets are none. */
export function statusWords(first: number, second: number): string | undefined {
	const exact = EXACT[first * 256 + second];
	if (exact !== undefined) return exact;
	switch (first) {
		case 0x61:
			return `done, ${second === 0 ? 256 : second} octets to be fetched by GET RESPONSE`;
		case 0x6c:
			return `wrong Le, ${second === 0 ? 256 : second} octets are there`;
		case 0x91:
			return `done, proactive command of ${second} octets pending`;
		case 0x92:
			return `done, internal retries ${second & 0xf}`;
		case 0x63:
			return second >> 4 === 0xc ? `verification failed, ${second & 0xf} tries left` : undefined;
		default:
			return first >= 0x62 && first <= 0x6f ? "error" : undefined;
	}
}
