import type { KeyObject } from "node:crypto";
import { encode } from "../asn1/schema.ts";
import { readTlvs, readWholeTlv, type Tlv } from "../asn1/tlv-reader.ts";
import { tlv } from "../asn1/tlv-writer.ts";
import { type KeyPair, signRaw, verifyRaw } from "../crypto/ecdsa.ts";
import { ecdhSharedSecret, publicPoint } from "../crypto/key-agreement.ts";
import {
	ConfigureISDPRequest,
	type InitialiseSecureChannelRequest,
	ReplaceSessionKeysRequest,
} from "../messages/sgp22/bound-profile-package.ts";
import {
	BSP_KEY_LENGTH,
	BSP_KEY_TYPE,
	type BspKeys,
	BspSession,
	deriveBspKeys,
	MAX_ENCRYPTED_PLAINTEXT_LENGTH,
	MAX_MAC_ONLY_LENGTH,
} from "./bsp.ts";
import { SecurityError } from "./errors.ts";
import { smdpSignInput } from "./signature-input.ts";

export interface BoundProfilePackageContents {
	readonly transactionId: Uint8Array;
	/** Key of CERT.DPpb. */
	readonly privateKey: KeyObject;
	/** The one-time key pair of the SM-DP+ for this eUICC. */
	readonly oneTimeKeyPair: KeyPair;
	/** The one-time key of the eUICC, a point of 65 octets. */
	readonly euiccOtpk: Uint8Array;
	/** 16 octets. */
	readonly eid: Uint8Array;
	/** 1 to 16 octets, chosen by the SM-DP+. */
	readonly hostId: Uint8Array;
	readonly configureISDP?: ConfigureISDPRequest;
	/** BF25, the very octets that the eUICC's owner was shown. */
	readonly storeMetadataDer: Uint8Array;
	/** Keys of the profile elements; those of the session when absent. */
	readonly profileProtectionKeys?: BspKeys;
	/** The profile elements (UPP). */
	readonly profile: Uint8Array;
}

/** Binds a profile to one eUICC (SGP.22 section 2.5.4): the octets of BF36. */
export function buildBoundProfilePackage(contents: BoundProfilePackageContents): Uint8Array {
	const { hostId, eid, profileProtectionKeys: ppk } = contents;
	const sharedSecret = ecdhSharedSecret(contents.oneTimeKeyPair.privateKey, contents.euiccOtpk);
	const session = new BspSession(deriveBspKeys({ sharedSecret, hostId, eid }));
	const configure = encode(ConfigureISDPRequest, contents.configureISDP ?? {});
	const first = chunks(configure, MAX_ENCRYPTED_PLAINTEXT_LENGTH).map((chunk) => session.encrypt(0x87, chunk));
	const metadata = chunks(contents.storeMetadataDer, MAX_MAC_ONLY_LENGTH).map((chunk) => session.mac(0x88, chunk));
	const replacement = ppk === undefined ? [] : [tlv(0xa2, session.encrypt(0x87, replaceSessionKeys(ppk)))];
	const elements = ppk === undefined ? protectBlocks(session, contents.profile) : protectProfile(ppk, contents.profile);
	return tlv(
		0xbf36,
		initialiseSecureChannel(contents),
		tlv(0xa0, ...first),
		tlv(0xa1, ...metadata),
		...replacement,
		tlv(0xa3, ...elements),
	);
}

/** The profile under its own keys, before it is bound to an eUICC (PPP): TLVs of tag 86 in their order. */
export function protectProfile(keys: BspKeys, profile: Uint8Array): Uint8Array[] {
	return protectBlocks(new BspSession(keys), profile);
}

function protectBlocks(session: BspSession, profile: Uint8Array): Uint8Array[] {
	return chunks(profile, MAX_ENCRYPTED_PLAINTEXT_LENGTH).map((chunk) => session.encrypt(0x86, chunk));
}

/** BF23 with smdpSign. */
function initialiseSecureChannel(contents: BoundProfilePackageContents): Uint8Array {
	const unsigned = [
		Uint8Array.of(0x82, 0x01, 0x01),
		tlv(0x80, contents.transactionId),
		tlv(
			0xa6,
			tlv(0x80, Uint8Array.of(BSP_KEY_TYPE)),
			tlv(0x81, Uint8Array.of(BSP_KEY_LENGTH)),
			tlv(0x84, contents.hostId),
		),
		tlv(0x5f49, publicPoint(contents.oneTimeKeyPair.publicKey)),
	];
	const signature = signRaw(contents.privateKey, smdpSignInput(tlv(0xbf23, ...unsigned), contents.euiccOtpk));
	return tlv(0xbf23, ...unsigned, tlv(0x5f37, signature));
}

