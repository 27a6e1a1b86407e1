import { decode, encode, keep } from "@iot-esim/shared/asn1/schema";
import { NotificationEvent, NotificationMetadata } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import { OtherSignedNotification } from "@iot-esim/shared/messages/sgp22/notifications";
import { PendingNotification } from "@iot-esim/shared/messages/sgp32/notifications";
import type { Ecasd } from "../ecasd.ts";
import { readRecord, writeRecord } from "../nvm/json.ts";
import type { Nvm } from "../nvm/nvm.ts";
import type { Profile } from "./profiles.ts";

export type NotificationEventName =
	| "notificationInstall"
	| "notificationEnable"
	| "notificationDisable"
	| "notificationDelete";

const NOTIFICATIONS = "notification/";
const PACKAGE_RESULTS = "package-result/";
const LAST_NUMBER = "sequence-number";

/** What is kept until a server or eIM has acknowledged it: signed octets under their sequence number. */
export interface Pending {
	readonly seqNumber: number;
	readonly der: Uint8Array;
}

/** Notifications and eUICC package results; both take their numbers from one sequence (SGP.32 EuiccPackageResult). */
export class NotificationStore {
	readonly #nvm: Nvm;
	readonly #ecasd: Ecasd;

	constructor(nvm: Nvm, ecasd: Ecasd) {
		this.#nvm = nvm;
		this.#ecasd = ecasd;
	}

	/** The next number of the sequence; it is never given again. */
	takeSequenceNumber(): number {
		const next = (readRecord<number>(this.#nvm, LAST_NUMBER) ?? 0) + 1;
		writeRecord(this.#nvm, LAST_NUMBER, next);
		return next;
	}

	/** Signs and keeps one notification for every address that the profile's metadata names for `event`. */
	notify(profile: Profile, event: NotificationEventName, except?: string): void {
		for (const entry of profile.description.notificationConfigurationInfo ?? []) {
			if (!NotificationEvent.has(entry.profileManagementOperation, event)) continue;
			if (entry.notificationAddress === except) continue;
			const seqNumber = this.takeSequenceNumber();
			const metadata = keep(NotificationMetadata, {
				seqNumber,
				profileManagementOperation: NotificationEvent.of(event),
				notificationAddress: entry.notificationAddress,
				iccid: profile.iccid,
			});
			const credential = this.#ecasd.credentialFor(profile.ciPkId) ?? this.#ecasd.defaultCredential;
			const der = encode(OtherSignedNotification, {
				tbsOtherNotification: metadata,
				euiccNotificationSignature: this.#ecasd.sign(metadata.der, credential.ciPkId),
				euiccCertificate: credential.euiccCertificate,
				eumCertificate: credential.eumCertificate,
			});
			this.keepNotification(seqNumber, der);
		}
	}

	keepNotification(seqNumber: number, der: Uint8Array): void {
		this.#nvm.put(keyOf(NOTIFICATIONS, seqNumber), der);
	}

	keepPackageResult(seqNumber: number, der: Uint8Array): void {
		this.#nvm.put(keyOf(PACKAGE_RESULTS, seqNumber), der);
	}

	/** In the order of their numbers. */
	notifications(): Pending[] {
		return this.#read(NOTIFICATIONS);
	}

	packageResults(): Pending[] {
		return this.#read(PACKAGE_RESULTS);
	}

	/** @returns false when nothing has this number */
	remove(seqNumber: number): boolean {
		const keys = [keyOf(NOTIFICATIONS, seqNumber), keyOf(PACKAGE_RESULTS, seqNumber)];
		const found = keys.filter((key) => this.#nvm.get(key) !== undefined);
		for (const key of found) this.#nvm.delete(key);
		return found.length > 0;
	}

	#read(prefix: string): Pending[] {
		return this.#nvm.keys(prefix).map((key) => ({
			seqNumber: Number(key.slice(prefix.length)),
			der: this.#nvm.get(key) as Uint8Array,
		}));
	}
}

/** The unsigned description inside a kept notification of either kind. */
export function metadataOf(der: Uint8Array): NotificationMetadata {
	const pending = decode(PendingNotification, der);
	if ("profileInstallationResult" in pending) {
		return pending.profileInstallationResult.profileInstallationResultData.value.notificationMetadata;
	}
	if ("otherSignedNotification" in pending) return pending.otherSignedNotification.tbsOtherNotification.value;
	throw new TypeError("this card keeps no compact notifications");
}

function keyOf(prefix: string, seqNumber: number): string {
	return prefix + String(seqNumber).padStart(10, "0");
}
