import { encode, keep } from "../asn1/schema.ts";
import { EuiccCancelSessionSigned } from "../messages/sgp22/cancel-session.ts";
import { CancelSessionResponse } from "../messages/sgp32/cancel-session.ts";
import { decodeCompact, faithful, known, readFull, signedOne, structureError } from "./compact-octets.ts";
import { euiccCancelSessionSignatureInput } from "./signature-input.ts";

/** What the eIM knows of a session when a CancelSessionResponse arrives. */
export interface CancellationKnowledge {
	/** The one of the session, given by the SM-DP+. */
	readonly transactionId: Uint8Array;
	/** Dotted, of the server certificate of InitiateAuthentication (CERT.DPauth). */
	readonly smdpOid: string;
	/**
	 * The reason that follows from the eIM's own answer: pprNotAllowed(3) after the error pprNotAllowed(50) of
	 * AuthenticateClient, metadataMismatch(4) after metadataMismatch(50) of GetBoundProfilePackage.
	 */
	readonly reason?: number | undefined;
	/** The eUICC's certificate of this session, beginning with 30. */
	readonly euiccCertificate: Uint8Array;
}

type Known = Omit<CancellationKnowledge, "euiccCertificate">;

/**
 * BF41 with its ok arm to its compact arm.
 * @returns undefined when the full form has to be sent
 */
export function compactCancelSessionResponse(full: Uint8Array, knowledge: Known): Uint8Array | undefined {
	const response = readFull(CancelSessionResponse, full);
	if (response === undefined || !("cancelSessionResponseOk" in response)) return undefined;
	const { euiccCancelSessionSigned, euiccCancelSessionSignature } = response.cancelSessionResponseOk;
	const { reason } = euiccCancelSessionSigned.value;
	const candidates = [{}, { reason }].map((compactEuiccCancelSessionSigned) =>
		encode(CancelSessionResponse, {
			compactCancelSessionResponseOk: { compactEuiccCancelSessionSigned, euiccCancelSessionSignature },
		}),
	);
	return faithful(full, candidates, (compact) => encode(CancelSessionResponse, restore(compact, knowledge)));
}

/**
 * BF41 with its compact arm to the full form that the eUICC has signed.
 * @throws SecurityError SECURITY_COMPACT_STRUCTURE, SECURITY_COMPACT_UNKNOWN, SECURITY_SIGNATURE_INVALID
 */
export function rebuildCancelSessionResponse(compact: Uint8Array, knowledge: CancellationKnowledge): Uint8Array {
	const response = restore(compact, knowledge);
	const { euiccCancelSessionSigned, euiccCancelSessionSignature } = response.cancelSessionResponseOk;
	const candidate = { signed: euiccCancelSessionSignatureInput(euiccCancelSessionSigned.der) };
	signedOne([candidate], euiccCancelSessionSignature, knowledge.euiccCertificate, "euiccCancelSessionSignature");
	return encode(CancelSessionResponse, response);
}

function restore(compact: Uint8Array, knowledge: Known) {
	const response = decodeCompact(CancelSessionResponse, compact);
	if (!("compactCancelSessionResponseOk" in response)) {
		throw structureError("CancelSessionResponse", "it has another arm");
	}
	const { compactEuiccCancelSessionSigned, euiccCancelSessionSignature } = response.compactCancelSessionResponseOk;
	const { transactionId, smdpOid } = knowledge;
	const reason = compactEuiccCancelSessionSigned.reason ?? known(knowledge.reason, "reason");
	const euiccCancelSessionSigned = keep(EuiccCancelSessionSigned, { transactionId, smdpOid, reason });
	return { cancelSessionResponseOk: { euiccCancelSessionSigned, euiccCancelSessionSignature } };
}
