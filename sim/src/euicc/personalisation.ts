import { Eid } from "@iot-esim/shared/ids/eid";
import type { Sgp32Version } from "@iot-esim/shared/messages/sgp32/dialect/version";
import { EuiccError } from "./errors.ts";
import { readRecord, writeRecord } from "./nvm/json.ts";
import type { Nvm } from "./nvm/nvm.ts";

/** What one CI gave this card to prove itself with. */
export interface CardCredential {
	/** Subject key identifier of the CI. */
	readonly ciPkId: Uint8Array;
	/** DER. */
	readonly euiccCertificate: Uint8Array;
	/** DER. */
	readonly eumCertificate: Uint8Array;
	/** PKCS#8 DER of the private key of the eUICC certificate. */
	readonly privateKey: Uint8Array;
}

/** One line of the rules authorisation table (SGP.22 section 2.9.2), with mccMnc as on the wire. */
export interface RatRule {
	readonly pprIds: string;
	readonly allowedOperators: readonly { readonly mccMnc: Uint8Array }[];
	readonly consentRequired: boolean;
}

/** Answers of real cards that differ from the text of the standard, to try peers with. */
export interface Quirks {
	/** ISD-R is hidden (6A82) until TERMINAL CAPABILITY has been sent. */
	readonly needsTerminalCapability?: boolean;
	/** ES10 functions answer 6985 from the end of a profile switch until the next reset. */
	readonly refusesEs10UntilReset?: boolean;
	/** No proactive command tells of a profile switch, as with terminals that give no TERMINAL PROFILE. */
	readonly signalsNoRefresh?: boolean;
	/** EUICCInfo2 as SGP.22 has it, as cards give it whose IPA emulates the rest. */
	readonly hidesIotInfo?: boolean;
}

/** What a card is made with; nothing of it changes afterwards. */
export interface Personalisation {
	/** 32 digits. */
	readonly eid: string;
	/** `consumer`: SGP.22 with an LPA; `iot`: SGP.32 with an IPA and eIMs. */
	readonly mode: "consumer" | "iot";
	/** The version of SGP.32 that the card implements, functions and forms alike; 1.2 when absent. */
	readonly iotVersion?: Sgp32Version;
	/** CI certificates that server chains may end in (DER). */
	readonly ciCertificates: readonly Uint8Array[];
	/** The first one is used where a request names no CI. */
	readonly credentials: readonly CardCredential[];
	/** FQDN. */
	readonly rootSmdsAddress: string;
	/** FQDN; absent when the card knows none. */
	readonly defaultSmdpAddress?: string;
	/** Octets that profiles may take together. */
	readonly profileMemory: number;
	readonly rulesAuthorisationTable: readonly RatRule[];
	/** Test profiles may be loaded. */
	readonly supportsTestProfiles: boolean;
	/** eCall: emergency profiles may be enabled by the IPA. */
	readonly supportsEmergencyProfile: boolean;
	/** An IPA is inside of the card, and can be switched on (SGP.32 section 5.9, IpaeActivation). */
	readonly supportsIpae?: boolean;
	readonly quirks: Quirks;
}

/** Every operator may set both policy rules, without consent. */
export const openRulesAuthorisationTable: readonly RatRule[] = [
	{ pprIds: "011", allowedOperators: [{ mccMnc: Uint8Array.of(0xee, 0xee, 0xee) }], consentRequired: false },
];

export const personalisationDefaults = {
	mode: "iot",
	rootSmdsAddress: "lpa.ds.gsma.com",
	profileMemory: 1 << 20,
	rulesAuthorisationTable: openRulesAuthorisationTable,
	supportsTestProfiles: true,
	supportsEmergencyProfile: true,
	quirks: {},
} as const satisfies Partial<Personalisation>;

const KEY = "personalisation";

/**
 * Writes a new card into an empty memory.
 * @throws EuiccError EUICC_PERSONALISATION_INVALID when the fields do not fit together or the memory holds a card already
 */
export function personalise(nvm: Nvm, card: Personalisation): void {
	if (nvm.get(KEY) !== undefined) throw invalid("the memory holds a card already; use an empty directory");
	if (!Eid.is(card.eid)) throw invalid(`${card.eid} is no EID: 32 digits with two check digits are needed`);
	if (card.credentials.length === 0) throw invalid("at least one eUICC certificate with its private key is needed");
	if (card.ciCertificates.length === 0) throw invalid("at least one CI certificate is needed");
	writeRecord(nvm, KEY, card);
	nvm.commit();
}

/**
 * The card that a memory holds.
 * @throws EuiccError EUICC_MEMORY_MISSING
 */
export function loadPersonalisation(nvm: Nvm): Personalisation {
	const card = readRecord<Personalisation>(nvm, KEY);
	if (card === undefined) throw new EuiccError("EUICC_MEMORY_MISSING", "this memory holds no card");
	return card;
}

function invalid(message: string): EuiccError {
	return new EuiccError("EUICC_PERSONALISATION_INVALID", message);
}
