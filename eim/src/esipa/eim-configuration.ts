import { Asn1Error, encode } from "@iot-esim/shared/asn1/schema";
import { decodeLenient } from "@iot-esim/shared/messages/sgp32/deviations";
import { encodeIn } from "@iot-esim/shared/messages/sgp32/dialect/encode-in";
import {
	AddInitialEimRequest,
	EimConfigurationData,
	EimIdTypeCode,
	EimSupportedProtocol,
} from "@iot-esim/shared/messages/sgp32/eim-configuration";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { toHex } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import { type CardEim, type Device, type DeviceChange, INITIAL_COUNTER } from "../domain/device.ts";
import type { EimToldToCard } from "../domain/euicc-command.ts";
import { keyIdOf } from "../domain/key-id.ts";
import type { EimSigner } from "../keys/eim-signer.ts";
import { EsipaError } from "./errors.ts";

/** Whom the IPA trusts as the TLS server of this eIM. */
export type TlsTrustAnchor =
	| { readonly kind: "publicKey"; readonly spki: Uint8Array }
	| { readonly kind: "certificate"; readonly der: Uint8Array };

/** What a card is told of this eIM (SGP.32 section 2.11.1.1.2). */
export interface EimConfigurationSettings {
	readonly eimId: string;
	/** Name with an optional port; what the IPA connects to. */
	readonly eimFqdn?: string | undefined;
	readonly eimIdType?: EimConfigurationData["eimIdType"];
	/** The counter that the card starts from; packages have greater ones. */
	readonly counterValue?: number | undefined;
	/** -1 (the default) lets the card choose a token, null asks for none. */
	readonly associationToken?: number | null | undefined;
	/** Which form the signing key takes; the certificate where there is one, when absent. */
	readonly signingKey?: "publicKey" | "certificate" | undefined;
	readonly tlsTrust?: TlsTrustAnchor | undefined;
	/** Subject key identifier of the CI whose eUICC certificate the card shall sign with. */
	readonly euiccCiPKId?: Uint8Array | undefined;
	/** How IPAs reach this eIM besides HTTPS. */
	readonly furtherProtocols?: readonly ("eimRetrieveCoaps" | "eimInjectCoaps" | "eimProprietary")[] | undefined;
	/** True when downloads go through this eIM only. */
	readonly indirectProfileDownload?: boolean | undefined;
	/** Certificates and keys as a whole SEQUENCE inside the CHOICE arm, for cards that cannot read the strict form. */
	readonly nestedCertificateArms?: boolean | undefined;
}

/** Lets the card choose. */
const CARD_CHOOSES_TOKEN = -1;

/**
 * EimConfigurationData for AddInitialEim, addEim and updateEim.
 * @throws EsipaError ESIPA_CONFIGURATION_INVALID
 */
export function eimConfigurationData(
	settings: EimConfigurationSettings,
	signer: Pick<EimSigner, "publicKey" | "certificate">,
): EimConfigurationData {
	const { associationToken = CARD_CHOOSES_TOKEN, tlsTrust, euiccCiPKId, eimFqdn } = settings;
	return {
		eimId: settings.eimId,
		...(eimFqdn === undefined ? {} : { eimFqdn }),
		...(settings.eimIdType === undefined ? {} : { eimIdType: settings.eimIdType }),
		counterValue: settings.counterValue ?? INITIAL_COUNTER,
		...(associationToken === null ? {} : { associationToken }),
		eimPublicKeyData: signingKey(settings, signer),
		...(tlsTrust === undefined
			? {}
			: {
					trustedPublicKeyDataTls:
						tlsTrust.kind === "publicKey"
							? { trustedEimPkTls: tlsTrust.spki }
							: { trustedCertificateTls: tlsTrust.der },
				}),
		eimSupportedProtocol: EimSupportedProtocol.of(
			"eimRetrieveHttps",
			"eimInjectHttps",
			...(settings.furtherProtocols ?? []),
		),
		...(euiccCiPKId === undefined ? {} : { euiccCiPKId }),
		...(settings.indirectProfileDownload === false ? {} : { indirectProfileDownload: null }),
	};
}

/**
 * AddInitialEimRequest (BF57) with this eIM alone, in DER: what `ipa card add-eim` takes.
 * @throws EsipaError ESIPA_CONFIGURATION_INVALID
 */
export function addInitialEimRequest(
	settings: EimConfigurationSettings,
	signer: Pick<EimSigner, "publicKey" | "certificate">,
): Uint8Array {
	const data = eimConfigurationData(settings, signer);
	try {
		const { nestedCertificateArms = false } = settings;
		const dialect = { version: "1.2", nestedCertificateArms } as const;
		return encodeIn(dialect, AddInitialEimRequest, { eimConfigurationDataList: [data] });
	} catch (error) {
		if (!(error instanceof Asn1Error)) throw error;
		throw new EsipaError("ESIPA_CONFIGURATION_INVALID", `eIM configuration data: ${error.message}`, { cause: error });
	}
}

