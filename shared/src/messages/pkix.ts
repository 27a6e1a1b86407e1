/** What the modules import from PKIX1Explicit88 and PKIX1Implicit88. Certificates and keys stay whole: signatures run over their bytes. */

import { anyValue, define, type Infer, octetString, opaque } from "../asn1/schema.ts";

/** X.509 certificate (RFC 5280 §4.1), the whole TLV with tag 30. */
export const Certificate = define("Certificate", opaque(0x30));
export type Certificate = Infer<typeof Certificate>;

/** Certificate revocation list (RFC 5280 §5.1), the whole TLV with tag 30. */
export const CertificateList = define("CertificateList", opaque(0x30));
export type CertificateList = Infer<typeof CertificateList>;

/** Public key with its algorithm (RFC 5280 §4.1.2.7), the whole TLV with tag 30. */
export const SubjectPublicKeyInfo = define("SubjectPublicKeyInfo", opaque(0x30));
export type SubjectPublicKeyInfo = Infer<typeof SubjectPublicKeyInfo>;

/** Identifier of a public key (RFC 5280 §4.2.1.2). */
export const SubjectKeyIdentifier = define("SubjectKeyIdentifier", octetString());
export type SubjectKeyIdentifier = Infer<typeof SubjectKeyIdentifier>;

/** UTCTime or GeneralizedTime, the whole TLV with tag 17 or 18. */
export const Time = define("Time", anyValue());
export type Time = Infer<typeof Time>;
