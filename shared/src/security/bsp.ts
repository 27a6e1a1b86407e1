/**
 * BSP, the protection of Bound Profile Packages (SGP.22 section 2.6.4): SCP03t blocks with AES-128, from keys that
 * both sides derive. One session object protects, or opens, the blocks of one direction in their order.
 */

import { timingSafeEqual } from "node:crypto";
import { readTlv } from "../asn1/tlv-reader.ts";
import { lengthOctets } from "../asn1/tlv-writer.ts";
import { AES_BLOCK_LENGTH, decryptAesCbc, encryptAesBlock, encryptAesCbc } from "../crypto/aes.ts";
import { aesCmac } from "../crypto/cmac.ts";
import { x963Kdf } from "../crypto/kdf.ts";
import { concatBytes } from "../util/bytes.ts";
import { SecurityError } from "./errors.ts";

/** Keys of a BSP session; 16 octets each. */
export interface BspKeys {
	/** S-ENC, or PPK-ENC. */
	readonly senc: Uint8Array;
	/** S-MAC, or PPK-CMAC. */
	readonly smac: Uint8Array;
	/** Initial MAC chaining value. */
	readonly initialMcv: Uint8Array;
}

/** Key type AES and key length 16 of the control reference template, the only ones of SGP.22. */
export const BSP_KEY_TYPE = 0x88;
export const BSP_KEY_LENGTH = 0x10;

/** Largest protected TLV in octets, tag, length and MAC included (SGP.22 section 2.5.4). */
export const MAX_PROTECTED_TLV_LENGTH = 1020;

/** Octets of a MAC on the wire; the chaining value is twice as long. */
const MAC_LENGTH = 8;
/** Tag and three octets of length before a block of more than 255 octets. */
const HEADER_LENGTH = 4;

/** Most octets of plaintext that fit in one encrypted TLV, one octet of padding being needed. */
export const MAX_ENCRYPTED_PLAINTEXT_LENGTH =
	Math.floor((MAX_PROTECTED_TLV_LENGTH - HEADER_LENGTH - MAC_LENGTH) / AES_BLOCK_LENGTH) * AES_BLOCK_LENGTH - 1;

/** Most octets that fit in one TLV that has a MAC only. */
export const MAX_MAC_ONLY_LENGTH = MAX_PROTECTED_TLV_LENGTH - HEADER_LENGTH - MAC_LENGTH;

/** The keys of a session from the ECDH secret (32 octets), the host identifier and the EID (16 octets). */
export function deriveBspKeys(input: {
	readonly sharedSecret: Uint8Array;
	readonly hostId: Uint8Array;
	readonly eid: Uint8Array;
}): BspKeys {
	const { hostId, eid } = input;
	const sharedInfo = concatBytes(
		Uint8Array.of(BSP_KEY_TYPE, BSP_KEY_LENGTH),
		Uint8Array.from(lengthOctets(hostId.length)),
		hostId,
		Uint8Array.from(lengthOctets(eid.length)),
		eid,
	);
	const derived = x963Kdf(input.sharedSecret, sharedInfo, 3 * BSP_KEY_LENGTH);
	return { initialMcv: derived.slice(0, 16), senc: derived.slice(16, 32), smac: derived.slice(32, 48) };
}

/** The state of one direction: the block counter, which MAC-only blocks raise too, and the MAC chaining value. */
export class BspSession {
	readonly #keys: BspKeys;
	#mcv: Uint8Array;
	#counter = 1;

	constructor(keys: BspKeys) {
		this.#keys = keys;
		this.#mcv = keys.initialMcv;
	}

	/** Plaintext to a TLV of `tag` with ciphertext and MAC. */
	encrypt(tag: number, plaintext: Uint8Array): Uint8Array {
		return this.#withMac(tag, encryptAesCbc(this.#keys.senc, this.#nextIcv(), padded(plaintext)));
	}

	/** Plaintext to a TLV of `tag` with the plaintext and a MAC. */
	mac(tag: number, plaintext: Uint8Array): Uint8Array {
		this.#counter++;
		return this.#withMac(tag, plaintext);
	}

