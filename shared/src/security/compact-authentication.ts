import { encode } from "../asn1/schema.ts";
import { readTlvs, readWholeTlv, tlvBytes } from "../asn1/tlv-reader.ts";
import { tlv } from "../asn1/tlv-writer.ts";
import { CtxParams1 } from "../messages/sgp22/authenticate-server.ts";
import { AuthenticateServerResponse, type CompactEuiccSigned1 } from "../messages/sgp32/authenticate-server.ts";
import { equalBytes } from "../util/bytes.ts";
import { decodeCompact, faithful, known, memberOf, readFull, signedOne, structureError } from "./compact-octets.ts";
import { euiccSignature1Input } from "./signature-input.ts";

/** What the eIM knows when an AuthenticateServerResponse arrives; absent members must not have been left out. */
export interface AuthenticationKnowledge {
	/** 30, as the SM-DP+ signed it and the eIM relayed it. */
	readonly serverSigned1: Uint8Array;
	/** BF22 of IpaEuiccData or an earlier session; its extCardResource may be old. */
	readonly euiccInfo2?: Uint8Array | undefined;
	/** Certificates of IpaEuiccData, each beginning with 30. */
	readonly euiccCertificate?: Uint8Array | undefined;
	readonly eumCertificate?: Uint8Array | undefined;
	/** The CHOICE (A0...) when the eIM sent it in InitiateAuthenticationOkEsipa. */
	readonly ctxParams1?: Uint8Array | undefined;
}

interface Parts {
	readonly euiccSigned1: Uint8Array;
	readonly euiccSignature1: Uint8Array;
	readonly euiccCertificate: Uint8Array;
	readonly eumCertificate: Uint8Array;
}

const EXT_CARD_RESOURCE = 0x84;

/**
 * BF38 with its ok arm to its compact arm.
 * @returns undefined when the full form has to be sent
 */
export function compactAuthenticateServerResponse(
	full: Uint8Array,
	knowledge: AuthenticationKnowledge,
): Uint8Array | undefined {
	const response = readFull(AuthenticateServerResponse, full);
	if (response === undefined || !("authenticateResponseOk" in response)) return undefined;
	const { euiccSigned1, euiccSignature1, euiccCertificate, eumCertificate } = response.authenticateResponseOk;
	const { euiccInfo2, ctxParams1 } = euiccSigned1.value;
	const { extCardResource } = euiccInfo2;
	const certificates = {
		...(isSame(euiccCertificate, knowledge.euiccCertificate) ? {} : { euiccCertificate }),
		...(isSame(eumCertificate, knowledge.eumCertificate) ? {} : { eumCertificate }),
	};
	const candidates = [
		{ compactEuiccSigned1: { extCardResource } },
		{ compactEuiccSigned1: { extCardResource, ctxParams1 } },
		{ euiccSigned1 },
	].map((signedData) =>
		encode(AuthenticateServerResponse, {
			compactAuthenticateResponseOk: { signedData, euiccSignature1, ...certificates },
		}),
	);
	return faithful(full, candidates, (compact) => fullForm(restore(compact, knowledge)));
}

/**
 * BF38 with its compact arm to the full form that the eUICC has signed.
 * @throws SecurityError SECURITY_COMPACT_STRUCTURE, SECURITY_COMPACT_UNKNOWN, SECURITY_SIGNATURE_INVALID
 */
export function rebuildAuthenticateServerResponse(compact: Uint8Array, knowledge: AuthenticationKnowledge): Uint8Array {
	const parts = restore(compact, knowledge);
	const candidate = { ...parts, signed: euiccSignature1Input(parts.euiccSigned1) };
	return fullForm(signedOne([candidate], parts.euiccSignature1, parts.euiccCertificate, "euiccSignature1"));
}

function restore(compact: Uint8Array, knowledge: AuthenticationKnowledge): Parts {
	const response = decodeCompact(AuthenticateServerResponse, compact);
	if (!("compactAuthenticateResponseOk" in response)) {
		throw structureError("AuthenticateServerResponse", "it has another arm");
	}
	const { signedData, euiccSignature1, euiccCertificate, eumCertificate } = response.compactAuthenticateResponseOk;
	return {
		euiccSigned1:
			"euiccSigned1" in signedData
				? signedData.euiccSigned1.der
				: restoreEuiccSigned1(signedData.compactEuiccSigned1, knowledge),
		euiccSignature1,
		euiccCertificate: euiccCertificate ?? known(knowledge.euiccCertificate, "euiccCertificate"),
		eumCertificate: eumCertificate ?? known(knowledge.eumCertificate, "eumCertificate"),
	};
}

function restoreEuiccSigned1(compact: CompactEuiccSigned1, knowledge: AuthenticationKnowledge): Uint8Array {
	const { serverSigned1 } = knowledge;
	const ctxParams1 = compact.ctxParams1 && encode(CtxParams1, compact.ctxParams1);
	return tlv(
		0x30,
		memberOf(serverSigned1, 0x80, "serverSigned1.transactionId"),
		memberOf(serverSigned1, 0x83, "serverSigned1.serverAddress"),
		memberOf(serverSigned1, 0x84, "serverSigned1.serverChallenge"),
		withExtCardResource(known(knowledge.euiccInfo2, "euiccInfo2"), compact.extCardResource),
		ctxParams1 ?? known(knowledge.ctxParams1, "ctxParams1"),
	);
}

/** EUICCInfo2 as it is now: the memory that is left is the one thing in it that changes from day to day. */
function withExtCardResource(euiccInfo2: Uint8Array, extCardResource: Uint8Array): Uint8Array {
	memberOf(euiccInfo2, EXT_CARD_RESOURCE, "euiccInfo2.extCardResource");
	const whole = readWholeTlv(euiccInfo2);
	const members = readTlvs(euiccInfo2, whole.valueStart, whole.end).map((member) =>
		member.tag === EXT_CARD_RESOURCE ? tlv(EXT_CARD_RESOURCE, extCardResource) : tlvBytes(euiccInfo2, member),
	);
	return tlv(whole.tag, ...members);
}

function fullForm({ euiccSigned1, euiccSignature1, euiccCertificate, eumCertificate }: Parts): Uint8Array {
	return tlv(0xbf38, tlv(0xa0, euiccSigned1, tlv(0x5f37, euiccSignature1), euiccCertificate, eumCertificate));
}

function isSame(one: Uint8Array, other: Uint8Array | undefined): boolean {
	return other !== undefined && equalBytes(one, other);
}
