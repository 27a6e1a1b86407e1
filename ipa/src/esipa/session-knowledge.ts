import { decode, encode, type Schema } from "@iot-esim/shared/asn1/schema";
import { CtxParams1 } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { ProfileInstallationResult } from "@iot-esim/shared/messages/sgp22/profile-installation-result";
import { AuthenticateServerResponse } from "@iot-esim/shared/messages/sgp32/authenticate-server";
import type {
	AuthenticateClientOkDPEsipa,
	InitiateAuthenticationOkEsipa,
} from "@iot-esim/shared/messages/sgp32/esipa-download";
import { EUICCInfo2 } from "@iot-esim/shared/messages/sgp32/euicc-info";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import {
	compactAuthenticateServerResponse,
	compactCancelSessionResponse,
	compactPrepareDownloadResponse,
	compactProfileInstallationResult,
} from "@iot-esim/shared/security/compact";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import { digestOf, digestOfEuiccInfo2, type EimKnowledge } from "./eim-knowledge.ts";

/** CancelSessionReason that follows from an error of the eIM (SGP.32 sections 5.14.2 and 5.14.3). */
const PPR_NOT_ALLOWED = { error: 50, reason: 3 } as const;
const METADATA_MISMATCH = { error: 50, reason: 4 } as const;

/**
 * What the eIM knows of the session that runs through it, from what it said itself. Every `compact...` gives the short
 * form of an answer of the card, or undefined when only the full one can be sent.
 */
export class SessionKnowledge {
	readonly #server: InitiateAuthenticationOkEsipa;
	#profile: AuthenticateClientOkDPEsipa | undefined;
	#reason: number | undefined;

	constructor(server: InitiateAuthenticationOkEsipa) {
		this.#server = server;
	}

	/** True for the session that the SM-DP+ gave this identifier. */
	is(transactionId: Uint8Array): boolean {
		return equalBytes(transactionId, this.#transactionId);
	}

	get #transactionId(): Uint8Array {
		return this.#server.serverSigned1.value.transactionId;
	}

	offered(profile: AuthenticateClientOkDPEsipa): void {
		this.#profile = profile;
	}

	refusedAuthentication(error: number): void {
		if (error === PPR_NOT_ALLOWED.error) this.#reason = PPR_NOT_ALLOWED.reason;
	}

	refusedPackage(error: number): void {
		if (error === METADATA_MISMATCH.error) this.#reason = METADATA_MISMATCH.reason;
	}

	/** BF38; of what the eIM had before the session, what it has a digest of may be left out. */
	compactAuthenticateServerResponse(full: Uint8Array, eim: EimKnowledge): Uint8Array | undefined {
		const response = readable(AuthenticateServerResponse, full);
		if (response === undefined || !("authenticateResponseOk" in response)) return undefined;
		const { euiccSigned1, euiccCertificate, eumCertificate } = response.authenticateResponseOk;
		const euiccInfo2 = encode(EUICCInfo2, euiccSigned1.value.euiccInfo2);
		const { ctxParams1 } = this.#server;
		return compactAuthenticateServerResponse(full, {
			serverSigned1: this.#server.serverSigned1.der,
			...(digestOfEuiccInfo2(euiccInfo2) === eim.euiccInfo2 ? { euiccInfo2 } : {}),
			...(digestOf(euiccCertificate) === eim.euiccCertificate ? { euiccCertificate } : {}),
			...(digestOf(eumCertificate) === eim.eumCertificate ? { eumCertificate } : {}),
			...(ctxParams1 === undefined ? {} : { ctxParams1: encode(CtxParams1, ctxParams1) }),
		});
	}

	/** BF21. */
	compactPrepareDownloadResponse(full: Uint8Array): Uint8Array | undefined {
		if (this.#profile === undefined) return undefined;
		return compactPrepareDownloadResponse(full, {
			transactionId: this.#transactionId,
			bppEuiccOtpk: this.#profile.smdpSigned2.value.bppEuiccOtpk,
			hashCc: this.#profile.hashCc,
		});
	}

	/** BF41. */
	compactCancelSessionResponse(full: Uint8Array): Uint8Array | undefined {
		const smdpOid = oidOf(this.#server.serverCertificate);
		if (smdpOid === undefined) return undefined;
		return compactCancelSessionResponse(full, { transactionId: this.#transactionId, smdpOid, reason: this.#reason });
	}

	/** BF37. */
	compactProfileInstallationResult(full: Uint8Array): Uint8Array | undefined {
		const result = readable(ProfileInstallationResult, full);
		const smdpOid = this.#profile && oidOf(this.#profile.smdpCertificate);
		if (result === undefined || smdpOid === undefined) return undefined;
		const { transactionId, notificationMetadata } = result.profileInstallationResultData.value;
		if (!this.is(transactionId)) return undefined;
		return compactProfileInstallationResult(full, {
			notificationAddress: this.#server.serverSigned1.value.serverAddress,
			// An eIM that verifies the metadata itself does not send them on; the SM-DP+ gave them to it all the same.
			iccid: this.#profile?.profileMetaData?.value.iccid ?? notificationMetadata.iccid,
			smdpOid,
		});
	}
}

function oidOf(certificate: Uint8Array): string | undefined {
	try {
		return parseCertificate(certificate).registeredIds[0];
	} catch (error) {
		if (error instanceof EsimError) return undefined;
		throw error;
	}
}

function readable<T>(schema: Schema<T>, octets: Uint8Array): T | undefined {
	try {
		return decode(schema, octets);
	} catch (error) {
		if (error instanceof EsimError) return undefined;
		throw error;
	}
}
