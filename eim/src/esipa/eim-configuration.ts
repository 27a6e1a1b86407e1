import { Asn1Error, encode } from "@iot-esim/shared/asn1/schema";
import { readTlvs, readWholeTlv, tlvBytes, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import type { EimIdType } from "@iot-esim/shared/ids/eim-id";
import {
	AddInitialEimRequest,
	EimConfigurationData,
	EimSupportedProtocol,
} from "@iot-esim/shared/messages/sgp32/eim-configuration";
import { INITIAL_COUNTER } from "../domain/device.ts";
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
	readonly eimIdType?: EimIdType | undefined;
	/** The counter that the card starts from; packages have greater ones. */
	readonly counterValue?: number | undefined;
	/** -1 (the default) lets the card choose a token, null asks for none. */
	readonly associationToken?: number | null | undefined;
	/** Which form the signing key takes; the certificate where there is one, when absent. */
	readonly signingKey?: "publicKey" | "certificate" | undefined;
	readonly tlsTrust?: TlsTrustAnchor | undefined;
	/** Subject key identifier of the CI whose eUICC certificate the card shall sign with. */
	readonly euiccCiPKId?: Uint8Array | undefined;
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
		eimSupportedProtocol: EimSupportedProtocol.of("eimRetrieveHttps"),
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
		if (settings.nestedCertificateArms === true) return nestedRequest(data);
		return encode(AddInitialEimRequest, { eimConfigurationDataList: [data] });
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

/** `A5{A0{30 ..}}` in the place of the strict `A5{A0{..}}`, likewise below A6. */
function nestedRequest(data: EimConfigurationData): Uint8Array {
	const strict = encode(EimConfigurationData, data);
	const members = membersOf(strict).map(({ tag, bytes }) => {
		if (tag !== 0xa5 && tag !== 0xa6) return bytes;
		const [arm] = membersOf(bytes);
		return arm === undefined ? bytes : tlv(tag, tlv(arm.tag, tlv(0x30, tlvValue(arm.bytes, readWholeTlv(arm.bytes)))));
	});
	return tlv(0xbf57, tlv(0xa0, tlv(0x30, ...members)));
}

function membersOf(bytes: Uint8Array): { readonly tag: number; readonly bytes: Uint8Array }[] {
	const whole = readWholeTlv(bytes);
	const members = readTlvs(bytes, whole.valueStart, whole.end);
	return members.map((member) => ({ tag: member.tag, bytes: tlvBytes(bytes, member) }));
}
