/** AUTHENTICATE of a USIM or ISIM (3GPP TS 31.102 §7.1, TS 33.102 §6.3). */

import { verifyAutn } from "@iot-esim/shared/crypto/aka/authentication";
import { profileAlgorithm } from "@iot-esim/shared/crypto/aka/profile-algorithm";
import { concatBytes } from "@iot-esim/shared/util/bytes";
import { answer, type FileAnswer, FileStatus, status } from "../file-system/file-status.ts";
import type { NetworkAuthentication } from "./network-authentication.ts";

/** P2 of AUTHENTICATE. */
export const AuthenticationContext = { gsm: 0x80, umts: 0x81 } as const;

const SUCCESS = 0xdb;
const SYNCHRONISATION_FAILURE = 0xdc;
const CHALLENGE_LENGTH = 16;

export interface AuthenticateRequest {
	readonly context: number;
	/** Length and RAND; in the 3G context then length and AUTN. */
	readonly data: Uint8Array;
	/** True when service 27 is available: Kc goes with the keys of the 3G context. */
	readonly returnsKc: boolean;
	/** True when service 38 is available: the GSM context may be used. */
	readonly allowsGsmContext: boolean;
}

/**
 * Answers a challenge and moves the sequence numbers on.
 * @returns `changed` tells whether `authentication` must be stored before the answer leaves the card
 */
export function authenticate(
	authentication: NetworkAuthentication,
	request: AuthenticateRequest,
): FileAnswer & { readonly changed: boolean } {
	const unchanged = (sw: number) => ({ ...status(sw), changed: false });
	const isGsm = request.context === AuthenticationContext.gsm;
	if (!isGsm && request.context !== AuthenticationContext.umts) return unchanged(FileStatus.incorrectParameters);
	if (isGsm && !request.allowsGsmContext) return unchanged(FileStatus.contextNotSupported);
	const fields = lengthPrefixed(request.data, isGsm ? 1 : 2);
	if (!fields) return unchanged(FileStatus.wrongLength);
	if (authentication.authenticationsLeft === 0) return unchanged(FileStatus.conditionsNotSatisfied);
	const [rand, autn] = fields as [Uint8Array, Uint8Array];
	const isCounted = authentication.authenticationsLeft !== undefined;
	if (authentication.authenticationsLeft !== undefined) authentication.authenticationsLeft -= 1;
	if (isGsm) return { ...gsmAnswer(authentication, rand), changed: isCounted };
	return umtsAnswer(authentication, rand, autn, request.returnsKc, isCounted);
}

function umtsAnswer(
	authentication: NetworkAuthentication,
	rand: Uint8Array,
	autn: Uint8Array,
	returnsKc: boolean,
	isCounted: boolean,
): FileAnswer & { readonly changed: boolean } {
	const { policy, sequenceNumbers } = authentication;
	const algorithm = profileAlgorithm(authentication.algorithm);
	const result = verifyAutn({ algorithm, rand, autn, sequenceNumbers, policy });
	switch (result.outcome) {
		case "mac-failure":
			return { ...status(FileStatus.macFailure), changed: isCounted };
		case "synchronisation-failure":
			return {
				...answer(concatBytes(Uint8Array.of(SYNCHRONISATION_FAILURE), prefixed(result.auts))),
				changed: isCounted,
			};
		case "success": {
			authentication.sequenceNumbers = result.sequenceNumbers;
			const { res, ck, ik } = result;
			const kc = returnsKc ? [prefixed(kcOf(ck, ik))] : [];
			const data = concatBytes(Uint8Array.of(SUCCESS), prefixed(res), prefixed(ck), prefixed(ik), ...kc);
			return { ...answer(data), changed: true };
		}
	}
}

/** SRES and Kc by the conversions c2 and c3 (TS 33.102 §6.8.1.2). */
function gsmAnswer(authentication: NetworkAuthentication, rand: Uint8Array): FileAnswer {
	const { res, ck, ik } = profileAlgorithm(authentication.algorithm).f2345(rand);
	return answer(concatBytes(prefixed(sresOf(res)), prefixed(kcOf(ck, ik))));
}

/** Conversion c2: the four words of RES, padded with zeros to 16 octets, added without carry. */
export function sresOf(res: Uint8Array): Uint8Array {
	const sres = new Uint8Array(4);
	for (const [i, octet] of res.subarray(0, 16).entries()) sres[i % 4] = (sres[i % 4] as number) ^ octet;
	return sres;
}

/** Conversion c3: both halves of CK and IK added without carry. */
export function kcOf(ck: Uint8Array, ik: Uint8Array): Uint8Array {
	const kc = new Uint8Array(8);
	for (const key of [ck, ik]) {
		for (const [i, octet] of key.subarray(0, 16).entries()) kc[i % 8] = (kc[i % 8] as number) ^ octet;
	}
	return kc;
}

function prefixed(value: Uint8Array): Uint8Array {
	return concatBytes(Uint8Array.of(value.length), value);
}

/** Exactly `count` challenge fields of 16 octets, each behind its length. */
function lengthPrefixed(data: Uint8Array, count: number): Uint8Array[] | undefined {
	if (data.length !== count * (CHALLENGE_LENGTH + 1)) return undefined;
	const fields: Uint8Array[] = [];
	for (let at = 0; at < data.length; at += CHALLENGE_LENGTH + 1) {
		if (data[at] !== CHALLENGE_LENGTH) return undefined;
		fields.push(data.subarray(at + 1, at + 1 + CHALLENGE_LENGTH));
	}
	return fields;
}
