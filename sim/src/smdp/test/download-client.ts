/** A client for tests: LPA and eUICC in one, which can also sign what a real one never would. */

import { createHash } from "node:crypto";
import { decode, encode, keep } from "@iot-esim/shared/asn1/schema";
import { generateKeyPair, type KeyPair, signRaw } from "@iot-esim/shared/crypto/ecdsa";
import { publicPoint } from "@iot-esim/shared/crypto/key-agreement";
import { Eid } from "@iot-esim/shared/ids/eid";
import { CancelSessionResponse, EuiccCancelSessionSigned } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { NotificationEvent, NotificationMetadata } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import { PendingNotification } from "@iot-esim/shared/messages/sgp22/notifications";
import { EUICCSigned2, PrepareDownloadResponse, SmdpSigned2 } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { ProfileInstallationResultData } from "@iot-esim/shared/messages/sgp22/profile-installation-result";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { openSecureChannel } from "@iot-esim/shared/security/bound-profile-package";
import { BppReceiver } from "@iot-esim/shared/security/bound-profile-package-receiver";
import { euiccSignature2Input } from "@iot-esim/shared/security/signature-input";
import { concatBytes, fromBase64, fromHex, toBase64 } from "@iot-esim/shared/util/bytes";
import {
	type Answer,
	type AuthenticationOptions,
	type Card,
	isRefused,
	RspClient,
} from "../../rsp-server/test/rsp-client.ts";

export interface DownloadOptions extends AuthenticationOptions {
	readonly confirmationCode?: string;
	/** Reused instead of a fresh one-time key. */
	readonly oneTimeKey?: KeyPair;
}

/** An eUICC of a test PKI, speaking ES9+ in JSON to a handler. */
export class DownloadClient extends RspClient {
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
		const oneTimeKey = options.oneTimeKey ?? generateKeyPair(this.pki.curve);
		const answer = await this.getPackage(offer, oneTimeKey, options);
		if (isRefused(answer)) return { answer, transactionId };
		return { answer, profile: this.open(answer, oneTimeKey, options), transactionId };
	}

	/** The profile out of a package, as an eUICC opens it. */
	open(answer: Answer, oneTimeKey: KeyPair, options: DownloadOptions = {}): Uint8Array {
		const { publicKey } = parseCertificate(this.pki.dpPb.certificate);
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
				eumCertificate: this.pki.eum.certificate,
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

function hashCc(confirmationCode: string, transactionId: Uint8Array): Uint8Array {
	const inner = createHash("sha256").update(confirmationCode).digest();
	return new Uint8Array(createHash("sha256").update(inner).update(transactionId).digest());
}
