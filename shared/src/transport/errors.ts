import { defineErrors, EsimError } from "../util/errors.ts";

export const transportErrors = defineErrors({
	TRANSPORT_CONNECT_REFUSED: {
		meaning: "Nothing listens at the address; for a device behind its modem's proxy: it is not attached.",
		action: "Check address and port, and that the peer runs; a device tries again when it is attached.",
		httpStatus: 502,
		retryable: true,
	},
	TRANSPORT_UNREACHABLE: {
		meaning: "There is no route to the address.",
		action: "Check the network between the two hosts.",
		httpStatus: 502,
		retryable: true,
	},
	TRANSPORT_NAME_UNKNOWN: {
		meaning: "The host name has no address.",
		action: "Correct the name, add it to the DNS, or map it with the `hosts` setting.",
		httpStatus: 502,
		retryable: true,
	},
	TRANSPORT_TLS_UNTRUSTED: {
		meaning: "The peer's certificate or key is not the one trusted here: other pin, other issuer, other name, expired.",
		action:
			"Compare the peer's certificate with the pin, CI or CA named in the message or its setting. No message was exchanged.",
		httpStatus: 502,
	},
	TRANSPORT_TLS_FAILED: {
		meaning: "The TLS handshake failed before any certificate could be judged.",
		action: "Check that the peer speaks TLS 1.2 or newer with ECDHE, and on the expected port.",
		httpStatus: 502,
		retryable: true,
	},
	TRANSPORT_TIMEOUT: {
		meaning: "The peer did not answer within the time allowed.",
		action: "Try again later; raise the timeout where the peer is known to be slow.",
		httpStatus: 504,
		retryable: true,
	},
	TRANSPORT_RESET: {
		meaning: "The connection broke before the whole answer had arrived.",
		action: "Try again; the peer may or may not have acted on the request.",
		httpStatus: 502,
		retryable: true,
	},
	TRANSPORT_PROXY_REFUSED: {
		meaning: "The HTTP proxy did not open a tunnel to the server.",
		action: "See the proxy's status in the message: destination not allowed, or not reachable from there.",
		httpStatus: 502,
		retryable: true,
	},
	TRANSPORT_BROKER_REFUSED: {
		meaning: "The MQTT broker says no: to the user name, password or certificate, or to a subscription or a message.",
		action: "Compare the broker's log with the reason in the message; check the user's rights in its access list.",
		httpStatus: 502,
		retryable: true,
	},
	TRANSPORT_RESPONSE_TOO_LARGE: {
		meaning: "The peer's answer is larger than the limit set here; it was not read to its end.",
		action: "Raise the limit where such answers are expected.",
		httpStatus: 502,
	},
	TRANSPORT_PROTOCOL: {
		meaning: "The peer does not speak the protocol expected on this connection.",
		action: "Check address and port; the message says what was received.",
		httpStatus: 502,
	},
	TRANSPORT_ABORTED: {
		meaning: "The caller gave the request up.",
		action: "Nothing to do; try again when it is wanted again.",
		httpStatus: 503,
		retryable: true,
	},
	TRANSPORT_CLOSED: {
		meaning: "The connection or client was closed on this side before or during the call.",
		action: "Open a new one.",
		httpStatus: 503,
		retryable: true,
	},
	TRANSPORT_CARD_GONE: {
		meaning: "The card end of a vpcd connection closed it: the card was taken out or its process ended.",
		action: "Wait for the card to connect again, then power it on.",
		httpStatus: 503,
		retryable: true,
	},
	TRANSPORT_FRAME_INVALID: {
		meaning: "A vpcd frame is empty, longer than allowed, or not expected at this moment.",
		action: "Check that both ends speak the vpcd framing and that the roles (reader, card) are not swapped.",
		httpStatus: 502,
	},
	TRANSPORT_LISTEN_FAILED: {
		meaning: "The program cannot listen at the configured address.",
		action: "Choose a free port (0 takes any) and an address of this machine.",
	},
	TRANSPORT_OPTIONS_INVALID: {
		meaning:
			"A connection was configured in a way that cannot work, as HTTPS without trust or a malformed proxy address.",
		action: "Correct the setting that the message names.",
		httpStatus: 400,
	},
});

export type TransportErrorCode = keyof typeof transportErrors;

export class TransportError extends EsimError {
	declare readonly code: TransportErrorCode;

	constructor(
		code: TransportErrorCode,
		message: string,
		options: { cause?: unknown; context?: Readonly<Record<string, string | number | boolean | undefined>> } = {},
	) {
		super(code, message, options);
	}
}

const CODES: Readonly<Record<string, TransportErrorCode>> = {
	ECONNREFUSED: "TRANSPORT_CONNECT_REFUSED",
	ENOTFOUND: "TRANSPORT_NAME_UNKNOWN",
	EAI_AGAIN: "TRANSPORT_NAME_UNKNOWN",
	EAI_NODATA: "TRANSPORT_NAME_UNKNOWN",
	EHOSTUNREACH: "TRANSPORT_UNREACHABLE",
	ENETUNREACH: "TRANSPORT_UNREACHABLE",
	ENETDOWN: "TRANSPORT_UNREACHABLE",
	EADDRNOTAVAIL: "TRANSPORT_UNREACHABLE",
	ETIMEDOUT: "TRANSPORT_TIMEOUT",
	ECONNRESET: "TRANSPORT_RESET",
	ECONNABORTED: "TRANSPORT_RESET",
	EPIPE: "TRANSPORT_RESET",
	ERR_STREAM_PREMATURE_CLOSE: "TRANSPORT_RESET",
	ERR_STREAM_WRITE_AFTER_END: "TRANSPORT_RESET",
	EPROTO: "TRANSPORT_TLS_FAILED",
};

/** Codes that Node gives when a chain or a name does not verify. */
const UNTRUSTED =
	/^(CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|ERR_TLS_CERT_|ERROR_IN_CERT_|ERROR_IN_CRL)/;

/** The typed error for what Node's sockets, TLS and HTTP throw; one that is already typed stays as it is. */
export function toTransportError(error: unknown, where: string): TransportError {
	if (error instanceof TransportError) return error;
	const code = systemCode(error);
	const reason = error instanceof Error ? error.message : String(error);
	return new TransportError(transportCode(code), `${where}: ${reason}`, {
		cause: error,
		context: { systemCode: code },
	});
}

function transportCode(code: string): TransportErrorCode {
	const known = CODES[code];
	if (known !== undefined) return known;
	if (UNTRUSTED.test(code)) return "TRANSPORT_TLS_UNTRUSTED";
	if (code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_") || code.startsWith("ERR_OSSL_"))
		return "TRANSPORT_TLS_FAILED";
	if (code.startsWith("HPE_")) return "TRANSPORT_PROTOCOL";
	return "TRANSPORT_RESET";
}

function systemCode(error: unknown): string {
	if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
	if (error instanceof AggregateError && error.errors[0] !== undefined) return systemCode(error.errors[0]);
	return "";
}