	/**
	 * The plaintext of a TLV that {@link encrypt} made.
	 * @throws SecurityError SECURITY_BSP_STRUCTURE, SECURITY_BSP_MAC or SECURITY_BSP_PADDING; the session is then over
	 */
	decrypt(tag: number, protectedTlv: Uint8Array): Uint8Array {
		const ciphertext = this.#withoutMac(tag, protectedTlv);
		if (ciphertext.length === 0 || ciphertext.length % AES_BLOCK_LENGTH !== 0) {
			throw new SecurityError("SECURITY_BSP_STRUCTURE", `${ciphertext.length} octets are no encrypted blocks`);
		}
		return unpadded(decryptAesCbc(this.#keys.senc, this.#nextIcv(), ciphertext));
	}

	/**
	 * The plaintext of a TLV that {@link mac} made.
	 * @throws SecurityError SECURITY_BSP_STRUCTURE or SECURITY_BSP_MAC; the session is then over
	 */
	verify(tag: number, protectedTlv: Uint8Array): Uint8Array {
		const plaintext = this.#withoutMac(tag, protectedTlv);
		this.#counter++;
		return plaintext;
	}

	/** The counter as one block, encrypted: initial value of the next ciphertext. */
	#nextIcv(): Uint8Array {
		const block = Buffer.alloc(AES_BLOCK_LENGTH);
		block.writeUInt32BE(this.#counter++, AES_BLOCK_LENGTH - 4);
		return encryptAesBlock(this.#keys.senc, block);
	}

	#withMac(tag: number, text: Uint8Array): Uint8Array {
		const head = Uint8Array.of(tag, ...lengthOctets(text.length + MAC_LENGTH));
		this.#mcv = aesCmac(this.#keys.smac, this.#mcv, head, text);
		return concatBytes(head, text, this.#mcv.subarray(0, MAC_LENGTH));
	}

	#withoutMac(tag: number, protectedTlv: Uint8Array): Uint8Array {
		const tlv = protectedBlock(tag, protectedTlv);
		const macStart = tlv.end - MAC_LENGTH;
		const mcv = aesCmac(this.#keys.smac, this.#mcv, protectedTlv.subarray(0, macStart));
		if (!timingSafeEqual(mcv.subarray(0, MAC_LENGTH), protectedTlv.subarray(macStart))) {
			throw new SecurityError("SECURITY_BSP_MAC", `the MAC of block ${this.#counter} is wrong`);
		}
		this.#mcv = mcv;
		return protectedTlv.subarray(tlv.valueStart, macStart);
	}
}

function protectedBlock(tag: number, bytes: Uint8Array) {
	try {
		const tlv = readTlv(bytes, 0);
		if (tlv.tag === tag && tlv.end === bytes.length && tlv.end - tlv.valueStart >= MAC_LENGTH) return tlv;
	} catch (cause) {
		throw new SecurityError("SECURITY_BSP_STRUCTURE", "a protected block is no TLV", { cause });
	}
	const found = bytes.length === 0 ? "nothing" : `${bytes.length} octets beginning with ${bytes[0]?.toString(16)}`;
	throw new SecurityError("SECURITY_BSP_STRUCTURE", `expected one block of tag ${tag.toString(16)}, got ${found}`);
}

/** 80, then zeros up to a whole block (SGP.22 section 2.6.4.4); a whole block is added to whole blocks. */
function padded(plaintext: Uint8Array): Uint8Array {
	const text = new Uint8Array((Math.floor(plaintext.length / AES_BLOCK_LENGTH) + 1) * AES_BLOCK_LENGTH);
	text.set(plaintext);
	text[plaintext.length] = 0x80;
	return text;
}

function unpadded(text: Uint8Array): Uint8Array {
	let end = text.length - 1;
	while (end >= text.length - AES_BLOCK_LENGTH && text[end] === 0) end--;
	if (end < text.length - AES_BLOCK_LENGTH || text[end] !== 0x80) {
		throw new SecurityError("SECURITY_BSP_PADDING", "a decrypted block does not end in its padding");
	}
	return text.slice(0, end);
}
