import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decode, encode } from "../asn1/schema.ts";
import { readTlvs, readWholeTlv, type Tlv } from "../asn1/tlv-reader.ts";
import { tlv } from "../asn1/tlv-writer.ts";
import type { Curve } from "../crypto/curve.ts";
import { generateKeyPair } from "../crypto/ecdsa.ts";
import { publicPoint } from "../crypto/key-agreement.ts";
import {
	BoundProfilePackage,
	type InitialiseSecureChannelRequest,
	ReplaceSessionKeysRequest,
} from "../messages/sgp22/bound-profile-package.ts";
import { StoreMetadataRequest } from "../messages/sgp22/profile-metadata.ts";
import { concatBytes, fromHex, hex, toHex } from "../util/bytes.ts";
import {
	type BoundProfilePackageContents,
	buildBoundProfilePackage,
	openSecureChannel,
	segmentBoundProfilePackage,
} from "./bound-profile-package.ts";
import { BppReceiver } from "./bound-profile-package-receiver.ts";
import { type BspKeys, BspSession, MAX_PROTECTED_TLV_LENGTH } from "./bsp.ts";

const vector = (name: string) =>
	new Uint8Array(readFileSync(new URL(`../../../test/vectors/pysim/${name}`, import.meta.url)));
const known = (JSON.parse(new TextDecoder().decode(vector("bsp.json"))) as { bpp: Record<string, string> }).bpp;
const octets = (name: string) => fromHex(known[name] as string);

const eid = hex`89049032123451234512345678901235`;
const transactionId = hex`00112233445566778899AABBCCDDEEFF`;
const ppk: BspKeys = {
	senc: new Uint8Array(16).fill(0x11),
	smac: new Uint8Array(16).fill(0x22),
	initialMcv: new Uint8Array(16).fill(0x33),
};
const profile = Uint8Array.from({ length: 5000 }, (_, i) => i % 251);
const storeMetadataDer = encode(StoreMetadataRequest, {
	iccid: hex`98001032547698103214`,
	serviceProviderName: "SP",
	profileName: "Profile",
	icon: new Uint8Array(1024),
	iconType: 1,
	profileClass: 2,
});

function parties(curve: Curve, changes: Partial<BoundProfilePackageContents> = {}) {
	const pb = generateKeyPair(curve);
	const euicc = generateKeyPair(curve);
	const contents: BoundProfilePackageContents = {
		transactionId,
		privateKey: pb.privateKey,
		oneTimeKeyPair: generateKeyPair(curve),
		euiccOtpk: publicPoint(euicc.publicKey),
		eid,
		hostId: hex`0102030405`,
		storeMetadataDer,
		profileProtectionKeys: ppk,
		profile,
		...changes,
	};
	const openChannel = (request: InitialiseSecureChannelRequest, der: Uint8Array) =>
		openSecureChannel({ request, der, publicKey: pb.publicKey, oneTimePrivateKey: euicc.privateKey, eid });
	return { contents, openChannel };
}

function received(receiver: BppReceiver, segments: readonly Uint8Array[]) {
	const commands = segments.flatMap((segment) => receiver.receive(segment));
	const derOf = (name: string) =>
		commands.flatMap((command) => (command.command === name && "der" in command ? [toHex(command.der)] : []));
	const elements = commands.flatMap((command) => (command.command === "loadProfileElements" ? [command.octets] : []));
	return { names: [...new Set(commands.map(({ command }) => command))], derOf, profile: concatBytes(...elements) };
}

