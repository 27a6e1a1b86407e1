/** A client for tests: LPA and eUICC in one, which can also sign what a real one never would. */

import { createHash, type KeyObject } from "node:crypto";
import { decode, encode, keep } from "@iot-esim/shared/asn1/schema";
import { generateKeyPair, type KeyPair, signRaw } from "@iot-esim/shared/crypto/ecdsa";
import { publicPoint } from "@iot-esim/shared/crypto/key-agreement";
import { Eid } from "@iot-esim/shared/ids/eid";
import {
	AuthenticateServerResponse,
	EuiccSigned1,
	ServerSigned1,
} from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { CancelSessionResponse, EuiccCancelSessionSigned } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { EUICCInfo1, type EUICCInfo2 } from "@iot-esim/shared/messages/sgp22/euicc-info";
import { NotificationEvent, NotificationMetadata } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import { PendingNotification } from "@iot-esim/shared/messages/sgp22/notifications";
import { EUICCSigned2, PrepareDownloadResponse, SmdpSigned2 } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { ProfileInstallationResultData } from "@iot-esim/shared/messages/sgp22/profile-installation-result";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { openSecureChannel } from "@iot-esim/shared/security/bound-profile-package";
import { BppReceiver } from "@iot-esim/shared/security/bound-profile-package-receiver";
import { euiccSignature2Input } from "@iot-esim/shared/security/signature-input";
import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import { concatBytes, fromBase64, fromHex, toBase64 } from "@iot-esim/shared/util/bytes";
import type { TestPki } from "../../pki/test-pki.ts";

/** The members of all answers; absent ones are empty texts where a test asks for them. */
export interface Answer {
	readonly header: {
		readonly functionExecutionStatus: {
			readonly status: string;
			readonly statusCodeData?: {
				readonly subjectCode: string;
				readonly reasonCode: string;
				readonly message: string;
				readonly subjectIdentifier?: string;
			};
		};
	};
	readonly transactionId?: string;
	readonly serverSigned1?: string;
	readonly serverSignature1?: string;
	readonly euiccCiPKIdToBeUsed?: string;
	readonly serverCertificate?: string;
	readonly profileMetadata?: string;
	readonly smdpSigned2?: string;
	readonly smdpSignature2?: string;
	readonly smdpCertificate?: string;
	readonly boundProfilePackage?: string;
	readonly iccid?: string;
	readonly eid?: string;
	readonly matchingId?: string;
	readonly smdpAddress?: string;
}

/** One POST to a handler, without any network. */
export async function post(
	handler: HttpHandler,
	path: string,
	body: unknown,
	headers: Record<string, string> = { "content-type": "application/json" },
): Promise<{ status: number; text: string; bytes: Uint8Array; headers: Readonly<Record<string, string>> }> {
	const bytes =
		body instanceof Uint8Array
			? body
			: new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
	const { signal } = new AbortController();
	const response = await handler({ method: "POST", path, headers, body: bytes, remoteAddress: "127.0.0.1", signal });
	const sent = response.body ?? "";
	if (typeof sent !== "string" && !(sent instanceof Uint8Array)) throw new Error("a whole body was expected");
	const whole = typeof sent === "string" ? new TextEncoder().encode(sent) : sent;
	return {
		status: response.status,
		text: new TextDecoder().decode(whole),
		bytes: whole,
		headers: response.headers ?? {},
	};
}

export async function get(
	handler: HttpHandler,
	path: string,
): Promise<{ status: number; text: string; bytes: Uint8Array }> {
	const { signal } = new AbortController();
	const request = { method: "GET", path, headers: {}, body: new Uint8Array(0), remoteAddress: "127.0.0.1", signal };
	const { status, body = "" } = await handler(request);
	if (typeof body !== "string" && !(body instanceof Uint8Array)) throw new Error("a whole body was expected");
	const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
	return { status, text: new TextDecoder().decode(bytes), bytes };
}

export interface Card {
	readonly eid: string;
	readonly certificate: Uint8Array;
	readonly privateKey: KeyObject;
}

export interface DownloadOptions {
	readonly card?: Card;
	readonly matchingId?: string;
	readonly smdpAddress?: string;
	readonly info2?: Partial<EUICCInfo2>;
	readonly confirmationCode?: string;
	/** Reused instead of a fresh one-time key. */
	readonly oneTimeKey?: KeyPair;
	/** Applied to what the eUICC signs. */
	readonly tamperSigned1?: (signed: EuiccSigned1) => EuiccSigned1;
	readonly eumCertificate?: Uint8Array;
}

/** An eUICC of a test PKI, speaking ES9+ in JSON to a handler. */
export class DownloadClient {
	readonly #handler: HttpHandler;
	readonly #pki: TestPki;

	constructor(handler: HttpHandler, pki: TestPki) {
		this.#handler = handler;
		this.#pki = pki;
	}

