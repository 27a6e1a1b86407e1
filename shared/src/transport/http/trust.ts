import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import net from "node:net";
import { createSecureContext, type SecureContextOptions, type SecureVersion, type TLSSocket } from "node:tls";
import { equalBytes } from "../../util/bytes.ts";
import { TransportError } from "../errors.ts";

/** Whom a client trusts. */
export type TlsTrust =
	/** Chain up to one of these (PEM), valid now, issued for the host name of the URL (not for the mapped one). */
	| { readonly kind: "ca"; readonly certificates: readonly string[] }
	/** Exactly this public key (SubjectPublicKeyInfo, DER); name, dates and issuer are not looked at. */
	| { readonly kind: "pinned"; readonly spki: Uint8Array }
	/** Exactly this certificate (DER), or a valid chain for the host name up to it. */
	| { readonly kind: "pinned-certificate"; readonly der: Uint8Array }
	/** Plain http only: an https URL is refused. */
	| { readonly kind: "none" };

/** Groups of ECDHE, fastest first; a brainpool certificate is only accepted by TLS where its curve is in the list. */
export const ECDH_CURVES = "prime256v1:X25519:brainpoolP256r1";

/** What a trust becomes for `tls.connect`, and the check to make before the first octet of a request. */
export interface PreparedTrust {
	readonly options: SecureContextOptions & { readonly rejectUnauthorized: boolean };
	/**
	 * `name` is the host of the URL.
	 * @throws TransportError TRANSPORT_TLS_UNTRUSTED
	 */
	check(socket: TLSSocket, name: string): void;
}

/** Certificate chain (own certificate first) and private key of a client, PEM. */
export interface ClientIdentity {
	readonly certificate: string;
	readonly key: string;
}

/** @throws TransportError TRANSPORT_OPTIONS_INVALID when a pin, certificate or key cannot be read */
export function prepareTrust(trust: TlsTrust, identity?: ClientIdentity): PreparedTrust | undefined {
	const prepared = trustOf(trust);
	if (prepared === undefined || identity === undefined) return prepared;
	return { ...prepared, options: { ...prepared.options, ...identityOptions(identity) } };
}

function identityOptions({ certificate, key }: ClientIdentity): SecureContextOptions {
	try {
		createSecureContext({ cert: certificate, key });
		const isBrainpool = isBrainpoolKey(createPrivateKey(key));
		return { cert: certificate, key, ...(isBrainpool ? { maxVersion: "TLSv1.2" } : {}) };
	} catch (cause) {
		throw optionsError(
			"the client's certificate and private key cannot be read as PEM, or do not belong together",
			cause,
		);
	}
}

function trustOf(trust: TlsTrust): PreparedTrust | undefined {
	switch (trust.kind) {
		case "none":
			return undefined;
		case "ca":
			return prepareCa(trust.certificates);
		case "pinned":
			return preparePin(trust.spki);
		case "pinned-certificate":
			return prepareCertificatePin(trust.der);
	}
}

function prepareCa(certificates: readonly string[]): PreparedTrust {
	if (certificates.length === 0) throw optionsError("trust of kind ca names no certificate, so it trusts nobody");
	const keys = certificates.map((pem) => readCertificate(pem).publicKey);
	return {
		options: { ...versions(keys), ca: [...certificates], rejectUnauthorized: true },
		check: (socket, name) => {
			const received = socket.getPeerX509Certificate();
			if (socket.authorized && received && isIssuedFor(received, name)) return;
			throw untrusted(
				name,
				`its certificate was issued for ${received?.subjectAltName ?? received?.subject ?? "nobody"}`,
			);
		},
	};
}

/** Node's own check of names cannot be used: it crashes Node 24 on brainpool certificates (see `connect.ts`). */
function isIssuedFor(certificate: X509Certificate, name: string): boolean {
	if (net.isIP(name) !== 0) return certificate.checkIP(name) !== undefined;
	return certificate.checkHost(name) !== undefined;
}

function preparePin(spki: Uint8Array): PreparedTrust {
	let pinned: KeyObject;
	try {
		pinned = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
	} catch (cause) {
		throw optionsError("the pinned key is not a SubjectPublicKeyInfo in DER", cause);
	}
	return {
		options: { ...versions([pinned]), rejectUnauthorized: false },
		check: (socket, name) => {
			if (socket.getPeerX509Certificate()?.publicKey.equals(pinned)) return;
			throw untrusted(name, "its key is not the pinned one");
		},
	};
}

function prepareCertificatePin(der: Uint8Array): PreparedTrust {
	const pinned = readCertificate(der);
	return {
		options: { ...versions([pinned.publicKey]), ca: [pinned.toString()], rejectUnauthorized: false },
		check: (socket, name) => {
			const received = socket.getPeerX509Certificate();
			if (received && equalBytes(received.raw, pinned.raw)) return;
			if (received && socket.authorized && isIssuedFor(received, name)) return;
			const reason = socket.authorizationError ? ` (${socket.authorizationError})` : "";
			throw untrusted(
				name,
				`its certificate is neither the pinned one nor issued for it under the pinned one${reason}`,
			);
		},
	};
}

/** TLS 1.3 of OpenSSL before 3.2 cannot sign with brainpool keys: where all trusted keys are such, offer 1.2 only. */
function versions(keys: readonly KeyObject[]): {
	minVersion: SecureVersion;
	maxVersion: SecureVersion;
	ecdhCurve: string;
} {
	const isBrainpool = keys.every((key) => isBrainpoolKey(key));
	return { minVersion: "TLSv1.2", maxVersion: isBrainpool ? "TLSv1.2" : "TLSv1.3", ecdhCurve: ECDH_CURVES };
}

export function isBrainpoolKey(key: KeyObject): boolean {
	return key.asymmetricKeyDetails?.namedCurve?.startsWith("brainpool") ?? false;
}

function readCertificate(pemOrDer: string | Uint8Array): X509Certificate {
	try {
		return new X509Certificate(pemOrDer);
	} catch (cause) {
		throw optionsError("a trusted certificate cannot be read", cause);
	}
}

function optionsError(message: string, cause?: unknown): TransportError {
	return new TransportError("TRANSPORT_OPTIONS_INVALID", message, { cause });
}

function untrusted(name: string, why: string): TransportError {
	return new TransportError("TRANSPORT_TLS_UNTRUSTED", `the server ${name} is not trusted: ${why}`);
}
