import { createPrivateKey, type KeyObject } from "node:crypto";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import { signRaw } from "@iot-esim/shared/crypto/ecdsa";
import { publicPoint } from "@iot-esim/shared/crypto/key-agreement";
import { type Certificate, parseCertificate } from "@iot-esim/shared/pki/certificate";
import { bareKeyIdentifier, TrustStore } from "@iot-esim/shared/pki/trust-store";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import { EuiccError } from "./errors.ts";
import type { CardCredential, Personalisation } from "./personalisation.ts";

/** A credential with its key ready for use. */
export interface Credential extends CardCredential {
	readonly key: KeyObject;
	readonly curve: Curve;
}

/**
 * The eUICC controlling authority security domain: the CI public keys that servers are verified with, and the keys the
 * card signs with, one per CI. Nothing else in the card sees a private key.
 */
export class Ecasd {
	readonly trust: TrustStore;
	readonly credentials: readonly Credential[];

	/** @throws EuiccError EUICC_PERSONALISATION_INVALID when a key is not the one of its certificate */
	constructor(card: Personalisation) {
		this.trust = TrustStore.of(card.ciCertificates.map(timelessCertificate));
		this.credentials = card.credentials.map(openCredential);
	}

	/** Subject key identifiers of all CI that the card verifies. */
	get ciIdsForVerification(): Uint8Array[] {
		return this.trust.certificates.map((ci) => ci.subjectKeyIdentifier ?? new Uint8Array(0));
	}

	/** Subject key identifiers of all CI under which the card signs. */
	get ciIdsForSigning(): Uint8Array[] {
		return this.credentials.map((credential) => credential.ciPkId);
	}

	/** The credential of the card's own choice, where a request names no CI. */
	get defaultCredential(): Credential {
		return this.credentials[0] as Credential;
	}

	/** The credential under a CI; its identifier may be cut short or carry its OCTET STRING header. */
	credentialFor(ciPkId: Uint8Array): Credential | undefined {
		const wanted = bareKeyIdentifier(ciPkId);
		if (wanted.length === 0) return undefined;
		return this.credentials.find(({ ciPkId: own }) => equalBytes(own.subarray(0, wanted.length), wanted));
	}

	/** 64 octets r‖s, under the CI named or the card's own choice. */
	sign(tbs: Uint8Array, ciPkId?: Uint8Array): Uint8Array {
		const credential = (ciPkId && this.credentialFor(ciPkId)) ?? this.defaultCredential;
		return signRaw(credential.key, tbs);
	}
}

/**
 * A certificate that is valid at any time. A card has no clock (SGP.22 section 4.5.2.2): validity periods are for the
 * servers and the device to check.
 */
export function timelessCertificate(der: Uint8Array): Certificate {
	return { ...parseCertificate(der), notBefore: 0, notAfter: Number.MAX_SAFE_INTEGER };
}

function openCredential(credential: CardCredential): Credential {
	const key = createPrivateKey({ key: Buffer.from(credential.privateKey), format: "der", type: "pkcs8" });
	const certificate = parseCertificate(credential.euiccCertificate);
	if (!equalBytes(publicPoint(key), publicPoint(certificate.publicKey))) {
		throw new EuiccError("EUICC_PERSONALISATION_INVALID", "a private key is not the one of its eUICC certificate");
	}
	return { ...credential, key, curve: certificate.curve };
}
