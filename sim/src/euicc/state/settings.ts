import { readRecord, writeRecord } from "../nvm/json.ts";
import type { Nvm } from "../nvm/nvm.ts";

/** Set by configureImmediateEnable; present only while immediate enabling is on. */
export interface ImmediateEnableConfiguration {
	readonly defaultSmdpOid?: string;
	readonly defaultSmdpAddress?: string;
}

/** Given by an eIM with an enable command: the IPA may go back to the profile before. */
export interface RollbackAuthorisation {
	readonly profileBefore: Uint8Array;
	readonly eimId: string;
	readonly counterValue: number;
	readonly eimTransactionId?: Uint8Array;
	/** Number of the result that a rollback replaces. */
	readonly seqNumber: number;
	/** The results of the package, whole TLVs. */
	readonly results: readonly Uint8Array[];
	readonly token: number;
	readonly ciPkId?: Uint8Array;
}

/** A one-time key pair that was offered for a download and not used up yet. */
export interface OneTimeKey {
	readonly smdpOid: string;
	/** Uncompressed point. */
	readonly publicPoint: Uint8Array;
	/** PKCS#8 DER. */
	readonly privateKey: Uint8Array;
}

/** A profile that is being loaded: what is needed to report an interruption after a loss of power. */
export interface LoadInProgress {
	readonly transactionId: Uint8Array;
	readonly smdpOid: string;
	readonly smdpAddress: string;
	readonly ciPkId: Uint8Array;
	readonly bppCommandId: number;
	readonly iccid?: Uint8Array;
}

/** What the card knows of certificates that one CI has revoked. */
export interface RevocationList {
	/** Subject key identifier of the CI. */
	readonly ciPkId: Uint8Array;
	/** Of the list, 0 where it has none. */
	readonly crlNumber: number;
	/** Milliseconds since 1970. */
	readonly thisUpdate: number;
	/** Parts of the list that were not loaded yet. */
	readonly missingParts: readonly number[];
	/** Serial numbers in upper-case hex. */
	readonly revoked: readonly string[];
}

/** Every setting of the card that is neither a profile nor an eIM, by name. */
export interface Settings {
	defaultSmdpAddress: string;
	immediateEnable: ImmediateEnableConfiguration;
	rollback: RollbackAuthorisation;
	/** AID of the profile that was enabled when the fallback mechanism took over. */
	profileBeforeFallback: Uint8Array;
	/** Present while an emergency profile is enabled; empty when none was enabled before. */
	profileBeforeEmergency: Uint8Array;
	oneTimeKeys: readonly OneTimeKey[];
	loadInProgress: LoadInProgress;
	/** One for each CI that a list was loaded of. */
	revocationLists: readonly RevocationList[];
	/** Present while the card runs its IPAe. */
	ipaeActive: true;
}

export class SettingsStore {
	readonly #nvm: Nvm;

	constructor(nvm: Nvm) {
		this.#nvm = nvm;
	}

	get<K extends keyof Settings>(name: K): Settings[K] | undefined {
		return readRecord<Settings[K]>(this.#nvm, `setting/${name}`);
	}

	set<K extends keyof Settings>(name: K, value: Settings[K]): void {
		writeRecord(this.#nvm, `setting/${name}`, value);
	}

	clear(name: keyof Settings): void {
		writeRecord(this.#nvm, `setting/${name}`, undefined);
	}
}