function signingKey(
	{ signingKey: form }: EimConfigurationSettings,
	{ certificate, publicKey }: Pick<EimSigner, "publicKey" | "certificate">,
): NonNullable<EimConfigurationData["eimPublicKeyData"]> {
	if (form === "publicKey" || (form === undefined && certificate === undefined)) return { eimPublicKey: publicKey };
	if (certificate !== undefined) return { eimCertificate: certificate };
	throw new EsipaError(
		"ESIPA_CONFIGURATION_INVALID",
		"the card shall get the signing certificate of the eIM, but none is configured beside the key",
	);
}

/** This eIM as an update of what a card knows of it: token and counter stay as they are. */
export interface OwnEim {
	readonly settings: () => EimConfigurationSettings;
	readonly signer: Pick<EimSigner, "publicKey" | "certificate">;
}

/** @throws EsipaError ESIPA_CONFIGURATION_INVALID */
export function ownUpdate({ settings, signer }: OwnEim): EimConfigurationData {
	const { counterValue: _counter, ...data } = eimConfigurationData({ ...settings(), associationToken: null }, signer);
	return data;
}

/** The name under which a device's row remembers whom its IPA trusts; undefined without a pin. */
export function tlsTrustIdOf({ tlsTrust }: Pick<EimConfigurationSettings, "tlsTrust">): string | undefined {
	if (tlsTrust === undefined) return undefined;
	return keyIdOf(tlsTrust.kind === "publicKey" ? tlsTrust.spki : tlsTrust.der);
}

/** What follows for this eIM when a card has taken such a configuration of it. */
export function toldBy(configuration: EimConfigurationData, device: Pick<Device, "counter">): DeviceChange {
	const { eimPublicKeyData: key, trustedPublicKeyDataTls: tls, counterValue } = configuration;
	const spki = key && ("eimPublicKey" in key ? key.eimPublicKey : parseCertificate(key.eimCertificate).spkiDer);
	const trust = tls && ("trustedEimPkTls" in tls ? tls.trustedEimPkTls : tls.trustedCertificateTls);
	return {
		...(spki === undefined ? {} : { signingKeyId: keyIdOf(spki) }),
		...(trust === undefined ? {} : { tlsTrustId: keyIdOf(trust) }),
		...(counterValue === undefined || counterValue <= device.counter ? {} : { counter: counterValue }),
	};
}

/** The kind of an eimId in words; nothing where the card does not say. */
export function cardEimType(code: EimConfigurationData["eimIdType"]): Pick<CardEim, "idType"> {
	if (code === EimIdTypeCode.eimIdTypeOid) return { idType: "oid" };
	if (code === EimIdTypeCode.eimIdTypeFqdn) return { idType: "fqdn" };
	return code === undefined ? {} : { idType: "proprietary" };
}

/** A configuration that another eIM has given out, read. */
export interface ImportedEim extends EimToldToCard {
	readonly eimFqdn?: string;
	readonly counterValue?: number;
}

/**
 * Reads what another eIM gives out for cards: AddInitialEimRequest (BF57) with one eIM, or EimConfigurationData (30).
 * @throws EsipaError ESIPA_CONFIGURATION_INVALID
 */
export function readEimConfiguration(bytes: Uint8Array): ImportedEim {
	try {
		const data = bytes[0] === 0xbf ? onlyOneOf(bytes) : decodeLenient(EimConfigurationData, bytes).value;
		const { eimId, eimFqdn, counterValue, eimPublicKeyData } = data;
		if (eimPublicKeyData !== undefined && "eimCertificate" in eimPublicKeyData) {
			parseCertificate(eimPublicKeyData.eimCertificate);
		}
		return {
			eimId,
			configuration: toHex(encode(EimConfigurationData, data)),
			...(eimFqdn === undefined ? {} : { eimFqdn }),
			...(counterValue === undefined ? {} : { counterValue }),
		};
	} catch (error) {
		if (!(error instanceof EsimError) || error instanceof EsipaError) throw error;
		throw new EsipaError("ESIPA_CONFIGURATION_INVALID", `the octets are no eIM configuration: ${error.message}`, {
			cause: error,
		});
	}
}

function onlyOneOf(bytes: Uint8Array): EimConfigurationData {
	const { eimConfigurationDataList: list } = decodeLenient(AddInitialEimRequest, bytes).value;
	const [data] = list;
	if (data !== undefined && list.length === 1) return data;
	throw new EsipaError(
		"ESIPA_CONFIGURATION_INVALID",
		`the configuration is of ${list.length} eIMs; give one at a time`,
	);
}