describe("a package of osmo-smdpp, as pySim's tests hold it", () => {
	const bpp = vector("bpp.der");
	const sessionKeys = { senc: octets("senc"), smac: octets("smac"), initialMcv: octets("initialMcv") };
	const osmoPpk = { senc: octets("ppkEnc"), smac: octets("ppkCmac"), initialMcv: octets("ppkInitialMcv") };

	/**
	 * The vector in the form of the standard: it wraps every block in a second TLV of the same tag, and it lacks the A2
	 * that its 86 blocks need (their keys are told outside of the package).
	 */
	function standardForm(): Uint8Array {
		const whole = readWholeTlv(bpp);
		const [channel, configure, metadata, elements] = readTlvs(bpp, whole.valueStart, whole.end);
		if (!channel || !configure || !metadata || !elements) throw new Error("the vector has four parts");
		const blocks = (part: Tlv) =>
			readTlvs(bpp, part.valueStart, part.end).map(({ valueStart, end }) => bpp.subarray(valueStart, end));
		const session = new BspSession(sessionKeys);
		for (const block of blocks(configure)) session.decrypt(0x87, block);
		for (const block of blocks(metadata)) session.verify(0x88, block);
		const command = encode(ReplaceSessionKeysRequest, {
			initialMacChainingValue: osmoPpk.initialMcv,
			ppkEnc: osmoPpk.senc,
			ppkCmac: osmoPpk.smac,
		});
		return tlv(
			0xbf36,
			bpp.subarray(channel.start, channel.end),
			tlv(0xa0, ...blocks(configure)),
			tlv(0xa1, ...blocks(metadata)),
			tlv(0xa2, session.encrypt(0x87, command)),
			tlv(0xa3, ...blocks(elements)),
		);
	}

	it("opens into its commands and its profile, with blocks of 1036 octets", () => {
		const receiver = new BppReceiver({ openChannel: () => sessionKeys });
		const { derOf, profile: opened } = received(receiver, segmentBoundProfilePackage(standardForm()));
		expect(derOf("configureISDP")).toEqual([toHex(octets("configureIsdp"))]);
		expect(derOf("storeMetadata")).toEqual([toHex(octets("storeMetadata"))]);
		expect(toHex(opened)).toBe(toHex(vector("upp.der")));
		expect(receiver.isComplete).toBe(true);
	});

	it("is refused in the form with doubly wrapped blocks", () => {
		const receiver = new BppReceiver({ openChannel: () => sessionKeys });
		expect(() => receiver.receive(bpp)).toThrow(expect.objectContaining({ code: "SECURITY_BSP_MAC" }));
		expect(receiver.currentCommand).toBe("configureISDP");
	});

	it("is refused where only the 1020 octets of the standard are allowed", () => {
		const receiver = new BppReceiver({ openChannel: () => sessionKeys, maxProtectedTlvLength: 1020 });
		expect(() => receiver.receive(standardForm())).toThrow(/a block of 1036 octets, at most 1020/);
		expect(receiver.currentCommand).toBe("loadProfileElements");
	});
});

describe.each<Curve>(["P-256", "brainpoolP256r1"])("a package bound on %s", (curve) => {
	it("goes to the eUICC in the segments of section 2.5.5 and comes out whole", () => {
		const { contents, openChannel } = parties(curve);
		const bpp = buildBoundProfilePackage(contents);
		const segments = segmentBoundProfilePackage(bpp);
		expect(concatBytes(...segments)).toEqual(bpp);
		const starts = segments.map((segment) => toHex(segment.subarray(0, 1)));
		expect(starts).toEqual(["BF", "A0", "A1", "88", "88", "A2", "A3", "86", "86", "86", "86", "86"]);
		const receiver = new BppReceiver({ openChannel });
		const { names, derOf, profile: opened } = received(receiver, segments);
		expect(names).toEqual([
			"initialiseSecureChannel",
			"configureISDP",
			"storeMetadata",
			"replaceSessionKeys",
			"loadProfileElements",
		]);
		expect(derOf("configureISDP")).toEqual(["BF2400"]);
		expect(derOf("storeMetadata")).toEqual([toHex(storeMetadataDer)]);
		expect(opened).toEqual(profile);
		expect(receiver.isComplete).toBe(true);
	});

	it("goes on with the session keys when no others are given", () => {
		const { profileProtectionKeys: _, ...contents } = parties(curve).contents;
		const { openChannel, contents: other } = parties(curve);
		const bpp = buildBoundProfilePackage({ ...contents, privateKey: other.privateKey, euiccOtpk: other.euiccOtpk });
		const { names, profile: opened } = received(new BppReceiver({ openChannel }), [bpp]);
		expect(names).not.toContain("replaceSessionKeys");
		expect(opened).toEqual(profile);
	});
});

