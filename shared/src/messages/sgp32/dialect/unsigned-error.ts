/** The code that version 1.3 adds to EuiccPackageErrorUnsigned, in a whole EuiccPackageResult. */

import { findTlv, tlvBytes } from "../../../asn1/tlv-reader.ts";
import { tlv } from "../../../asn1/tlv-writer.ts";
import { EuiccPackageUnsignedErrorCode, readLaterFields, withLaterFields } from "./later-fields.ts";
import { contentsOf, partsOf } from "./rewriting.ts";

export { EuiccPackageUnsignedErrorCode };

const UNSIGNED = 0xa2;

/**
 * euiccPackageUnsignedErrorCode of an EuiccPackageResult (BF51, whole); undefined where there is none.
 * @throws Asn1Error
 */
export function unsignedErrorCode(euiccPackageResult: Uint8Array): number | undefined {
	const error = findTlv(partsOf(euiccPackageResult).children, UNSIGNED);
	if (error === undefined) return undefined;
	const fields = readLaterFields("EuiccPackageErrorUnsigned", tlvBytes(euiccPackageResult, error));
	return fields.euiccPackageUnsignedErrorCode;
}

/** The same unsigned error with its code, as a card of version 1.3 says it. */
export function withUnsignedErrorCode(euiccPackageResult: Uint8Array, code: number): Uint8Array {
	const parts = partsOf(euiccPackageResult);
	const error = withLaterFields("EuiccPackageErrorUnsigned", contentsOf(parts), {
		euiccPackageUnsignedErrorCode: code,
	});
	return tlv(parts.whole.tag, error);
}
