import { createPrivateKey } from "node:crypto";
import { decode, encode, keep } from "@iot-esim/shared/asn1/schema";
import { type Curve, curveOf } from "@iot-esim/shared/crypto/curve";
import { keyPairFrom, verifyRaw } from "@iot-esim/shared/crypto/ecdsa";
import { publicPoint } from "@iot-esim/shared/crypto/key-agreement";
import {
	DownloadErrorCodes,
	EUICCSigned2,
	PrepareDownloadRequest,
	PrepareDownloadResponse,
} from "@iot-esim/shared/messages/sgp22/prepare-download";
import { euiccSignature2Input, smdpSignature2Input } from "@iot-esim/shared/security/signature-input";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import type { Es10Function, Euicc } from "../euicc.ts";
import type { OneTimeKey } from "../state/settings.ts";
import { verifiedCertificate } from "./authenticate-server.ts";
import type { AuthenticatedServer, PreparedDownload } from "./rsp-session.ts";

/** One-time keys that wait for a second try of their download; the oldest goes when another is needed. */
const KEPT_ONE_TIME_KEYS = 4;

/** ES10b.PrepareDownload (BF21, SGP.22 section 5.7.5). */
export const prepareDownload: Es10Function = (requestDer, euicc) => {
	const request = decode(PrepareDownloadRequest, requestDer);
	const { transactionId } = request.smdpSigned2.value;
	const outcome = verifyRequest(request, euicc);
	if (typeof outcome === "number") {
		return encode(PrepareDownloadResponse, {
			downloadResponseError: { transactionId, downloadErrorCode: outcome },
		});
	}
	const { server, download } = outcome;
	euicc.session.download = download;
	const euiccSigned2 = keep(EUICCSigned2, {
		transactionId,
		euiccOtpk: download.oneTimeKey.publicPoint,
		...(request.hashCc === undefined ? {} : { hashCc: request.hashCc }),
	});
	const tbs = euiccSignature2Input(euiccSigned2.der, request.smdpSignature2);
	const euiccSignature2 = euicc.ecasd.sign(tbs, server.credential.ciPkId);
	return encode(PrepareDownloadResponse, { downloadResponseOk: { euiccSigned2, euiccSignature2 } });
};

/** @returns what the session needs from here on, or the code that refuses the request */
function verifyRequest(
	request: PrepareDownloadRequest,
	{ session, ecasd, settings, random }: Euicc,
): { server: AuthenticatedServer; download: PreparedDownload } | number {
	const { server } = session;
	if (server?.role !== "dp-auth") return DownloadErrorCodes.noSessionContext;
	const binding = verifiedCertificate(request.smdpCertificate, ["dp-pb"], ecasd.trust, settings);
	if (binding === "unsupportedCurve") return DownloadErrorCodes.unsupportedCurve;
	if (binding === "invalid") return DownloadErrorCodes.invalidCertificate;
	const { certificate } = binding;
	// CERT.DPpb and CERT.DPauth belong to one SM-DP+ when they name the same OID.
	if (certificate.registeredIds[0] !== server.serverOid) return DownloadErrorCodes.invalidCertificate;
	const signed = smdpSignature2Input(request.smdpSigned2.der, server.euiccSignature1);
	if (!verifyRaw(certificate.publicKey, signed, request.smdpSignature2)) return DownloadErrorCodes.invalidSignature;
	const { transactionId, bppEuiccOtpk } = request.smdpSigned2.value;
	if (!equalBytes(transactionId, server.transactionId)) return DownloadErrorCodes.invalidTransactionId;
	const oneTimeKey = chooseOneTimeKey({ settings, random }, server.serverOid, certificate.curve, bppEuiccOtpk);
	return { server, download: { smdpCertificate: certificate, oneTimeKey } };
}

/**
 * The key pair that an earlier BPP of this SM-DP+ is bound to, when the SM-DP+ names it and the card still has it;
 * otherwise a new one, on the curve of CERT.DPpb.
 */
function chooseOneTimeKey(
	{ settings, random }: Pick<Euicc, "settings" | "random">,
	smdpOid: string,
	curve: Curve,
	wanted: Uint8Array | undefined,
): OneTimeKey {
	const keys = settings.get("oneTimeKeys") ?? [];
	const known =
		wanted && keys.find((key) => key.smdpOid === smdpOid && equalBytes(key.publicPoint, wanted) && isOn(curve, key));
	if (known) return known;
	const { privateKey } = keyPairFrom(curve, random);
	const fresh: OneTimeKey = {
		smdpOid,
		publicPoint: publicPoint(privateKey),
		privateKey: new Uint8Array(privateKey.export({ format: "der", type: "pkcs8" })),
	};
	settings.set("oneTimeKeys", [...keys, fresh].slice(-KEPT_ONE_TIME_KEYS));
	return fresh;
}

function isOn(curve: Curve, { privateKey }: OneTimeKey): boolean {
	return curveOf(createPrivateKey({ key: Buffer.from(privateKey), format: "der", type: "pkcs8" })) === curve;
}
