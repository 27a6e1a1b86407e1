import type { KeyObject } from "node:crypto";
import { type Certificate, parseCertificate } from "@iot-esim/shared/pki/certificate";
import { verifyEuiccChain } from "@iot-esim/shared/pki/chain";
import type { CertificateList } from "@iot-esim/shared/pki/crl";
import { PkiError } from "@iot-esim/shared/pki/errors";
import type { TrustStore } from "@iot-esim/shared/pki/trust-store";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import { Minutes } from "@iot-esim/shared/util/duration";
import type { Device } from "../domain/device.ts";

/** Whether signatures of a device can be verified now. */
export type EuiccKey =
	| { readonly kind: "known"; readonly publicKey: KeyObject }
	/** The device's certificates have not been seen yet. */
	| { readonly kind: "unknown" }
	/** They do not, or no longer, lead to a trusted CI. */
	| { readonly kind: "untrusted"; readonly error: PkiError };

interface Remembered {
	readonly euiccCertificate: Uint8Array;
	readonly eumCertificate: Uint8Array;
	readonly publicKey: KeyObject;
	readonly until: number;
}

/** A verified chain is looked at again after this time, so that expiry and new revocation lists take effect. */
const REMEMBERED_FOR = Minutes(5);
const REMEMBERED_AT_MOST = 10_000;
const EUMS_AT_MOST = 16;

/** Public keys of eUICCs, each by its chain to a trusted CI. */
export class EuiccKeys {
	readonly #deps: { trust: TrustStore; crls: () => readonly CertificateList[]; clock: Clock };
	readonly #remembered = new Map<string, Remembered>();
	#eums: readonly Certificate[] = [];

	constructor(deps: {
		readonly trust: TrustStore;
		readonly crls: () => readonly CertificateList[];
		readonly clock: Clock;
	}) {
		this.#deps = deps;
	}

	/** The key of a device by the certificates that are stored for it. */
	of(device: Device): EuiccKey {
		const { eid, euiccCertificate, eumCertificate } = device;
		if (euiccCertificate === undefined || eumCertificate === undefined) return { kind: "unknown" };
		return this.verify(eid, euiccCertificate, eumCertificate);
	}

	/** The key in certificates that were just received, when their chain is trusted and they are of this EID. */
	verify(
		eid: string,
		euiccCertificate: Uint8Array,
		eumCertificate: Uint8Array,
	): Exclude<EuiccKey, { kind: "unknown" }> {
		const now = this.#deps.clock.now();
		const before = this.#remembered.get(eid);
		if (before !== undefined && now < before.until && isSame(before, euiccCertificate, eumCertificate)) {
			return { kind: "known", publicKey: before.publicKey };
		}
		try {
			const { trust, crls } = this.#deps;
			const eum = this.#eumOf(eumCertificate);
			const chain = verifyEuiccChain({ euiccCertificate, eumCertificate: eum, trust, at: now, crls: crls(), eid });
			const { publicKey } = chain;
			const lastDay = Math.min(...chain.path.map((certificate) => certificate.notAfter));
			const until = Math.min(now + REMEMBERED_FOR, lastDay);
			this.#remember(eid, { euiccCertificate, eumCertificate, publicKey, until });
			return { kind: "known", publicKey };
		} catch (error) {
			if (error instanceof PkiError) return { kind: "untrusted", error };
			throw error;
		}
	}

	/** An EUM stands behind thousands of eUICCs: its certificate is read once. */
	#eumOf(der: Uint8Array): Certificate {
		const known = this.#eums.find((eum) => equalBytes(eum.der, der));
		if (known !== undefined) return known;
		const eum = parseCertificate(der.slice());
		this.#eums = [eum, ...this.#eums.slice(0, EUMS_AT_MOST - 1)];
		return eum;
	}

	#remember(eid: string, entry: Remembered): void {
		this.#remembered.delete(eid);
		const [oldest] = this.#remembered.keys();
		if (oldest !== undefined && this.#remembered.size >= REMEMBERED_AT_MOST) this.#remembered.delete(oldest);
		this.#remembered.set(eid, entry);
	}
}

function isSame(entry: Remembered, euiccCertificate: Uint8Array, eumCertificate: Uint8Array): boolean {
	return equalBytes(entry.euiccCertificate, euiccCertificate) && equalBytes(entry.eumCertificate, eumCertificate);
}

/**
 * Whether other certificates may stand in the place of those stored. An eUICC has one for each CI, all of them public
 * and good, but signs its results by one: as long as that leads to a trusted CI, nobody may put another in its place.
 */
export function mayReplaceCertificates(
	context: { readonly keys: EuiccKeys; readonly logger: LoggerFactory },
	device: Device,
	euiccCertificate: Uint8Array,
): boolean {
	const stored = device.euiccCertificate;
	if (stored === undefined || equalBytes(stored, euiccCertificate)) return true;
	if (context.keys.of(device).kind !== "known") return true;
	context.logger("eim.esipa").warn("another certificate of the eUICC not taken over", { eid: device.eid });
	return false;
}
