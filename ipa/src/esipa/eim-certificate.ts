import { createPublicKey, X509Certificate } from "node:crypto";
import type { EsipaTarget } from "./http-link.ts";

/**
 * Whether a TLS certificate, whose key its owner has proven to hold, is one of this eIM: what the card's configuration of
 * the eIM lets its server show, the eIM shows as a client as well. Without a TLS key on the card the CA certificates (PEM)
 * of the IPA's own configuration decide, with the eIM's FQDN as the name.
 */
export function isCertificateOf(
	{ eimFqdn, trustedTlsKey }: EsipaTarget,
	certificateDer: Uint8Array,
	{ now, fallbackCa }: { readonly now: number; readonly fallbackCa: readonly string[] },
): boolean {
	try {
		const certificate = new X509Certificate(certificateDer);
		if (trustedTlsKey === undefined) {
			return fallbackCa.some((pem) => isUnder(certificate, new X509Certificate(pem), eimFqdn, now));
		}
		if ("publicKey" in trustedTlsKey) {
			const pinned = createPublicKey({ key: Buffer.from(trustedTlsKey.publicKey), format: "der", type: "spki" });
			return certificate.publicKey.equals(pinned);
		}
		const trusted = new X509Certificate(trustedTlsKey.certificate);
		return certificate.raw.equals(trusted.raw) || isUnder(certificate, trusted, eimFqdn, now);
	} catch {
		// Octets that are no certificate or no key belong to nobody.
		return false;
	}
}

function isUnder(certificate: X509Certificate, ca: X509Certificate, fqdn: string | undefined, now: number): boolean {
	const isInTime = (one: X509Certificate) => Date.parse(one.validFrom) <= now && now <= Date.parse(one.validTo);
	const name = (fqdn ?? "").replace(/:\d+$/, "");
	return (
		ca.ca &&
		certificate.checkIssued(ca) &&
		certificate.verify(ca.publicKey) &&
		certificate.checkHost(name) !== undefined &&
		isInTime(certificate) &&
		isInTime(ca)
	);
}
