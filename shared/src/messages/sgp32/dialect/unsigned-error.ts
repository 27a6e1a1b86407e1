/** What version 1.3 adds to EuiccPackageErrorUnsigned: a code, whose tag earlier versions do not have. */

import { findTlv } from "../../../asn1/tlv-reader.ts";
import { tlv } from "../../../asn1/tlv-writer.ts";
import { childrenOf, contentsOf, partsOf, smallNumber } from "./rewriting.ts";

const UNSIGNED = 0xa2;
const CODE = 0x8f;

export const EuiccPackageUnsignedErrorCode = { sizeOverflow: 15, undefinedError: 127 } as const;

/**
 * euiccPackageUnsignedErrorCode of an EuiccPackageResult (BF51, whole); undefined where there is none.
 * @throws Asn1Error
 */
export function unsignedErrorCode(euiccPackageResult: Uint8Array): number | undefined {
	const { children } = partsOf(euiccPackageResult);
	const error = findTlv(children, UNSIGNED);
	const code = error && findTlv(childrenOf(euiccPackageResult, error), CODE);
	return code && smallNumber(euiccPackageResult, code);
}

/** The same unsigned error with its code, as a card of version 1.3 says it. */
export function withUnsignedErrorCode(euiccPackageResult: Uint8Array, code: number): Uint8Array {
	const parts = partsOf(euiccPackageResult);
	const arm = partsOf(contentsOf(parts));
	return tlv(parts.whole.tag, tlv(arm.whole.tag, contentsOf(arm), tlv(CODE, Uint8Array.of(code))));
}
