import { createPublicKey, type KeyObject } from "node:crypto";
import { COORDINATE_LENGTH, type Curve, curveOf, curveOid } from "../crypto/curve.ts";
import { verifyDer } from "../crypto/ecdsa.ts";
import { toHex } from "../util/bytes.ts";
import { EsimError } from "../util/errors.ts";
import { DerError, DerNode, decodeOid, decodeTime, member } from "./der.ts";
import { PkiError } from "./errors.ts";
import { type CertificateExtensions, decodeExtensions } from "./extensions.ts";
import { decodeName, type Name } from "./name.ts";
import { oid } from "./oids.ts";

/** An X.509 version 3 certificate with an EC key, read but not verified. */
export interface Certificate extends CertificateExtensions {
	/** The whole certificate, beginning with 30. */
	readonly der: Uint8Array;
	/** What the issuer signed. */
	readonly tbsDer: Uint8Array;
	/** Dotted; of all algorithms only ecdsa-with-SHA256 can be verified. */
	readonly signatureAlgorithm: string;
	/** DER pair of integers. */
	readonly signature: Uint8Array;
	/** Upper-case hex of the contents octets of the INTEGER. */
	readonly serialNumber: string;
	readonly subject: Name;
	readonly subjectDer: Uint8Array;
	readonly issuer: Name;
	readonly issuerDer: Uint8Array;
	/** Milliseconds since 1970. */
	readonly notBefore: number;
	/** Milliseconds since 1970; the certificate is valid up to and with this moment. */
	readonly notAfter: number;
	readonly publicKey: KeyObject;
	readonly curve: Curve;
	readonly spkiDer: Uint8Array;
}

/**
 * Reads the DER form of one certificate. A certificate that arrives as a component with a textual tag ([5] Certificate)
 * has to be given its 30 back by the caller.
 * @throws PkiError PKI_CERTIFICATE_INVALID
 */
export function parseCertificate(der: Uint8Array): Certificate {
	try {
		return readCertificate(der);
	} catch (error) {
		if (!(error instanceof DerError || error instanceof EsimError)) throw error;
		const { message } = error;
		throw new PkiError("PKI_CERTIFICATE_INVALID", `not a certificate that RSP can use: ${message}`, { cause: error });
	}
}

function readCertificate(der: Uint8Array): Certificate {
	const parts = DerNode.whole(der).expect(0x30, "the certificate").members;
	const tbs = member(parts, 0, 0x30, "the signed part");
	const algorithm = member(parts, 1, 0x30, "the signature algorithm");
	const signature = member(parts, 2, 0x03, "the signature").value;
	if (signature[0] !== 0) throw new DerError("the signature is not whole octets");

	const fields = tbs.members;
	const hasVersion = fields[0]?.tag === 0xa0;
	const at = (index: number) => (hasVersion ? index + 1 : index);
	const serial = member(fields, at(0), 0x02, "the serial number");
	const inner = member(fields, at(1), 0x30, "the inner signature algorithm");
	if (toHex(inner.der) !== toHex(algorithm.der)) throw new DerError("the two signature algorithms differ");
	const issuer = member(fields, at(2), 0x30, "the issuer");
	const validity = member(fields, at(3), 0x30, "the validity").members;
	const subject = member(fields, at(4), 0x30, "the subject");
	const spki = member(fields, at(5), 0x30, "the public key");
	const [notBefore, notAfter] = validity;
	if (notBefore === undefined || notAfter === undefined) throw new DerError("the validity has no two times");
	const spkiDer = spki.der.slice();
	const { publicKey, curve } = readPublicKey(spki, spkiDer);
	return {
		...decodeExtensions(fields.find((field) => field.tag === 0xa3)?.members[0]),
		der,
		tbsDer: tbs.der,
		signatureAlgorithm: decodeOid(member(algorithm.members, 0, 0x06, "the signature algorithm").value),
		signature: signature.subarray(1),
		serialNumber: toHex(serial.value),
		subject: decodeName(subject),
		subjectDer: subject.der,
		issuer: decodeName(issuer),
		issuerDer: issuer.der,
		notBefore: decodeTime(notBefore),
		notAfter: decodeTime(notAfter),
		publicKey,
		curve,
		spkiDer,
	};
}

/** The key of a SubjectPublicKeyInfo. A point on P-256 is handed over as it is, which OpenSSL reads twice as fast. */
function readPublicKey(spki: DerNode, spkiDer: Uint8Array): { publicKey: KeyObject; curve: Curve } {
	const [algorithm, point] = spki.members;
	const parameters = algorithm?.members[1];
	const bits = point?.value;
	const isP256 = parameters?.tag === 0x06 && decodeOid(parameters.value) === curveOid["P-256"];
	if (isP256 && bits?.length === 66 && bits[0] === 0 && bits[1] === UNCOMPRESSED) {
		const coordinate = (start: number) =>
			Buffer.from(bits.subarray(start, start + COORDINATE_LENGTH)).toString("base64url");
		const key = { kty: "EC", crv: "P-256", x: coordinate(2), y: coordinate(2 + COORDINATE_LENGTH) };
		return { publicKey: openSslKey({ key, format: "jwk" }), curve: "P-256" };
	}
	const publicKey = openSslKey({ key: Buffer.from(spkiDer), format: "der", type: "spki" });
	return { publicKey, curve: curveOf(publicKey) };
}

/** A point off the curve, an unknown algorithm ...: OpenSSL tells each version of Node in another way. */
function openSslKey(source: Parameters<typeof createPublicKey>[0]): KeyObject {
	try {
		return createPublicKey(source);
	} catch (cause) {
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new PkiError("PKI_CERTIFICATE_INVALID", `its public key cannot be used: ${reason}`, { cause });
	}
}

/** First octet of a point that gives both coordinates. */
const UNCOMPRESSED = 0x04;

/** True when `issuer`'s key signed `certificate`; says nothing about names, time or what the issuer may do. */
export function isSignedBy(certificate: Certificate, issuer: Pick<Certificate, "publicKey">): boolean {
	if (certificate.signatureAlgorithm !== oid.ecdsaWithSha256) return false;
	return verifyDer(issuer.publicKey, certificate.tbsDer, certificate.signature);
}
