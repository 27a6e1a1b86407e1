import { verify, X509Certificate } from "node:crypto";
import { decode, encode, keep } from "@iot-esim/shared/asn1/schema";
import { generateKeyPair, type KeyPair, signRaw } from "@iot-esim/shared/crypto/ecdsa";
import {
	type AuthenticateResponseOk,
	AuthenticateServerRequest,
	AuthenticateServerResponse,
	ServerSigned1,
} from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { GetEuiccChallengeResponse } from "@iot-esim/shared/messages/sgp22/euicc-data";
import { NotificationEvent } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import {
	PrepareDownloadRequest,
	PrepareDownloadResponse,
	SmdpSigned2,
} from "@iot-esim/shared/messages/sgp22/prepare-download";
import { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp32/profile-info";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import {
	type BoundProfilePackageContents,
	buildBoundProfilePackage,
	segmentBoundProfilePackage,
} from "@iot-esim/shared/security/bound-profile-package";
import { concatBytes, fromHex, hex } from "@iot-esim/shared/util/bytes";
import type { Credential, TestPki } from "../../pki/test-pki.ts";
import { iccidOf } from "./card-bench.ts";

export const SMDP_ADDRESS = "smdp.example.com";
const RUNNING_TRANSACTION = { number: 0 };

/** Metadata as most tests need them; every field can be replaced. */
export function metadataFor(iccidDigits: string, changes: Partial<StoreMetadataRequest> = {}): StoreMetadataRequest {
	return {
		iccid: iccidOf(iccidDigits),
		serviceProviderName: "Operator",
		profileName: `Profile ${iccidDigits.slice(-3)}`,
		notificationConfigurationInfo: [
			{
				profileManagementOperation: NotificationEvent.of(
					"notificationInstall",
					"notificationEnable",
					"notificationDisable",
					"notificationDelete",
				),
				notificationAddress: SMDP_ADDRESS,
			},
		],
		...changes,
	};
}

/** What one download may do otherwise than a good SM-DP+ would. */
export interface DownloadOptions {
	readonly profile: Uint8Array;
	readonly metadata: StoreMetadataRequest;
	/** Replaces fields before the package is bound. */
	readonly binding?: Partial<BoundProfilePackageContents>;
	/** Changes the octets of the finished package. */
	readonly tamper?: (bpp: Uint8Array) => Uint8Array;
	/** Cuts the package otherwise than in its standard segments. */
	readonly cut?: (bpp: Uint8Array) => Uint8Array[];
}

/** What a download needs of a card: its ES10 functions, wherever it runs. */
export interface CardLink {
	es10(request: Uint8Array): Promise<{ data: Uint8Array; status: number }>;
}

/** The certificates that an SM-DP+ and the checks of its card need. */
export type PkiOfDownload = Pick<TestPki, "curve" | "ci" | "dpAuth" | "dpPb" | "euicc" | "eid">;

/** An SM-DP+ for tests: no HTTP and no orders, only what it signs and how it binds. */
export class TestSmdp {
	readonly pki: PkiOfDownload;
	readonly transactionId: Uint8Array;
	readonly oneTimeKeyPair: KeyPair;
	readonly dpAuth: Credential;
	readonly dpPb: Credential;

	constructor(pki: PkiOfDownload, credentials: { readonly dpAuth?: Credential; readonly dpPb?: Credential } = {}) {
		this.pki = pki;
		this.dpAuth = credentials.dpAuth ?? pki.dpAuth;
		this.dpPb = credentials.dpPb ?? pki.dpPb;
		this.transactionId = concatBytes(hex`00112233445566778899AABBCCDD`, twoOctets(++RUNNING_TRANSACTION.number));
		this.oneTimeKeyPair = generateKeyPair(pki.curve);
	}

	/** A BF38 for this challenge; `changes` replace fields after signing. */
	authenticateServerRequest(
		euiccChallenge: Uint8Array,
		changes: Partial<AuthenticateServerRequest> = {},
	): AuthenticateServerRequest {
		const serverSigned1 = keep(ServerSigned1, {
			transactionId: this.transactionId,
			euiccChallenge,
			serverAddress: SMDP_ADDRESS,
			serverChallenge: new Uint8Array(16).fill(0x5c),
		});
		return {
			serverSigned1,
			serverSignature1: signRaw(this.dpAuth.privateKey, serverSigned1.der),
			euiccCiPKIdToBeUsed: parseCertificate(this.pki.ci.certificate).subjectKeyIdentifier ?? hex``,
			serverCertificate: this.dpAuth.certificate,
			ctxParams1: {
				ctxParamsForCommonAuthentication: {
					matchingId: "MATCH-1",
					deviceInfo: { tac: hex`35290611`, deviceCapabilities: {} },
				},
			},
			...changes,
		};
	}