/**
 * The eUICC's side of InitialiseSecureChannel: checks smdpSign and derives the keys of the session.
 * @param input.der BF23 as received
 * @param input.publicKey of CERT.DPpb
 * @param input.oneTimePrivateKey the private half of the one-time key that the eUICC gave in PrepareDownload
 * @throws SecurityError SECURITY_SIGNATURE_INVALID; CryptoError CRYPTO_KEY_INVALID when smdpOtpk is not on the curve
 */
export function openSecureChannel(input: {
	readonly request: InitialiseSecureChannelRequest;
	readonly der: Uint8Array;
	readonly publicKey: KeyObject;
	readonly oneTimePrivateKey: KeyObject;
	readonly eid: Uint8Array;
}): BspKeys {
	const { request, oneTimePrivateKey, eid } = input;
	const signed = smdpSignInput(input.der, publicPoint(oneTimePrivateKey));
	if (!verifyRaw(input.publicKey, signed, request.smdpSign)) {
		throw new SecurityError("SECURITY_SIGNATURE_INVALID", "smdpSign is not one by the SM-DP+ of this session");
	}
	const sharedSecret = ecdhSharedSecret(oneTimePrivateKey, request.smdpOtpk);
	return deriveBspKeys({ sharedSecret, hostId: request.controlRefTemplate.value.hostId, eid });
}

function replaceSessionKeys(keys: BspKeys): Uint8Array {
	return encode(ReplaceSessionKeysRequest, {
		initialMacChainingValue: keys.initialMcv,
		ppkEnc: keys.senc,
		ppkCmac: keys.smac,
	});
}

function chunks(bytes: Uint8Array, size: number): Uint8Array[] {
	return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

/**
 * The segments in which a Bound Profile Package goes to the eUICC (SGP.22 section 2.5.5); each is sent with STORE DATA
 * blocks numbered from 0.
 * @throws SecurityError SECURITY_BPP_STRUCTURE
 */
export function segmentBoundProfilePackage(bytes: Uint8Array): Uint8Array[] {
	const { whole, parts } = packageParts(bytes);
	const [channel, ...sequences] = parts;
	if (channel?.tag !== 0xbf23) throw structure("InitialiseSecureChannel (BF23) does not come first");
	const segments = [bytes.subarray(whole.start, channel.end)];
	for (const sequence of sequences) {
		const blocks = membersOf(bytes, sequence);
		const head = bytes.subarray(sequence.start, sequence.valueStart);
		const isHeadAlone = sequence.tag === 0xa1 || sequence.tag === 0xa3 || blocks.length === 0;
		if (isHeadAlone) segments.push(head);
		for (const [index, block] of blocks.entries()) {
			const start = index === 0 && !isHeadAlone ? sequence.start : block.start;
			segments.push(bytes.subarray(start, block.end));
		}
	}
	return segments;
}

function packageParts(bytes: Uint8Array): { whole: Tlv; parts: Tlv[] } {
	try {
		const whole = readWholeTlv(bytes);
		if (whole.tag !== 0xbf36) throw structure("the octets do not begin with BF36");
		const parts = readTlvs(bytes, whole.valueStart, whole.end);
		const order = parts.map(({ tag }) => tag.toString(16)).join(" ");
		if (!/^bf23 a0 a1( a2)? a3$/.test(order)) throw structure(`parts ${order} where bf23 a0 a1 (a2) a3 are expected`);
		return { whole, parts };
	} catch (cause) {
		if (cause instanceof SecurityError) throw cause;
		throw structure("the octets are no TLV", cause);
	}
}

function membersOf(bytes: Uint8Array, sequence: Tlv): Tlv[] {
	try {
		return readTlvs(bytes, sequence.valueStart, sequence.end);
	} catch (cause) {
		throw structure(`part ${sequence.tag.toString(16)} holds no whole TLVs`, cause);
	}
}

function structure(reason: string, cause?: unknown): SecurityError {
	return new SecurityError("SECURITY_BPP_STRUCTURE", `no Bound Profile Package: ${reason}`, { cause });
}
