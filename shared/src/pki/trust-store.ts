import { createHash } from "node:crypto";
import { equalBytes, toHex } from "../util/bytes.ts";
import { type Certificate, isSignedBy, parseCertificate } from "./certificate.ts";
import { PkiError } from "./errors.ts";
import { type Name, nameText } from "./name.ts";

/** Fewer octets of an identifier say too little to choose a key by. */
const SHORTEST_KEY_IDENTIFIER = 4;

/** How many signatures of CA certificates are remembered as good. */
const REMEMBERED_SIGNATURES = 256;

/** The CI certificates that chains may end in, found by subject key identifier. */
export class TrustStore {
	readonly #anchors: Certificate[] = [];
	readonly #good = new Set<string>();

	/** @throws PkiError as add */
	static of(certificates: Iterable<Uint8Array | Certificate>): TrustStore {
		const store = new TrustStore();
		for (const certificate of certificates) store.add(certificate);
		return store;
	}

	get certificates(): readonly Certificate[] {
		return this.#anchors;
	}

	/**
	 * Trusts a CA certificate; the same one twice counts once.
	 * @throws PkiError PKI_CERTIFICATE_INVALID, PKI_BASIC_CONSTRAINTS when it is no CA, PKI_SIGNATURE when it is
	 * self-issued but not signed by its own key
	 */
	add(certificate: Uint8Array | Certificate): Certificate {
		const anchor = certificate instanceof Uint8Array ? parseCertificate(certificate) : certificate;
		const known = this.#anchors.find((other) => equalBytes(other.der, anchor.der));
		if (known !== undefined) return known;
		if (anchor.basicConstraints?.isCa !== true) {
			throw new PkiError("PKI_BASIC_CONSTRAINTS", `${nameText(anchor.subject)} is no CA and cannot be trusted as one`);
		}
		if (isIssuedBy(anchor, anchor) && !isSignedBy(anchor, anchor)) {
			throw new PkiError(
				"PKI_SIGNATURE",
				`the CI certificate ${nameText(anchor.subject)} is not signed by its own key`,
			);
		}
		this.#anchors.push(anchor);
		return anchor;
	}

	/**
	 * CI certificates with this subject key identifier. Peers also send it with the header `04 14`, or cut short;
	 * a whole match is preferred, a beginning is taken when there is none.
	 */
	find(keyIdentifier: Uint8Array): Certificate[] {
		const wanted = bareKeyIdentifier(keyIdentifier);
		const exact = this.#anchors.filter((anchor) => matches(anchor, wanted));
		if (exact.length > 0 || wanted.length < SHORTEST_KEY_IDENTIFIER) return exact;
		return this.#anchors.filter(
			(anchor) =>
				anchor.subjectKeyIdentifier !== undefined &&
				anchor.subjectKeyIdentifier.length > wanted.length &&
				equalBytes(anchor.subjectKeyIdentifier.subarray(0, wanted.length), wanted),
		);
	}

	/** CI certificates that may have issued `certificate`, by key identifier and name. */
	issuersOf(certificate: Certificate): Certificate[] {
		return this.#anchors.filter((anchor) => isIssuedBy(certificate, anchor));
	}

	/** As isSignedBy, but good signatures of CA certificates are remembered: an EUM stands in thousands of chains. */
	isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
		if (certificate.basicConstraints?.isCa !== true) return isSignedBy(certificate, issuer);
		const pair = createHash("sha256").update(certificate.der).update(issuer.spkiDer).digest("hex");
		if (this.#good.has(pair)) return true;
		if (!isSignedBy(certificate, issuer)) return false;
		if (this.#good.size >= REMEMBERED_SIGNATURES) this.#good.clear();
		this.#good.add(pair);
		return true;
	}
}

/** A key identifier without the OCTET STRING header that some SM-DP+ leave around it. */
export function bareKeyIdentifier(keyIdentifier: Uint8Array): Uint8Array {
	const [tag, length] = keyIdentifier;
	return tag === 0x04 && length === 0x14 && keyIdentifier.length === 22 ? keyIdentifier.subarray(2) : keyIdentifier;
}

/** Upper-case hex of a key identifier, for messages. */
export function keyIdentifierText(keyIdentifier: Uint8Array | undefined): string {
	return keyIdentifier === undefined ? "none" : toHex(keyIdentifier);
}

/** True when names and key identifiers say that `issuer` issued `certificate`; the signature is not looked at. */
export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
	const { authorityKeyIdentifier } = certificate;
	if (authorityKeyIdentifier !== undefined && issuer.subjectKeyIdentifier !== undefined) {
		if (!equalBytes(authorityKeyIdentifier, issuer.subjectKeyIdentifier)) return false;
	}
	return equalBytes(certificate.issuerDer, issuer.subjectDer) || isSameName(certificate.issuer, issuer.subject);
}

/** Two names that differ only in their string types or order are the same. */
function isSameName(a: Name, b: Name): boolean {
	const text = ({ commonName, organization, organizationalUnit, country, serialNumber, others }: Name) =>
		JSON.stringify([
			commonName,
			organization,
			organizationalUnit,
			country,
			serialNumber,
			Object.entries(others ?? {}).sort(),
		]);
	return text(a) === text(b);
}

function matches(anchor: Certificate, keyIdentifier: Uint8Array): boolean {
	return anchor.subjectKeyIdentifier !== undefined && equalBytes(anchor.subjectKeyIdentifier, keyIdentifier);
}