describe("Bound Profile Package", () => {
	it("is what the module describes, no protected TLV being longer than 1020 octets", () => {
		const bpp = buildBoundProfilePackage(parties("P-256").contents);
		const decoded = decode(BoundProfilePackage, bpp);
		expect(decoded.initialiseSecureChannelRequest.transactionId).toEqual(transactionId);
		expect(encode(BoundProfilePackage, decoded)).toEqual(bpp);
		const whole = readWholeTlv(bpp);
		for (const part of readTlvs(bpp, whole.valueStart, whole.end).slice(1)) {
			for (const block of readTlvs(bpp, part.valueStart, part.end)) {
				expect(block.end - block.start).toBeLessThanOrEqual(MAX_PROTECTED_TLV_LENGTH);
			}
		}
	});

	it("opens the same in whatever pieces it arrives", () => {
		const { contents, openChannel } = parties("P-256");
		const bpp = buildBoundProfilePackage(contents);
		for (const size of [1, 7, 255, 4096]) {
			const pieces = Array.from({ length: Math.ceil(bpp.length / size) }, (_, i) =>
				bpp.subarray(i * size, (i + 1) * size),
			);
			expect(received(new BppReceiver({ openChannel }), pieces).profile).toEqual(profile);
		}
	});

	it("is refused when any octet of it was changed", () => {
		const { contents, openChannel } = parties("P-256", { profile: profile.subarray(0, 40) });
		const bpp = buildBoundProfilePackage({ ...contents, storeMetadataDer: hex`BF2503950102` });
		let refused = 0;
		for (let i = 0; i < bpp.length; i++) {
			const receiver = new BppReceiver({ openChannel });
			try {
				receiver.receive(bpp.with(i, (bpp[i] as number) ^ 0x01));
				if (!receiver.isComplete) refused++;
			} catch (error) {
				expect(error).toMatchObject({ code: expect.stringMatching(/^(SECURITY|CRYPTO)_/) });
				refused++;
			}
		}
		expect(refused).toBe(bpp.length);
	});

	it("is refused for another EID", () => {
		const { contents, openChannel } = parties("P-256");
		const bpp = buildBoundProfilePackage({ ...contents, eid: eid.with(15, 0x36) });
		expect(() => new BppReceiver({ openChannel }).receive(bpp)).toThrow(
			expect.objectContaining({ code: "SECURITY_BSP_MAC" }),
		);
	});

	it("is refused when segments are lost, repeated, or follow the end", () => {
		const { contents, openChannel } = parties("P-256");
		const segments = segmentBoundProfilePackage(buildBoundProfilePackage(contents));
		const load = (list: readonly Uint8Array[]) => received(new BppReceiver({ openChannel }), list);
		const broken = expect.objectContaining({ code: expect.stringMatching(/^SECURITY_(BPP_STRUCTURE|BSP_MAC)$/) });
		for (let i = 1; i < segments.length - 1; i++) {
			expect(() => load(segments.toSpliced(i, 1))).toThrow(broken);
			expect(() => load(segments.toSpliced(i, 0, segments[i] as Uint8Array))).toThrow(broken);
		}
		expect(() => load([...segments, hex`00`])).toThrow(/octets follow/);
	});

	it("cannot be cut into segments when it is something else", () => {
		const structure = expect.objectContaining({ code: "SECURITY_BPP_STRUCTURE" });
		expect(() => segmentBoundProfilePackage(hex`BF3700`)).toThrow(structure);
		expect(() => segmentBoundProfilePackage(hex`BF3603010203`)).toThrow(structure);
		expect(() => segmentBoundProfilePackage(hex`BF`)).toThrow(structure);
	});
});
