import type { KeyObject } from "node:crypto";
import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { readTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { Eid } from "@iot-esim/shared/ids/eid";
import { ProfileElement } from "@iot-esim/shared/messages/pe/profile-element";
import { ProfileClassCode } from "@iot-esim/shared/messages/sgp22/profile-info";
import { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp32/profile-info";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { openEuicc } from "./card.ts";
import { EuiccError } from "./errors.ts";
import { installProfile } from "./es10/install-profile.ts";
import { LoadFailure } from "./es10/load-failure.ts";
import type { Nvm } from "./nvm/nvm.ts";
import { type Personalisation, personalisationDefaults, personalise } from "./personalisation.ts";
import type { ProfileFileSystems } from "./profile-files.ts";

/** What one test PKI gives to a card; a TestPki of sim/pki fits. */
export interface PkiOfCard {
	readonly ci: { readonly certificate: Uint8Array };
	readonly eum: { readonly certificate: Uint8Array };
	readonly euicc: { readonly certificate: Uint8Array; readonly privateKey: KeyObject };
}

/** A profile that the card leaves the factory with. */
export interface BootstrapProfile {
	/** Profile elements, DER (UPP). */
	readonly unprotectedProfilePackage: Uint8Array;
	readonly isEnabled: boolean;
	/** Shown in lists; the profile type of the header when absent. */
	readonly profileName?: string;
	readonly serviceProviderName?: string;
	/** Test, provisioning or operational, as in ProfileClass; operational when absent. */
	readonly profileClass?: number;
	/** May an eIM give it the fallback attribute? Yes when absent. */
	readonly fallbackAllowed?: boolean;
	readonly ecallIndication?: boolean;
}

/**
 * The personalisation of a card from one PKI, or from one for each curve; the first is the card's own choice.
 * @throws EuiccError EUICC_PERSONALISATION_INVALID when the certificates are of different cards
 */
export function personalisationOf(
	pkis: readonly PkiOfCard[],
	options: Partial<Omit<Personalisation, "eid" | "ciCertificates" | "credentials">> = {},
): Personalisation {
	const eids = new Set(pkis.map(({ euicc }) => parseCertificate(euicc.certificate).subject.serialNumber ?? ""));
	const [eid, other] = [...eids];
	if (eid === undefined || other !== undefined) {
		throw new EuiccError("EUICC_PERSONALISATION_INVALID", `one card is needed, the certificates are of ${eids.size}`);
	}
	return {
		...personalisationDefaults,
		...options,
		eid: Eid(eid),
		ciCertificates: pkis.map(({ ci }) => ci.certificate),
		credentials: pkis.map(({ ci, eum, euicc }) => ({
			ciPkId: parseCertificate(ci.certificate).subjectKeyIdentifier ?? new Uint8Array(0),
			euiccCertificate: euicc.certificate,
			eumCertificate: eum.certificate,
			privateKey: new Uint8Array(euicc.privateKey.export({ format: "der", type: "pkcs8" })),
		})),
	};
}

/**
 * Makes a card in an empty memory, with the profiles it leaves the factory with.
 * @throws EuiccError EUICC_PERSONALISATION_INVALID, also when a profile cannot be installed
 */
export function createCard(
	nvm: Nvm,
	card: Personalisation,
	fileSystems: ProfileFileSystems,
	bootstrapProfiles: readonly BootstrapProfile[] = [],
): void {
	personalise(nvm, card);
	const euicc = openEuicc(nvm, fileSystems, systemRandom);
	for (const bootstrap of bootstrapProfiles) {
		try {
			const profile = installProfile(euicc, {
				unprotectedProfilePackage: bootstrap.unprotectedProfilePackage,
				...metadataOf(bootstrap),
				ciPkId: euicc.ecasd.defaultCredential.ciPkId,
			});
			if (bootstrap.isEnabled && euicc.profiles.enabled !== undefined) {
				throw new EuiccError("EUICC_PERSONALISATION_INVALID", "only one profile can be enabled");
			}
			euicc.profiles.save({ ...profile, isEnabled: bootstrap.isEnabled });
			nvm.commit();
		} catch (error) {
			nvm.rollback();
			if (!(error instanceof LoadFailure)) throw error;
			const reason = `the bootstrap profile cannot be installed: ErrorReason ${error.errorReason} of SGP.22`;
			throw new EuiccError("EUICC_PERSONALISATION_INVALID", reason, { cause: error });
		}
	}
}

/** Metadata for a profile that no SM-DP+ described. */
function metadataOf(bootstrap: BootstrapProfile): { metadata: Uint8Array; iccid: Uint8Array } {
	const elements = bootstrap.unprotectedProfilePackage;
	const first = decode(ProfileElement, tlvBytes(elements, readTlv(elements, 0)));
	if (!("header" in first)) {
		throw new EuiccError("EUICC_PERSONALISATION_INVALID", "the bootstrap profile does not begin with a header");
	}
	const { iccid: digits, profileType = "Bootstrap" } = first.header;
	const iccid = digits.map((octet) => ((octet & 0xf) << 4) | (octet >> 4));
	const metadata = encode(StoreMetadataRequest, {
		iccid,
		serviceProviderName: bootstrap.serviceProviderName ?? "Bootstrap",
		profileName: bootstrap.profileName ?? profileType,
		profileClass: bootstrap.profileClass ?? ProfileClassCode.operational,
		...(bootstrap.ecallIndication === undefined ? {} : { ecallIndication: bootstrap.ecallIndication }),
		fallbackAllowed: bootstrap.fallbackAllowed ?? true,
	});
	return { metadata, iccid };
}
