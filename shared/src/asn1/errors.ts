import { defineErrors, EsimError } from "../util/errors.ts";

export const asn1Errors = defineErrors({
	ASN1_TRUNCATED: {
		meaning: "The bytes end before the value they announce.",
		action: "Send the whole message; check for a cut in transport or a wrong length field.",
		httpStatus: 400,
	},
	ASN1_LENGTH_INVALID: {
		meaning: "A length field is indefinite, not minimal, or larger than what is left.",
		action: "Encode with definite, minimal lengths (DER).",
		httpStatus: 400,
	},
	ASN1_TAG_INVALID: {
		meaning: "A tag is not minimal or longer than this codec reads (4 octets).",
		action: "Check that the bytes start at a tag and are BER-TLV.",
		httpStatus: 400,
	},
	ASN1_TAG_UNEXPECTED: {
		meaning: "A value carries another tag than the type allows at this place.",
		action: "Compare the path in the message with the ASN.1 module; the order of fields matters.",
		httpStatus: 400,
	},
	ASN1_FIELD_MISSING: {
		meaning: "A mandatory field is absent.",
		action: "Add the field that the path names.",
		httpStatus: 400,
	},
	ASN1_VALUE_INVALID: {
		meaning: "The contents are not a valid encoding of the type (BOOLEAN, INTEGER, UTF8String, OID ...).",
		action: "Encode the field that the path names in DER.",
		httpStatus: 400,
	},
	ASN1_CONSTRAINT: {
		meaning: "A value lies outside the size or range of its type.",
		action: "Correct the field that the path names; the message gives the bounds.",
		httpStatus: 400,
	},
	ASN1_TRAILING_BYTES: {
		meaning: "Bytes follow after the end of the message.",
		action: "Send exactly one value.",
		httpStatus: 400,
	},
	ASN1_LIMIT: {
		meaning: "The message is larger or nested deeper than the decoder allows.",
		action: "Raise the limit where the message is known to be good, or refuse the peer.",
		httpStatus: 413,
	},
});

/** A value that cannot be decoded or encoded; `path` names the field, as `EuiccPackageRequest.euiccPackageSigned.counterValue`. */
export class Asn1Error extends EsimError {
	readonly reason: string;
	readonly path: string;

	constructor(code: keyof typeof asn1Errors, reason: string, path = "") {
		super(code, path === "" ? reason : `${path}: ${reason}`, { context: { path } });
		this.reason = reason;
		this.path = path;
	}

	/** The same error seen from one level further out. */
	within(outer: string): Asn1Error {
		const path = this.path === "" || this.path.startsWith("[") ? outer + this.path : `${outer}.${this.path}`;
		return new Asn1Error(this.code as keyof typeof asn1Errors, this.reason, path);
	}
}
