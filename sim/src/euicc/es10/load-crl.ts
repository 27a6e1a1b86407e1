import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { LoadCRLRequest, LoadCRLResponse, LoadCRLResponseErrorCode } from "@iot-esim/shared/messages/sgp22/crl";
import { type CertificateList, isCrlOf, parseCrl } from "@iot-esim/shared/pki/crl";
import { PkiError } from "@iot-esim/shared/pki/errors";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import type { Es10Function, Euicc } from "../euicc.ts";
import type { RevocationList } from "../state/settings.ts";

/** Revoked serial numbers that a card keeps of one CI. */
const MOST_REVOKED = 2000;

/** ES10b.LoadCRL (BF35, SGP.22 section 5.7.12): whole lists, and lists in parts with their base first. */
export const loadCrl: Es10Function = (request, euicc) => {
	const outcome = load(decode(LoadCRLRequest, request).crl, euicc);
	if (typeof outcome === "number") return encode(LoadCRLResponse, { loadCRLResponseError: outcome });
	return encode(LoadCRLResponse, {
		loadCRLResponseOk: outcome.length === 0 ? {} : { missingParts: [...outcome] },
	});
};

/** @returns the parts that are still missing, or the code that refuses the list */
function load(der: Uint8Array, { ecasd, settings }: Euicc): readonly number[] | number {
	const crl = readable(der);
	if (crl?.authorityKeyIdentifier === undefined) return LoadCRLResponseErrorCode.invalidCRLFormat;
	const ciPkId = crl.authorityKeyIdentifier;
	const ci = ecasd.trust.certificates.find((one) => equalBytes(one.subjectKeyIdentifier ?? new Uint8Array(0), ciPkId));
	if (ci === undefined) return LoadCRLResponseErrorCode.verificationKeyNotFound;
	if (!isCrlOf(crl, ci)) return LoadCRLResponseErrorCode.invalidSignature;
	const lists = settings.get("revocationLists") ?? [];
	const loaded = lists.find((list) => equalBytes(list.ciPkId, ciPkId));
	const next = combined(crl, ciPkId, loaded);
	if (typeof next === "number") return next;
	if (next.revoked.length > MOST_REVOKED) return LoadCRLResponseErrorCode.notEnoughMemorySpace;
	settings.set("revocationLists", [...lists.filter((list) => list !== loaded), next]);
	return next.missingParts;
}

function readable(der: Uint8Array): CertificateList | undefined {
	try {
		return parseCrl(der);
	} catch (error) {
		if (error instanceof PkiError) return undefined;
		throw error;
	}
}

/** What the card knows of the CI after the list; a newer list takes the place of the one before. */
function combined(
	crl: CertificateList,
	ciPkId: Uint8Array,
	loaded: RevocationList | undefined,
): RevocationList | number {
	const crlNumber = crl.crlNumber ?? 0;
	const revoked = [...crl.revoked.keys()];
	const { thisUpdate, partialCrlNumber, totalPartialCrlNumber = 0 } = crl;
	if (partialCrlNumber !== undefined) {
		if (loaded === undefined || loaded.crlNumber < crlNumber) return LoadCRLResponseErrorCode.baseCrlMissing;
		if (loaded.crlNumber > crlNumber) return LoadCRLResponseErrorCode.fresherCrlAlreadyLoaded;
		if (!loaded.missingParts.includes(partialCrlNumber)) return loaded;
		const missingParts = loaded.missingParts.filter((number) => number !== partialCrlNumber);
		return { ...loaded, missingParts, revoked: [...new Set([...loaded.revoked, ...revoked])] };
	}
	if (loaded !== undefined && isFresher(loaded, crlNumber, thisUpdate)) {
		return LoadCRLResponseErrorCode.fresherCrlAlreadyLoaded;
	}
	// The same base again: what its parts have brought stays.
	if (loaded?.crlNumber === crlNumber && loaded.thisUpdate === thisUpdate) return loaded;
	if (totalPartialCrlNumber > MOST_REVOKED) return LoadCRLResponseErrorCode.notEnoughMemorySpace;
	const missingParts = Array.from({ length: totalPartialCrlNumber }, (_, index) => index + 1);
	return { ciPkId, crlNumber, thisUpdate, missingParts, revoked };
}

function isFresher(loaded: RevocationList, crlNumber: number, thisUpdate: number): boolean {
	return loaded.crlNumber > crlNumber || (loaded.crlNumber === crlNumber && loaded.thisUpdate > thisUpdate);
}
