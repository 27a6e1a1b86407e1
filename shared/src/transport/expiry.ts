import { X509Certificate } from "node:crypto";
import type { ProvenPeer } from "./datagram.ts";

/**
 * Why the certificate of a peer does not hold any more; undefined while it does, and of a peer that has none. A resumed
 * session shows no certificate, so nobody else looks at its dates.
 */
export function expiryOf(peer: ProvenPeer | undefined, now: number): string | undefined {
	if (peer?.certificate === undefined) return undefined;
	const { validTo } = new X509Certificate(peer.certificate);
	return Date.parse(validTo) < now ? `its certificate has expired (${validTo})` : undefined;
}
