/** Concealment of the subscription identifier on the card (3GPP TS 33.501 annex C, TS 23.003 §2.2B). */

import {
	createCipheriv,
	createECDH,
	createHmac,
	createPrivateKey,
	createPublicKey,
	diffieHellman,
	ECDH,
} from "node:crypto";
import { readTlvs, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { x963Kdf } from "@iot-esim/shared/crypto/kdf";
import { concatBytes, hex } from "@iot-esim/shared/util/bytes";

export const ProtectionScheme = { nullScheme: 0, profileA: 1, profileB: 2 } as const;

/** What EF.SUCI_Calc_Info prefers and can be carried out. */
export interface ConcealmentChoice {
	readonly scheme: number;
	/** Identifier of the home network's public key; 0 with the null scheme. */
	readonly keyIdentifier: number;
	/** 32 octets for profile A, a point of P-256 for profile B, empty for the null scheme. */
	readonly publicKey: Uint8Array;
}

const SCHEMES = 0xa0;
const KEYS = 0xa1;
const KEY_IDENTIFIER = 0x80;
const KEY = 0x81;
const NO_CONCEALMENT: ConcealmentChoice = { scheme: 0, keyIdentifier: 0, publicKey: new Uint8Array(0) };

/**
 * The scheme of highest priority in EF.SUCI_Calc_Info (TS 31.102 §4.4.11.8): pairs of scheme and position of its key,
 * then the keys. The null scheme when the file holds nothing that can be read.
 */
export function chooseConcealment(contents: Uint8Array): ConcealmentChoice {
	try {
		const tlvs = readTlvs(withoutFiller(contents));
		const schemes = tlvs.find(({ tag }) => tag === SCHEMES);
		const keys = tlvs.find(({ tag }) => tag === KEYS);
		const pairs = schemes ? tlvValue(contents, schemes) : new Uint8Array(0);
		const known = keys ? readKeys(tlvValue(contents, keys)) : [];
		for (let at = 0; at + 1 < pairs.length; at += 2) {
			const scheme = pairs[at] as number;
			if (scheme === ProtectionScheme.nullScheme) return NO_CONCEALMENT;
			const key = known[(pairs[at + 1] as number) - 1];
			const isKnown = scheme === ProtectionScheme.profileA || scheme === ProtectionScheme.profileB;
			if (isKnown && key) return { scheme, ...key };
		}
	} catch {
		// A file that is no row of TLVs names no scheme.
	}
	return NO_CONCEALMENT;
}

function readKeys(contents: Uint8Array): Omit<ConcealmentChoice, "scheme">[] {
	const tlvs = readTlvs(contents);
	return tlvs.flatMap((tlv, i) => {
		const next = tlvs[i + 1];
		if (tlv.tag !== KEY_IDENTIFIER || next?.tag !== KEY) return [];
		return [{ keyIdentifier: contents[tlv.valueStart] ?? 0, publicKey: tlvValue(contents, next) }];
	});
}

function withoutFiller(contents: Uint8Array): Uint8Array {
	let end = contents.length;
	while (end > 0 && contents[end - 1] === 0xff) end--;
	return contents.subarray(0, end);
}

/** Who is concealed. */
export interface SuciInput {
	readonly imsi: string;
	/** Digits of the MNC in the IMSI. */
	readonly mncLength: number;
	/** The first two octets of EF.Routing_Indicator. */
	readonly routingIndicator: Uint8Array;
	readonly choice: ConcealmentChoice;
	/** 32 octets for the key of this one concealment. */
	readonly ephemeralKey: Uint8Array;
}

const SUPI_FORMAT_IMSI_AND_TYPE_SUCI = 0x01;

/** The SUCI as in the 5GS mobile identity (3GPP TS 24.501 §9.11.3.4) from its octet 4 on. */
export function suciOf({ imsi, mncLength, routingIndicator, choice, ephemeralKey }: SuciInput): Uint8Array {
	const digits = [...imsi].map(Number);
	const network = digits.slice(0, 3 + mncLength);
	const [m1, m2, m3, n1, n2, n3 = 0xf] = network as [number, number, number, number, number, number?];
	return concatBytes(
		Uint8Array.of(SUPI_FORMAT_IMSI_AND_TYPE_SUCI),
		swapped([m1, m2, m3, n3, n1, n2]),
		routingIndicator,
		Uint8Array.of(choice.scheme, choice.keyIdentifier),
		conceal(swapped(digits.slice(3 + mncLength)), choice, ephemeralKey),
	);
}

/** Two digits an octet, the first in the low half, F behind an odd number. */
function swapped(digits: readonly number[]): Uint8Array {
	return Uint8Array.from({ length: Math.ceil(digits.length / 2) }, (_, i) => {
		return ((digits[2 * i + 1] ?? 0xf) << 4) | (digits[2 * i] as number);
	});
}

const ENCRYPTION_KEY = 16;
const COUNTER_BLOCK = 16;
const MAC_KEY = 32;
const MAC_LENGTH = 8;

/** Scheme output: the input itself, or ephemeral public key ‖ ciphertext ‖ MAC (TS 33.501 §C.3). */
export function conceal(input: Uint8Array, choice: ConcealmentChoice, ephemeralKey: Uint8Array): Uint8Array {
	if (choice.scheme === ProtectionScheme.nullScheme) return input;
	const agreed = choice.scheme === ProtectionScheme.profileA ? agreeX25519 : agreeP256;
	const { publicKey, secret } = agreed(ephemeralKey, choice.publicKey);
	const keys = x963Kdf(secret, publicKey, ENCRYPTION_KEY + COUNTER_BLOCK + MAC_KEY);
	const counter = keys.subarray(ENCRYPTION_KEY, ENCRYPTION_KEY + COUNTER_BLOCK);
	const cipher = createCipheriv("aes-128-ctr", keys.subarray(0, ENCRYPTION_KEY), counter);
	const ciphertext = concatBytes(cipher.update(input), cipher.final());
	const mac = createHmac("sha256", keys.subarray(ENCRYPTION_KEY + COUNTER_BLOCK))
		.update(ciphertext)
		.digest();
	return concatBytes(publicKey, ciphertext, mac.subarray(0, MAC_LENGTH));
}

interface Agreement {
	/** As it goes over the air. */
	readonly publicKey: Uint8Array;
	readonly secret: Uint8Array;
}

/** Headers of PKCS #8 and SubjectPublicKeyInfo around the 32 octets of an X25519 key (RFC 8410). */
const X25519_PRIVATE = hex`302E020100300506032B656E04220420`;
const X25519_PUBLIC = hex`302A300506032B656E032100`;

function agreeX25519(ephemeralKey: Uint8Array, homeNetworkKey: Uint8Array): Agreement {
	const der = Buffer.from(concatBytes(X25519_PRIVATE, ephemeralKey));
	const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
	const theirs = Buffer.from(concatBytes(X25519_PUBLIC, homeNetworkKey));
	const publicKey = createPublicKey({ key: theirs, format: "der", type: "spki" });
	const ours = createPublicKey(privateKey).export({ format: "der", type: "spki" });
	return {
		publicKey: new Uint8Array(ours.subarray(X25519_PUBLIC.length)),
		secret: new Uint8Array(diffieHellman({ privateKey, publicKey })),
	};
}

function agreeP256(ephemeralKey: Uint8Array, homeNetworkKey: Uint8Array): Agreement {
	const ecdh = createECDH("prime256v1");
	ecdh.setPrivateKey(ephemeralKey);
	const point = ECDH.convertKey(homeNetworkKey, "prime256v1", undefined, undefined, "uncompressed") as Buffer;
	return {
		publicKey: new Uint8Array(ecdh.getPublicKey(null, "compressed")),
		secret: new Uint8Array(ecdh.computeSecret(point)),
	};
}
