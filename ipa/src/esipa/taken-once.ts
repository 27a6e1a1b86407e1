import { readTlv } from "@iot-esim/shared/asn1/tlv-reader";

/**
 * InitiateAuthentication, GetBoundProfilePackage, AuthenticateClient, CancelSession: the SM-DP+ behind the eIM takes each
 * once in its session, and refuses the session when one comes again. The other functions may be repeated: an open package
 * is given again, a result or notification is recorded once.
 */
const TAKEN_ONCE: readonly number[] = [0xbf39, 0xbf3a, 0xbf3b, 0xbf41];

/** Whether a request of ESipa that may have arrived must not be sent a second time. */
export function isTakenOnce(message: Uint8Array): boolean {
	return TAKEN_ONCE.includes(readTlv(message, 0).tag);
}