	/** Challenge and mutual authentication; the card's answer with its signature checked by OpenSSL. */
	async authenticate(card: CardLink): Promise<AuthenticateResponseOk> {
		const challenge = decode(GetEuiccChallengeResponse, (await card.es10(hex`BF2E00`)).data).euiccChallenge;
		const request = encode(AuthenticateServerRequest, this.authenticateServerRequest(challenge));
		const response = decode(AuthenticateServerResponse, (await card.es10(request)).data);
		if (!("authenticateResponseOk" in response)) throw new Error(`refused: ${JSON.stringify(response)}`);
		const ok = response.authenticateResponseOk;
		if (!isSignedByCard(ok.euiccCertificate, ok.euiccSigned1.der, ok.euiccSignature1)) throw new Error("bad signature");
		return ok;
	}

	/** A BF21 behind `euiccSignature1`. */
	prepareDownloadRequest(
		euiccSignature1: Uint8Array,
		changes: { readonly bppEuiccOtpk?: Uint8Array; readonly transactionId?: Uint8Array } = {},
	): PrepareDownloadRequest {
		const smdpSigned2 = keep(SmdpSigned2, {
			transactionId: this.transactionId,
			ccRequiredFlag: false,
			...changes,
		});
		const signed = concatBytes(smdpSigned2.der, hex`5F3740`, euiccSignature1);
		return {
			smdpSigned2,
			smdpSignature2: signRaw(this.dpPb.privateKey, signed),
			smdpCertificate: this.dpPb.certificate,
		};
	}

	/** PrepareDownload; gives the one-time key of the card. */
	async prepare(card: CardLink, euiccSignature1: Uint8Array, bppEuiccOtpk?: Uint8Array): Promise<Uint8Array> {
		const request = this.prepareDownloadRequest(euiccSignature1, bppEuiccOtpk ? { bppEuiccOtpk } : {});
		const response = decode(PrepareDownloadResponse, (await card.es10(encode(PrepareDownloadRequest, request))).data);
		if (!("downloadResponseOk" in response)) throw new Error(`refused: ${JSON.stringify(response)}`);
		const { euiccSigned2, euiccSignature2 } = response.downloadResponseOk;
		const signed = concatBytes(euiccSigned2.der, hex`5F3740`, request.smdpSignature2);
		if (!isSignedByCard(this.pki.euicc.certificate, signed, euiccSignature2)) throw new Error("bad signature");
		return euiccSigned2.value.euiccOtpk;
	}

	/** The package for this card's one-time key. */
	bind(euiccOtpk: Uint8Array, options: DownloadOptions): Uint8Array {
		const bpp = buildBoundProfilePackage({
			transactionId: this.transactionId,
			privateKey: this.dpPb.privateKey,
			oneTimeKeyPair: this.oneTimeKeyPair,
			euiccOtpk,
			eid: fromHex(this.pki.eid),
			hostId: new TextEncoder().encode("host"),
			storeMetadataDer: encode(StoreMetadataRequest, options.metadata),
			profile: options.profile,
			...options.binding,
		});
		return options.tamper ? options.tamper(bpp) : bpp;
	}

	/** Everything from the challenge to the last segment; gives BF37. */
	async download(card: CardLink, options: DownloadOptions): Promise<Uint8Array> {
		const { euiccSignature1 } = await this.authenticate(card);
		const euiccOtpk = await this.prepare(card, euiccSignature1);
		return this.load(card, this.bind(euiccOtpk, options), options.cut);
	}

	/** Sends the segments up to the first answer that has data. */
	async load(
		card: CardLink,
		bpp: Uint8Array,
		cut: (bpp: Uint8Array) => Uint8Array[] = segmentBoundProfilePackage,
	): Promise<Uint8Array> {
		for (const segment of cut(bpp)) {
			const { data, status } = await card.es10(segment);
			if (status !== 0x9000) throw new Error(`segment refused: ${status.toString(16)}`);
			if (data.length > 0) return data;
		}
		throw new Error("no result after the last segment");
	}
}

/** Verified by OpenSSL with the certificate as node reads it, not by our own code. */
export function isSignedByCard(certificate: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean {
	const key = new X509Certificate(certificate).publicKey;
	return verify("sha256", data, { key, dsaEncoding: "ieee-p1363" }, signature);
}

function twoOctets(value: number): Uint8Array {
	return Uint8Array.of((value >> 8) & 0xff, value & 0xff);
}
