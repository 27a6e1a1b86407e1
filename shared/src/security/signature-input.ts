/**
 * What each signature of SGP.22 and SGP.32 is made over. Arguments named `...Der` are whole TLVs exactly as they were
 * received or are going to be sent; signatures are the contents of their 5F37.
 */

import { encode, integer } from "../asn1/schema.ts";
import { findTlv, readTlvs, readWholeTlv, tlvValue } from "../asn1/tlv-reader.ts";
import { tlv } from "../asn1/tlv-writer.ts";
import { concatBytes } from "../util/bytes.ts";
import { SecurityError } from "./errors.ts";

const TAG_SIGNATURE = 0x5f37;
const TAG_ONE_TIME_KEY = 0x5f49;
const TAG_ASSOCIATION_TOKEN = 0x84;
const TOKEN = integer();

/** Token that stands in signatures while none is known (SGP.32 section 2.11.1.1). */
export const NO_ASSOCIATION_TOKEN = 0;

/** eimSignature of an EuiccPackageRequest: 30 euiccPackageSigned ‖ 84 token (SGP.32 section 2.11.1.1). */
export function eimSignatureInput(euiccPackageSignedDer: Uint8Array, associationToken: number): Uint8Array {
	return concatBytes(euiccPackageSignedDer, associationTokenTlv(associationToken));
}

/** euiccSignEPR and euiccSignEPE: 30 of the signed result or error ‖ 84 token (SGP.32 section 2.11.2.1). */
export function euiccPackageResultSignatureInput(dataSignedDer: Uint8Array, associationToken: number): Uint8Array {
	return concatBytes(dataSignedDer, associationTokenTlv(associationToken));
}

/** euiccSignEPR and euiccSignEPE of SGP.32 v1.0: 30 of the signed result or error ‖ 5F37 eimSignature of its package. */
export function euiccPackageResultSignatureInputV10(dataSignedDer: Uint8Array, eimSignature: Uint8Array): Uint8Array {
	return concatBytes(dataSignedDer, tlv(TAG_SIGNATURE, eimSignature));
}

/** serverSignature1: 30 serverSigned1 (SGP.22 section 5.6.1). */
export function serverSignature1Input(serverSigned1Der: Uint8Array): Uint8Array {
	return serverSigned1Der;
}

/** euiccSignature1: 30 euiccSigned1 (SGP.22 section 5.7.13). */
export function euiccSignature1Input(euiccSigned1Der: Uint8Array): Uint8Array {
	return euiccSigned1Der;
}

/** smdpSignature2: 30 smdpSigned2 ‖ 5F37 euiccSignature1 (SGP.22 section 5.6.3). */
export function smdpSignature2Input(smdpSigned2Der: Uint8Array, euiccSignature1: Uint8Array): Uint8Array {
	return concatBytes(smdpSigned2Der, tlv(TAG_SIGNATURE, euiccSignature1));
}

/** euiccSignature2: 30 euiccSigned2 ‖ 5F37 smdpSignature2 (SGP.22 section 5.7.5). */
export function euiccSignature2Input(euiccSigned2Der: Uint8Array, smdpSignature2: Uint8Array): Uint8Array {
	return concatBytes(euiccSigned2Der, tlv(TAG_SIGNATURE, smdpSignature2));
}

/**
 * smdpSign of InitialiseSecureChannel: the fields before it, joined without an outer tag, and the one-time key of the
 * eUICC, which the command itself does not carry (SGP.22 section 5.5.1).
 * @param commandDer BF23, with or without its 5F37
 * @throws SecurityError SECURITY_BPP_STRUCTURE when it is no BF23
 */
export function smdpSignInput(commandDer: Uint8Array, euiccOtpk: Uint8Array): Uint8Array {
	const command = readWholeTlv(commandDer);
	if (command.tag !== 0xbf23) {
		throw new SecurityError("SECURITY_BPP_STRUCTURE", "the command is no InitialiseSecureChannel (BF23)");
	}
	const fields = readTlvs(commandDer, command.valueStart, command.end);
	const signed = findTlv(fields, TAG_SIGNATURE)?.start ?? command.end;
	return concatBytes(commandDer.subarray(command.valueStart, signed), tlv(TAG_ONE_TIME_KEY, euiccOtpk));
}

/** euiccSignPIR: BF27, whole (SGP.22 section 2.5.6). */
export function euiccSignPirInput(profileInstallationResultDataDer: Uint8Array): Uint8Array {
	return profileInstallationResultDataDer;
}

/** euiccNotificationSignature: BF2F, whole (SGP.22 section 5.7.9). */
export function euiccNotificationSignatureInput(tbsOtherNotificationDer: Uint8Array): Uint8Array {
	return tbsOtherNotificationDer;
}

/** euiccCancelSessionSignature: 30 euiccCancelSessionSigned (SGP.22 section 5.7.14). */
export function euiccCancelSessionSignatureInput(euiccCancelSessionSignedDer: Uint8Array): Uint8Array {
	return euiccCancelSessionSignedDer;
}

/** 84 with the INTEGER contents of the token. */
function associationTokenTlv(associationToken: number): Uint8Array {
	const encoded = encode(TOKEN, associationToken);
	return tlv(TAG_ASSOCIATION_TOKEN, tlvValue(encoded, readWholeTlv(encoded)));
}
