import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { type CertificateList, issueCrl, parseCrl } from "@iot-esim/shared/pki/crl";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { makeTestPki, type TestPki } from "@iot-esim/sim/pki/test-pki";
import type { Curve } from "../conformance/claim.ts";

const START = Date.UTC(2026, 0, 1);
const outside: Partial<Record<Curve, TestPki>> = {};

/** A card whose EUM may not issue its EID; one PKI per curve and file. */
export function outsideItsRange(curve: Curve): TestPki {
	outside[curve] ??= makeTestPki({ curve, random: systemRandom, now: START, eins: ["89049099"] });
	return outside[curve];
}

/** The list of an EUM that revokes its card. */
export function revocationOf({ eum, euicc }: TestPki): CertificateList {
	return parseCrl(
		issueCrl({
			issuer: parseCertificate(eum.certificate),
			privateKey: eum.privateKey,
			thisUpdate: 0,
			nextUpdate: Date.UTC(2100, 0, 1),
			crlNumber: 1,
			revoked: [{ serialNumber: parseCertificate(euicc.certificate).serialNumber, at: 0 }],
		}),
	);
}