	get card(): Card {
		return { eid: this.#pki.eid, ...this.#pki.euicc };
	}

	async call(name: string, body: unknown): Promise<Answer> {
		const { status, text } = await post(this.#handler, `/gsma/rsp2/es9plus/${name}`, body);
		if (status === 204) return { header: { functionExecutionStatus: { status: "Executed-Success" } } };
		if (status !== 200 && status !== 400) throw new Error(`status ${status}: ${text}`);
		return JSON.parse(text) as Answer;
	}

	info1(): EUICCInfo1 {
		const id = parseCertificate(this.#pki.ci.certificate).subjectKeyIdentifier ?? new Uint8Array(0);
		return {
			svn: Uint8Array.of(2, 5, 0),
			euiccCiPKIdListForVerification: [id],
			euiccCiPKIdListForSigning: [id],
		};
	}

	async initiate(options: DownloadOptions = {}): Promise<Answer> {
		return this.call("initiateAuthentication", {
			euiccChallenge: toBase64(new Uint8Array(16).fill(7)),
			euiccInfo1: toBase64(encode(EUICCInfo1, this.info1())),
			smdpAddress: options.smdpAddress ?? "smdp.example.com",
		});
	}

	/** BF38 in answer to InitiateAuthentication. */
	authenticateServerResponse(initiated: Answer, options: DownloadOptions = {}): Uint8Array {
		const card = options.card ?? this.card;
		const serverSigned1 = decode(ServerSigned1, fromBase64(initiated.serverSigned1 ?? ""));
		const signed: EuiccSigned1 = {
			transactionId: serverSigned1.transactionId,
			serverAddress: serverSigned1.serverAddress,
			serverChallenge: serverSigned1.serverChallenge,
			euiccInfo2: { ...this.info2(), ...options.info2 },
			ctxParams1: {
				ctxParamsForCommonAuthentication: {
					...(options.matchingId === undefined ? {} : { matchingId: options.matchingId }),
					deviceInfo: { tac: fromHex("35290611"), deviceCapabilities: {} },
				},
			},
		};
		const euiccSigned1 = keep(EuiccSigned1, options.tamperSigned1?.(signed) ?? signed);
		return encode(AuthenticateServerResponse, {
			authenticateResponseOk: {
				euiccSigned1,
				euiccSignature1: signRaw(card.privateKey, euiccSigned1.der),
				euiccCertificate: card.certificate,
				eumCertificate: options.eumCertificate ?? this.#pki.eum.certificate,
			},
		});
	}

	info2(): EUICCInfo2 {
		return {
			...this.info1(),
			profileVersion: Uint8Array.of(2, 3, 1),
			euiccFirmwareVer: Uint8Array.of(1, 0, 0),
			extCardResource: fromHex("81010082040010000083022710"),
			uiccCapability: "0",
			rspCapability: "0",
			ppVersion: Uint8Array.of(0, 0, 1),
			sasAcreditationNumber: "TEST",
		};
	}

	async authenticate(initiated: Answer, options: DownloadOptions = {}): Promise<Answer> {
		return this.call("authenticateClient", {
			transactionId: initiated.transactionId,
			authenticateServerResponse: toBase64(this.authenticateServerResponse(initiated, options)),
		});
	}

	/** BF21 in answer to AuthenticateClient. */
	prepareDownloadResponse(offer: Answer, oneTimeKey: KeyPair, options: DownloadOptions = {}): Uint8Array {
		const card = options.card ?? this.card;
		const { transactionId } = decode(SmdpSigned2, fromBase64(offer.smdpSigned2 ?? ""));
		const euiccSigned2 = keep(EUICCSigned2, {
			transactionId,
			euiccOtpk: publicPoint(oneTimeKey.publicKey),
			...(options.confirmationCode === undefined ? {} : { hashCc: hashCc(options.confirmationCode, transactionId) }),
		});
		const smdpSignature2 = fromBase64(offer.smdpSignature2 ?? "").subarray(3);
		const euiccSignature2 = signRaw(card.privateKey, euiccSignature2Input(euiccSigned2.der, smdpSignature2));
		return encode(PrepareDownloadResponse, { downloadResponseOk: { euiccSigned2, euiccSignature2 } });
	}

	async getPackage(offer: Answer, oneTimeKey: KeyPair, options: DownloadOptions = {}): Promise<Answer> {
		return this.call("getBoundProfilePackage", {
			transactionId: offer.transactionId,
			prepareDownloadResponse: toBase64(this.prepareDownloadResponse(offer, oneTimeKey, options)),
		});
	}

	/** All three steps; the answer of the first that was refused, or of the last. */
	async download(
		options: DownloadOptions = {},
	): Promise<{ answer: Answer; profile?: Uint8Array; transactionId: string }> {
		const initiated = await this.initiate(options);
		const transactionId = initiated.transactionId ?? "";
		if (isRefused(initiated)) return { answer: initiated, transactionId };
		const offer = await this.authenticate(initiated, options);
		if (isRefused(offer)) return { answer: offer, transactionId };
		const oneTimeKey = options.oneTimeKey ?? generateKeyPair(this.#pki.curve);
		const answer = await this.getPackage(offer, oneTimeKey, options);
		if (isRefused(answer)) return { answer, transactionId };
		return { answer, profile: this.open(answer, oneTimeKey, options), transactionId };
	}

	/** The profile out of a package, as an eUICC opens it. */
	open(answer: Answer, oneTimeKey: KeyPair, options: DownloadOptions = {}): Uint8Array {
		const { publicKey } = parseCertificate(this.#pki.dpPb.certificate);
		const eid = Eid.toBytes(Eid((options.card ?? this.card).eid));
		const receiver = new BppReceiver({
			openChannel: (request, der) =>
				openSecureChannel({ request, der, publicKey, oneTimePrivateKey: oneTimeKey.privateKey, eid }),
			maxProtectedTlvLength: 1020,
		});
		const commands = receiver.receive(fromBase64(answer.boundProfilePackage ?? ""));
		if (!receiver.isComplete) throw new Error("the package is not whole");
		return concatBytes(
			...commands.flatMap((command) => (command.command === "loadProfileElements" ? [command.octets] : [])),
		);
	}

	/** BF37, signed by the card. */
	installationResult(input: {
		readonly transactionId: string;
		readonly iccid: Uint8Array;
		readonly errorReason?: number;
		readonly card?: Card;
		readonly seqNumber?: number;
	}): Uint8Array {
		const card = input.card ?? this.card;
		const data = keep(ProfileInstallationResultData, {
			transactionId: fromHex(input.transactionId),
			notificationMetadata: {
				seqNumber: input.seqNumber ?? 1,
				profileManagementOperation: NotificationEvent.of("notificationInstall"),
				notificationAddress: "smdp.example.com",
				iccid: input.iccid,
			},
			smdpOid: "2.999.10",
			finalResult:
				input.errorReason === undefined
					? {
							successResult: {
								aid: fromHex("A0000005591010FFFFFFFF8900001100"),
								simaResponse: fromHex("3007A0053003800100"),
							},
						}
					: { errorResult: { bppCommandId: 5, errorReason: input.errorReason } },
		});
		return encode(PendingNotification, {
			profileInstallationResult: {
				profileInstallationResultData: data,
				euiccSignPIR: signRaw(card.privateKey, data.der),
			},
		});
	}

	/** 30 of an enable, disable or delete notification. */
	otherNotification(
		event: "notificationEnable" | "notificationDisable" | "notificationDelete",
		iccid: Uint8Array,
		seqNumber: number,
	): Uint8Array {
		const tbsOtherNotification = keep(NotificationMetadata, {
			seqNumber,
			profileManagementOperation: NotificationEvent.of(event),
			notificationAddress: "smdp.example.com",
			iccid,
		});
		return encode(PendingNotification, {
			otherSignedNotification: {
				tbsOtherNotification,
				euiccNotificationSignature: signRaw(this.card.privateKey, tbsOtherNotification.der),
				euiccCertificate: this.card.certificate,
				eumCertificate: this.#pki.eum.certificate,
			},
		});
	}

	async notify(notification: Uint8Array): Promise<void> {
		await this.call("handleNotification", { pendingNotification: toBase64(notification) });
	}

	async cancel(
		transactionId: string,
		reason: number,
		changes: { smdpOid?: string; card?: Card } = {},
	): Promise<Answer> {
		const euiccCancelSessionSigned = keep(EuiccCancelSessionSigned, {
			transactionId: fromHex(transactionId),
			smdpOid: changes.smdpOid ?? "2.999.10",
			reason,
		});
		const euiccCancelSessionSignature = signRaw((changes.card ?? this.card).privateKey, euiccCancelSessionSigned.der);
		const response = { cancelSessionResponseOk: { euiccCancelSessionSigned, euiccCancelSessionSignature } };
		return this.call("cancelSession", {
			transactionId,
			cancelSessionResponse: toBase64(encode(CancelSessionResponse, response)),
		});
	}
}

export function isRefused(answer: Answer): boolean {
	return answer.header.functionExecutionStatus.status !== "Executed-Success";
}

/** "subject/reason" of a refusal, "ok" otherwise. */
export function codeOf({ header }: Answer): string {
	const data = header.functionExecutionStatus.statusCodeData;
	return data === undefined ? "ok" : `${data.subjectCode}/${data.reasonCode}`;
}

function hashCc(confirmationCode: string, transactionId: Uint8Array): Uint8Array {
	const inner = createHash("sha256").update(confirmationCode).digest();
	return new Uint8Array(createHash("sha256").update(inner).update(transactionId).digest());
}
