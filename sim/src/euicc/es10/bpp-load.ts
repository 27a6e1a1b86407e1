import { createPrivateKey } from "node:crypto";
import { Asn1Error, decode, encode } from "@iot-esim/shared/asn1/schema";
import { verifyRaw } from "@iot-esim/shared/crypto/ecdsa";
import { CryptoError } from "@iot-esim/shared/crypto/errors";
import { ecdhSharedSecret } from "@iot-esim/shared/crypto/key-agreement";
import {
	ConfigureISDPRequest,
	type InitialiseSecureChannelRequest,
} from "@iot-esim/shared/messages/sgp22/bound-profile-package";
import { DpProprietaryData } from "@iot-esim/shared/messages/sgp22/profile-info";
import { BppCommandIdCode, ErrorReasonCode } from "@iot-esim/shared/messages/sgp22/profile-installation-result";
import { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp32/profile-info";
import {
	type BppCommand,
	type BppCommandName,
	BppReceiver,
} from "@iot-esim/shared/security/bound-profile-package-receiver";
import { BSP_KEY_LENGTH, BSP_KEY_TYPE, type BspKeys, deriveBspKeys } from "@iot-esim/shared/security/bsp";
import { SecurityError } from "@iot-esim/shared/security/errors";
import { smdpSignInput } from "@iot-esim/shared/security/signature-input";
import { concatBytes, equalBytes, fromHex } from "@iot-esim/shared/util/bytes";
import type { Euicc } from "../euicc.ts";
import type { LoadInProgress } from "../state/settings.ts";
import { installProfile } from "./install-profile.ts";
import { concludeLoad } from "./installation-result.ts";
import { LoadFailure } from "./load-failure.ts";
import { checkMetadata } from "./profile-metadata.ts";
import type { AuthenticatedServer, PreparedDownload } from "./rsp-session.ts";

/** Largest dpProprietaryData with its header (SGP.22 ConfigureISDPRequest). */
const LONGEST_DP_DATA = 128;

/**
 * The load of one Bound Profile Package (SGP.22 section 2.5.5). Until the last octet all of it lives in volatile
 * memory: a profile is there as a whole or not at all. What is durable is only that a load is going on, so that an
 * interruption can be reported.
 */
export class BppLoad {
	readonly #euicc: Euicc;
	readonly #server: AuthenticatedServer;
	readonly #download: PreparedDownload;
	readonly #receiver: BppReceiver;
	#progress: LoadInProgress;
	#dpProprietaryData: Uint8Array | undefined;
	#metadata: { readonly der: Uint8Array; readonly value: StoreMetadataRequest } | undefined;
	readonly #elements: Uint8Array[] = [];
	#elementOctets = 0;

	constructor(euicc: Euicc, server: AuthenticatedServer, download: PreparedDownload) {
		this.#euicc = euicc;
		this.#server = server;
		this.#download = download;
		this.#receiver = new BppReceiver({ openChannel: (request, der) => this.#openChannel(request, der) });
		this.#progress = {
			transactionId: server.transactionId,
			smdpOid: server.serverOid,
			smdpAddress: server.serverAddress,
			ciPkId: server.credential.ciPkId,
			bppCommandId: BppCommandIdCode.initialiseSecureChannel,
		};
		euicc.settings.set("loadInProgress", this.#progress);
	}

	/** @returns undefined while the card waits for more, the signed result (BF37) at the end */
	receive(segment: Uint8Array): Uint8Array | undefined {
		let command: BppCommandName = this.#receiver.currentCommand;
		try {
			const commands = this.#receiver.receive(segment);
			for (const step of commands) {
				command = step.command;
				this.#carryOut(step);
			}
			if (!this.#receiver.isComplete) {
				this.#report(this.#receiver.currentCommand);
				return undefined;
			}
			return this.#install();
		} catch (error) {
			const failed = error instanceof SecurityError ? this.#receiver.currentCommand : command;
			return this.#fail(failed, toFailure(error, failed));
		}
	}

	#openChannel(request: InitialiseSecureChannelRequest, der: Uint8Array): BspKeys {
		const { oneTimeKey, smdpCertificate } = this.#download;
		const signed = smdpSignInput(der, oneTimeKey.publicPoint);
		if (!verifyRaw(smdpCertificate.publicKey, signed, request.smdpSign)) {
			throw new LoadFailure(ErrorReasonCode.invalidSignature);
		}
		if (!equalBytes(request.transactionId, this.#server.transactionId)) {
			throw new LoadFailure(ErrorReasonCode.invalidTransactionId);
		}
		if (request.remoteOpId !== 1) throw new LoadFailure(ErrorReasonCode.unsupportedRemoteOperationType);
		const { keyType, keyLen, hostId } = request.controlRefTemplate.value;
		if (keyType[0] !== BSP_KEY_TYPE || keyLen[0] !== BSP_KEY_LENGTH) {
			throw new LoadFailure(ErrorReasonCode.unsupportedCrtValues);
		}
		const privateKey = createPrivateKey({ key: Buffer.from(oneTimeKey.privateKey), format: "der", type: "pkcs8" });
		try {
			const sharedSecret = ecdhSharedSecret(privateKey, request.smdpOtpk);
			return deriveBspKeys({ sharedSecret, hostId, eid: fromHex(this.#euicc.card.eid) });
		} catch (error) {
			if (error instanceof CryptoError) throw new LoadFailure(ErrorReasonCode.incorrectInputValues);
			throw error;
		}
	}

	#carryOut(step: BppCommand): void {
		switch (step.command) {
			case "configureISDP":
				this.#dpProprietaryData = readConfiguration(step.der);
				break;
			case "storeMetadata": {
				const value = decode(StoreMetadataRequest, step.der);
				this.#progress = { ...this.#progress, iccid: value.iccid };
				checkMetadata(value, this.#euicc);
				this.#metadata = { der: step.der, value };
				break;
			}
			case "loadProfileElements":
				this.#elements.push(step.octets);
				this.#elementOctets += step.octets.length;
				this.#checkMemory();
				break;
			default:
			// InitialiseSecureChannel was carried out by openChannel, ReplaceSessionKeys by the receiver.
		}
	}

	#checkMemory(): void {
		const { card, profiles } = this.#euicc;
		if (profiles.usedMemory + this.#elementOctets > card.profileMemory) {
			throw new LoadFailure(ErrorReasonCode.installFailedDueToInsufficientMemoryForProfile);
		}
	}

	#install(): Uint8Array {
		const metadata = this.#metadata;
		if (metadata === undefined) throw new LoadFailure(ErrorReasonCode.scp03tStructureError);
		const { serverOid, serverAddress, credential } = this.#server;
		const profile = installProfile(this.#euicc, {
			unprotectedProfilePackage: concatBytes(...this.#elements),
			metadata: metadata.der,
			iccid: metadata.value.iccid,
			...(this.#dpProprietaryData === undefined ? {} : { dpProprietaryData: this.#dpProprietaryData }),
			smdpOid: serverOid,
			smdpAddress: serverAddress,
			ciPkId: credential.ciPkId,
		});
		this.#forgetOneTimeKey();
		const result = concludeLoad(this.#euicc, this.#progress, { isdpAid: profile.isdpAid });
		// The result itself notifies the SM-DP+; other addresses get a notification of their own.
		this.#euicc.notifications.notify(profile, "notificationInstall", serverAddress);
		this.#euicc.session.end();
		this.#euicc.session.installed = { isdpAid: profile.isdpAid, smdpOid: serverOid, smdpAddress: serverAddress };
		return result;
	}

	#forgetOneTimeKey(): void {
		const { settings } = this.#euicc;
		const used = this.#download.oneTimeKey.publicPoint;
		const keys = settings.get("oneTimeKeys") ?? [];
		settings.set(
			"oneTimeKeys",
			keys.filter((key) => !equalBytes(key.publicPoint, used)),
		);
	}

	#report(command: BppCommandName): void {
		const bppCommandId = BppCommandIdCode[command];
		const { iccid } = this.#progress;
		const known = this.#euicc.settings.get("loadInProgress");
		if (known?.bppCommandId === bppCommandId && (known.iccid === undefined) === (iccid === undefined)) return;
		this.#progress = { ...this.#progress, bppCommandId };
		this.#euicc.settings.set("loadInProgress", this.#progress);
	}

	#fail(command: BppCommandName, { errorReason, simaResponse }: LoadFailure): Uint8Array {
		const error = {
			bppCommandId: BppCommandIdCode[command],
			errorReason,
			...(simaResponse === undefined ? {} : { simaResponse }),
		};
		const result = concludeLoad(this.#euicc, this.#progress, { error });
		this.#euicc.session.load = undefined;
		this.#euicc.session.download = undefined;
		return result;
	}
}

/** @returns DpProprietaryData of a BF24 under its own tag, when there is one */
function readConfiguration(der: Uint8Array): Uint8Array | undefined {
	const { dpProprietaryData } = decode(ConfigureISDPRequest, der);
	if (dpProprietaryData === undefined) return undefined;
	const data = encode(DpProprietaryData, dpProprietaryData);
	if (data.length > LONGEST_DP_DATA) throw new LoadFailure(ErrorReasonCode.incorrectInputValues);
	return data;
}

function toFailure(error: unknown, command: BppCommandName): LoadFailure {
	if (error instanceof LoadFailure) return error;
	if (error instanceof Asn1Error) return new LoadFailure(ErrorReasonCode.incorrectInputValues);
	if (!(error instanceof SecurityError)) throw error;
	switch (error.code) {
		case "SECURITY_BSP_MAC":
		case "SECURITY_BSP_PADDING":
			return new LoadFailure(ErrorReasonCode.scp03tSecurityError);
		default:
			// Before the secure channel stands there is nothing of SCP03t to be wrong.
			return new LoadFailure(
				command === "initialiseSecureChannel"
					? ErrorReasonCode.incorrectInputValues
					: ErrorReasonCode.scp03tStructureError,
			);
	}
}
