import type { AkaAlgorithm } from "@iot-esim/shared/crypto/aka/algorithm";
import { type AuthenticationVector, generateVector, resynchronise } from "@iot-esim/shared/crypto/aka/authentication";
import { profileAlgorithm } from "@iot-esim/shared/crypto/aka/profile-algorithm";
import { nextSqn, PROFILE_IND_LENGTH } from "@iot-esim/shared/crypto/aka/sequence";
import type { Subscriber } from "@iot-esim/shared/profile/subscriber";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { equalBytes, hex } from "@iot-esim/shared/util/bytes";
import type { SequenceStore } from "./sequence-store.ts";
import type { SubscriberSource } from "./subscriber-source.ts";

/** AMF with the separation bit, as for an LTE network (3GPP TS 33.401 §6.1.1). */
const AMF = hex`8000`;

export interface HssOptions {
	/** Asked in this order; a later source that has the same IMSI with other keys wins. */
	readonly sources: readonly SubscriberSource[];
	readonly sequences: SequenceStore;
	readonly random: RandomSource;
	readonly log: Logger;
}

interface Entry {
	readonly subscriber: Subscriber;
	readonly algorithm: AkaAlgorithm;
}

/** The home network's register: keys and sequence numbers of its subscribers (3GPP TS 33.102 §6.3). */
export class Hss {
	readonly #options: HssOptions;
	readonly #entries = new Map<string, Entry>();
	/** Vectors of one subscriber are made one after the other, or two would share a sequence number. */
	#turn: Promise<unknown> = Promise.resolve();

	constructor(options: HssOptions) {
		this.#options = options;
	}

	/**
	 * A fresh vector, or undefined for an IMSI that no source has.
	 * @throws NetworkError NETWORK_HSS_SOURCE, NETWORK_HSS_STATE
	 */
	vector(imsi: string): Promise<{ vector: AuthenticationVector; subscriber: Subscriber } | undefined> {
		return this.#inTurn(async () => {
			const entry = await this.#entry(imsi);
			if (!entry) return undefined;
			const last = this.#options.sequences.load(imsi) ?? initialSqn(entry.subscriber);
			const sqn = nextSqn(last);
			await this.#options.sequences.save(imsi, sqn);
			const { algorithm, subscriber } = entry;
			const vector = generateVector({ algorithm, rand: this.#options.random.bytes(16), sqn, amf: AMF });
			return { vector, subscriber };
		});
	}

	/**
	 * Takes over the sequence number of the card from AUTS; true when AUTS was made with the subscriber's keys.
	 * @throws NetworkError NETWORK_HSS_STATE
	 */
	resynchronise(imsi: string, rand: Uint8Array, auts: Uint8Array): Promise<boolean> {
		return this.#inTurn(async () => {
			const entry = this.#entries.get(imsi);
			if (!entry) return false;
			try {
				await this.#options.sequences.save(imsi, resynchronise({ algorithm: entry.algorithm, rand, auts }));
				return true;
			} catch (error) {
				if (!isMacMismatch(error)) throw error;
				this.#options.log.warn("AUTS is not of this subscriber", { imsi });
				return false;
			}
		});
	}

	/** Asks every source each time: keys may have been ordered anew. A source that fails counts when no other knows. */
	async #entry(imsi: string): Promise<Entry | undefined> {
		let found: Subscriber | undefined;
		let failure: unknown;
		for (const source of this.#options.sources) {
			try {
				found = (await source.find(imsi)) ?? found;
			} catch (error) {
				this.#options.log.warn("subscriber source failed", { imsi, error });
				failure ??= error;
			}
		}
		if (!found && failure !== undefined) throw failure;
		return found && this.#take(found);
	}

	#take(subscriber: Subscriber): Entry {
		const known = this.#entries.get(subscriber.imsi);
		if (known?.subscriber === subscriber) return known;
		const entry = { subscriber, algorithm: profileAlgorithm(subscriber) };
		this.#entries.set(subscriber.imsi, entry);
		const { iccid, imsi, algorithm } = subscriber;
		if (known && !hasSameKeys(known.subscriber, subscriber)) {
			this.#options.log.warn("subscriber has new keys", { imsi, iccid, before: known.subscriber.iccid });
		} else if (!known) this.#options.log.info("subscriber known", { imsi, iccid, algorithm });
		return entry;
	}

	#inTurn<T>(work: () => Promise<T>): Promise<T> {
		const result = this.#turn.then(work);
		this.#turn = result.catch(() => undefined);
		return result;
	}
}

/** The highest sequence number that the profile starts with, so that the first vector is already fresh. */
function initialSqn(subscriber: Subscriber): number {
	const seq = subscriber.sqnInit.reduce((highest, octets) => Math.max(highest, seqOf(octets)), 0);
	return seq * 2 ** PROFILE_IND_LENGTH;
}

function seqOf(octets: Uint8Array): number {
	return octets.reduce((number, octet) => number * 256 + octet, 0);
}

function hasSameKeys(a: Subscriber, b: Subscriber): boolean {
	return a.algorithmID === b.algorithmID && equalBytes(a.key, b.key) && equalBytes(a.opc, b.opc);
}

function isMacMismatch(error: unknown): boolean {
	return error instanceof Error && "code" in error && error.code === "CRYPTO_MAC_MISMATCH";
}
