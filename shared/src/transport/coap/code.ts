/** Codes as their two parts, "2.04", the way RFC 7252 section 12.1 prints them; on the wire one octet. */

export const METHODS = { GET: 1, POST: 2, PUT: 3, DELETE: 4, FETCH: 5, PATCH: 6, iPATCH: 7 } as const;
export type CoapMethod = keyof typeof METHODS;

export const EMPTY = 0;

/** Of RFC 8323 section 5, between the two ends of a connection. */
export const SIGNAL = { csm: 0xe1, ping: 0xe2, pong: 0xe3, release: 0xe4, abort: 0xe5 } as const;

export const CODE = {
	created: "2.01",
	changed: "2.04",
	content: "2.05",
	continue: "2.31",
	badRequest: "4.00",
	unauthorized: "4.01",
	badOption: "4.02",
	notFound: "4.04",
	methodNotAllowed: "4.05",
	requestEntityIncomplete: "4.08",
	requestEntityTooLarge: "4.13",
	unsupportedContentFormat: "4.15",
	internalServerError: "5.00",
	serviceUnavailable: "5.03",
	proxyingNotSupported: "5.05",
} as const;

export function codeText(code: number): string {
	return `${code >> 5}.${String(code & 0x1f).padStart(2, "0")}`;
}

/** @param text as "4.08" */
export function codeOctet(text: string): number {
	const [major, detail] = text.split(".");
	return (Number(major) << 5) | Number(detail);
}

/** 0 request, 2 success, 4 the client's mistake, 5 the server's, 7 signal. */
export function classOf(code: number): number {
	return code >> 5;
}

export function methodOf(code: number): CoapMethod | undefined {
	return (Object.keys(METHODS) as CoapMethod[]).find((name) => METHODS[name] === code);
}

export function isRequest(code: number): boolean {
	return code !== EMPTY && classOf(code) === 0;
}

export function isResponse(code: number): boolean {
	const major = classOf(code);
	return major === 2 || major === 4 || major === 5;
}
