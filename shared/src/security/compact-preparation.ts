import { encode } from "../asn1/schema.ts";
import { tlv } from "../asn1/tlv-writer.ts";
import { PrepareDownloadResponse } from "../messages/sgp32/prepare-download.ts";
import { decodeCompact, faithful, known, readFull, signedOne, structureError } from "./compact-octets.ts";
import { euiccSignature2Input } from "./signature-input.ts";

/** What the eIM knows of a session when a PrepareDownloadResponse arrives. */
export interface PreparationKnowledge {
	/** The one of the session, given by the SM-DP+. */
	readonly transactionId: Uint8Array;
	/** As the SM-DP+ sent it with smdpSigned2; the eUICC's signature covers it. */
	readonly smdpSignature2: Uint8Array;
	/** bppEuiccOtpk of smdpSigned2, when it was there. */
	readonly bppEuiccOtpk?: Uint8Array | undefined;
	/** As the eIM sent it in AuthenticateClientOkDPEsipa. */
	readonly hashCc?: Uint8Array | undefined;
	/** The eUICC's certificate of this session, beginning with 30. */
	readonly euiccCertificate: Uint8Array;
}

interface Parts {
	readonly euiccSigned2: Uint8Array;
	readonly euiccSignature2: Uint8Array;
}

/**
 * BF21 with its ok arm to its compact arm. Needs neither certificate nor smdpSignature2, which are only for the check
 * of the signature.
 * @returns undefined when the full form has to be sent
 */
export function compactPrepareDownloadResponse(
	full: Uint8Array,
	knowledge: Omit<PreparationKnowledge, "smdpSignature2" | "euiccCertificate">,
): Uint8Array | undefined {
	const response = readFull(PrepareDownloadResponse, full);
	if (response === undefined || !("downloadResponseOk" in response)) return undefined;
	const { euiccSigned2, euiccSignature2 } = response.downloadResponseOk;
	const { euiccOtpk, hashCc } = euiccSigned2.value;
	const ownHash = hashCc === undefined ? {} : { hashCc };
	const candidates = [{}, { euiccOtpk }, ownHash, { euiccOtpk, ...ownHash }].map((compactEuiccSigned2) =>
		encode(PrepareDownloadResponse, { compactDownloadResponseOk: { compactEuiccSigned2, euiccSignature2 } }),
	);
	return faithful(full, candidates, (compact) => fullForm(restore(compact, knowledge)));
}

/**
 * BF21 with its compact arm to the full form that the eUICC has signed.
 * @throws SecurityError SECURITY_COMPACT_STRUCTURE, SECURITY_COMPACT_UNKNOWN, SECURITY_SIGNATURE_INVALID
 */
export function rebuildPrepareDownloadResponse(compact: Uint8Array, knowledge: PreparationKnowledge): Uint8Array {
	const parts = restore(compact, knowledge);
	const candidate = { ...parts, signed: euiccSignature2Input(parts.euiccSigned2, knowledge.smdpSignature2) };
	return fullForm(signedOne([candidate], parts.euiccSignature2, knowledge.euiccCertificate, "euiccSignature2"));
}

function restore(
	compact: Uint8Array,
	knowledge: Omit<PreparationKnowledge, "smdpSignature2" | "euiccCertificate">,
): Parts {
	const response = decodeCompact(PrepareDownloadResponse, compact);
	if (!("compactDownloadResponseOk" in response)) {
		throw structureError("PrepareDownloadResponse", "it has another arm");
	}
	const { compactEuiccSigned2, euiccSignature2 } = response.compactDownloadResponseOk;
	const euiccOtpk = compactEuiccSigned2.euiccOtpk ?? known(knowledge.bppEuiccOtpk, "euiccOtpk");
	const hashCc = compactEuiccSigned2.hashCc ?? knowledge.hashCc;
	const euiccSigned2 = tlv(
		0x30,
		tlv(0x80, knowledge.transactionId),
		tlv(0x5f49, euiccOtpk),
		...(hashCc === undefined ? [] : [tlv(0x04, hashCc)]),
	);
	return { euiccSigned2, euiccSignature2 };
}

function fullForm({ euiccSigned2, euiccSignature2 }: Parts): Uint8Array {
	return tlv(0xbf21, tlv(0xa0, euiccSigned2, tlv(0x5f37, euiccSignature2)));
}
