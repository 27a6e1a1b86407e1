import { createPublicKey, type KeyObject } from "node:crypto";
import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { EimConfigurationData } from "@iot-esim/shared/messages/sgp32/eim-configuration";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { readRecord, writeRecord } from "../nvm/json.ts";
import type { Nvm } from "../nvm/nvm.ts";

/** Highest counter value that a package may carry (SGP.32 section 2.11.1.1). */
export const HIGHEST_COUNTER = 0x7fffff;

/** What the card keeps of an eIM it obeys. */
interface EimRecord {
	/** EimConfigurationData without counter and token, which live beside it. */
	readonly configuration: Uint8Array;
	/** The highest counter value that was accepted. */
	readonly counter: number;
	/** Chosen by the card when the eIM asked for one. */
	readonly token?: number;
	/** Keeps the order in which eIMs were added. */
	readonly position: number;
}

export interface AssociatedEim {
	readonly eimId: string;
	readonly configuration: EimConfigurationData;
	readonly counter: number;
	readonly token: number | undefined;
}

const PREFIX = "eim/";
const LAST_TOKEN = "last-association-token";

/** The eIMs that this card is associated with. */
export class EimAssociations {
	readonly #nvm: Nvm;

	constructor(nvm: Nvm) {
		this.#nvm = nvm;
	}

	list(): AssociatedEim[] {
		return this.#records()
			.sort((a, b) => a.position - b.position)
			.map(({ configuration, counter, token }) => {
				const decoded = decode(EimConfigurationData, configuration);
				return { eimId: decoded.eimId, configuration: decoded, counter, token };
			});
	}

	find(eimId: string): AssociatedEim | undefined {
		return this.list().find((eim) => eim.eimId === eimId);
	}

	get isEmpty(): boolean {
		return this.#nvm.keys(PREFIX).length === 0;
	}

	/** The next association token; the first one of a card is 1, none is given twice. */
	takeToken(): number {
		const token = (readRecord<number>(this.#nvm, LAST_TOKEN) ?? 0) + 1;
		writeRecord(this.#nvm, LAST_TOKEN, token);
		return token;
	}

	/** Adds an eIM, or exchanges what is known of one; its place in the list stays. */
	save({ eimId, configuration, counter, token }: AssociatedEim): void {
		const before = readRecord<EimRecord>(this.#nvm, keyOf(eimId));
		const position = before?.position ?? 1 + Math.max(0, ...this.#records().map((record) => record.position));
		const { counterValue: _counter, associationToken: _token, ...rest } = configuration;
		const record = { configuration: encode(EimConfigurationData, rest), counter, token, position };
		writeRecord(this.#nvm, keyOf(eimId), record);
	}

	remove(eimId: string): void {
		this.#nvm.delete(keyOf(eimId));
	}

	#records(): EimRecord[] {
		return this.#nvm.keys(PREFIX).map((key) => readRecord<EimRecord>(this.#nvm, key) as EimRecord);
	}
}

/**
 * The key that an eIM signs packages with, from its bare key or its certificate.
 * @returns undefined when the configuration has none, or none that can be read
 */
export function signingKeyOf({ eimPublicKeyData }: EimConfigurationData): KeyObject | undefined {
	if (eimPublicKeyData === undefined) return undefined;
	try {
		if ("eimCertificate" in eimPublicKeyData) return parseCertificate(eimPublicKeyData.eimCertificate).publicKey;
		return createPublicKey({ key: Buffer.from(eimPublicKeyData.eimPublicKey), format: "der", type: "spki" });
	} catch {
		// Octets that are no key verify no signature; the functions that take configurations refuse them.
		return undefined;
	}
}

function keyOf(eimId: string): string {
	return PREFIX + toHex(utf8(eimId));
}
