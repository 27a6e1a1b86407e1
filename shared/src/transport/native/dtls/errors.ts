import { defineErrors, EsimError } from "../../../util/errors.ts";

export const dtlsErrors = defineErrors({
	DTLS_ADDON_MISSING: {
		meaning:
			"DTLS is not available here: its native part was neither built nor installed as the package for this machine.",
		action:
			"On Linux with glibc run `npm ci` without --omit=optional, elsewhere `npm run dtls:build` (needs g++ and Node's headers); or use another transport: HTTPS, CoAP over TCP and TLS, MQTT.",
		httpStatus: 501,
	},
	DTLS_FEATURE_MISSING: {
		meaning: "The OpenSSL inside this Node lacks what was asked for; raw public keys need OpenSSL 3.2 (Node 24).",
		action: "Use a certificate or a pre-shared key, or run a newer Node.",
		httpStatus: 501,
	},
	DTLS_OPTIONS_INVALID: {
		meaning: "A DTLS end was configured in a way that cannot work: nothing to prove itself with, nobody to trust.",
		action: "Correct what the message names.",
		httpStatus: 400,
	},
	DTLS_PEER_UNTRUSTED: {
		meaning: "The peer's certificate or key is not the one trusted here: other pin, other issuer, other name, expired.",
		action:
			"Compare the peer's certificate with the pin or CA named in the configuration. Nothing was sent to the peer.",
		httpStatus: 502,
	},
	DTLS_REFUSED: {
		meaning:
			"The peer ended the handshake or session with an alert: it does not trust this side, or has nothing in common.",
		action:
			"Check this side's certificate or pre-shared key and identity, and that both sides share a cipher suite; the alert is in the message.",
		httpStatus: 502,
	},
	DTLS_HANDSHAKE_FAILED: {
		meaning: "The handshake or session failed on this side.",
		action: "See OpenSSL's reason in the message; the peer sent what does not fit the protocol or the credentials.",
		httpStatus: 502,
	},
	DTLS_TIMEOUT: {
		meaning: "The peer did not complete the handshake within the time allowed.",
		action:
			"Check address, port and reach, and that the peer speaks DTLS 1.2; a server whose handshakes are all taken answers nothing either.",
		httpStatus: 504,
		retryable: true,
	},
	DTLS_KEY_MISMATCH: {
		meaning:
			"The handshake came as far as the pre-shared key and no further: most likely the two ends have different keys for the identity in the message. What cannot be decrypted is dropped in silence, so nobody says so.",
		action:
			"Compare the device's `coap.pskKey` with the line of this identity in the eIM's `coap.pskFile`. If they are the same, the end of the handshake was lost every time: see reach and `coap.dtlsRetransmit`.",
		httpStatus: 504,
		retryable: true,
	},
	DTLS_DATAGRAM_TOO_LARGE: {
		meaning: "A message is larger than fits into one datagram of this session.",
		action: "Send at most `maxDatagram` octets; CoAP splits larger ones into blocks.",
	},
	DTLS_SESSION_ENDED: {
		meaning: "The session was ended on this side: idle for too long, replaced by a newer one, or the server stopped.",
		action: "Open a new one; the session may be resumed.",
		httpStatus: 503,
		retryable: true,
	},
});

export type DtlsErrorCode = keyof typeof dtlsErrors;

export class DtlsError extends EsimError {
	declare readonly code: DtlsErrorCode;

	constructor(
		code: DtlsErrorCode,
		message: string,
		options: { cause?: unknown; context?: Readonly<Record<string, string | number | boolean | undefined>> } = {},
	) {
		super(code, message, options);
	}
}

/** Alerts of RFC 5246 7.2 and RFC 4279 that a peer ends a handshake with. */
const ALERTS: Readonly<Record<number, string>> = {
	10: "unexpected_message",
	20: "bad_record_mac",
	40: "handshake_failure",
	42: "bad_certificate",
	43: "unsupported_certificate",
	44: "certificate_revoked",
	45: "certificate_expired",
	46: "certificate_unknown",
	47: "illegal_parameter",
	48: "unknown_ca",
	49: "access_denied",
	50: "decode_error",
	51: "decrypt_error",
	70: "protocol_version",
	71: "insufficient_security",
	80: "internal_error",
	90: "user_canceled",
	115: "unknown_psk_identity",
};

/** What an alert says of this side; where nothing stands here, its name says it. */
const MEANINGS: Readonly<Record<number, string>> = {
	20: "it could not decrypt: another pre-shared key, or octets changed on the way",
	40: "no cipher suite in common, or it wants another proof, as a certificate or a key",
	42: "it does not take the certificate of this side",
	46: "it does not take the certificate of this side",
	48: "it does not know the CA of this side's certificate",
	49: "it does not trust this side",
	51: "it could not verify: another pre-shared key, or a wrong signature",
};

/** "unknown_ca (48): it does not know ...". */
export function alertText(alert: number, pskIdentity: string | undefined): string {
	const name = `${ALERTS[alert] ?? "alert"} (${alert})`;
	const isUnknown = alert === 115 && pskIdentity !== undefined;
	const meaning = isUnknown ? `it has no key for the identity "${pskIdentity}"` : MEANINGS[alert];
	return meaning === undefined ? name : `${name}: ${meaning}`;
}
