import { decode } from "@iot-esim/shared/asn1/schema";
import { findTlv, readTlvs, readWholeTlv, type Tlv, tlvBytes, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv as writeTlv } from "@iot-esim/shared/asn1/tlv-writer";
import { EimConfigurationData } from "@iot-esim/shared/messages/sgp32/eim-configuration";

/** What the TLS server of an eIM must show: a pinned key, or a certificate that is its own or its CA's. */
export type TrustedTlsKey = { readonly publicKey: Uint8Array } | { readonly certificate: Uint8Array };

/** What the card holds of one eIM (SGP.32 §2.11.1); DER of keys and certificates with their own tag 30. */
export interface EimConfiguration {
	readonly eimId: string;
	readonly eimFqdn: string | undefined;
	readonly counterValue: number | undefined;
	readonly associationToken: number | undefined;
	readonly trustedTlsKey: TrustedTlsKey | undefined;
	/** Named bits of EimSupportedProtocol, first bit first; undefined when the card does not say. */
	readonly supportedProtocol: string | undefined;
	readonly indirectProfileDownload: boolean;
	/** The entry as the card gave it. */
	readonly der: Uint8Array;
}

const PUBLIC_KEY_DATA = 0xa5;
const TLS_KEY_DATA = 0xa6;
const KEY_ARM = 0xa0;
const CERTIFICATE_ARM = 0xa1;
const SEQUENCE = 0x30;

/**
 * Reads one entry of the list of BF55. The keys may stand in the strict form A6{A0{alg, key}}, nested as A6{A0{30{..}}},
 * or bare as A6{30{..}}: peers write all three.
 * @throws Asn1Error
 */
export function decodeEimConfiguration(der: Uint8Array): EimConfiguration {
	const strict = decode(EimConfigurationData, strictKeyForms(der));
	const tls = strict.trustedPublicKeyDataTls;
	return {
		eimId: strict.eimId,
		eimFqdn: strict.eimFqdn,
		counterValue: strict.counterValue,
		associationToken: strict.associationToken,
		trustedTlsKey: tls === undefined ? undefined : trustedKey(tls),
		supportedProtocol: strict.eimSupportedProtocol,
		indirectProfileDownload: strict.indirectProfileDownload !== undefined,
		der,
	};
}

function trustedKey(tls: NonNullable<EimConfigurationData["trustedPublicKeyDataTls"]>): TrustedTlsKey {
	return "trustedEimPkTls" in tls ? { publicKey: tls.trustedEimPkTls } : { certificate: tls.trustedCertificateTls };
}

/** The same entry with its keys in the strict form, where the tag of the arm replaces the tag 30. */
export function strictKeyForms(der: Uint8Array): Uint8Array {
	const whole = readWholeTlv(der);
	const members = readTlvs(der, whole.valueStart, whole.end).map((member) => {
		const isKeyData = member.tag === PUBLIC_KEY_DATA || member.tag === TLS_KEY_DATA;
		return isKeyData ? writeTlv(member.tag, strictArm(der, member)) : tlvBytes(der, member);
	});
	return writeTlv(whole.tag, ...members);
}

function strictArm(bytes: Uint8Array, keyData: Tlv): Uint8Array {
	const arms = readTlvs(bytes, keyData.valueStart, keyData.end);
	const arm = findTlv(arms, KEY_ARM) ?? findTlv(arms, CERTIFICATE_ARM) ?? findTlv(arms, SEQUENCE);
	if (arm === undefined) return tlvValue(bytes, keyData);
	const children = readTlvs(bytes, arm.valueStart, arm.end);
	const only = children[0];
	const isNested = children.length === 1 && only?.tag === SEQUENCE;
	if (arm.tag === SEQUENCE) return writeTlv(children.length === 2 ? KEY_ARM : CERTIFICATE_ARM, tlvValue(bytes, arm));
	return isNested ? writeTlv(arm.tag, tlvValue(bytes, only)) : tlvBytes(bytes, arm);
}
