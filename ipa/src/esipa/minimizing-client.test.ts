import { decode, encode, keep } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { ServerSigned1 } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { SmdpSigned2 } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { ProfileInstallationResultData } from "@iot-esim/shared/messages/sgp22/profile-installation-result";
import { AuthenticateServerResponse } from "@iot-esim/shared/messages/sgp32/authenticate-server";
import { issueCi } from "@iot-esim/shared/pki/issue-roles";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { beforeEach, describe, expect, it } from "vitest";
import type { EimKnowledge } from "./eim-knowledge.ts";
import { EsipaLinkError } from "./errors.ts";
import type { EsipaClient } from "./esipa-client.ts";
import { MinimizingEsipaClient } from "./minimizing-client.ts";

const EID = hex`89049032123451234512345678901235`;
const certificateOf = (commonName: string, registeredId = "2.999.10") =>
	issueCi({
		random: { bytes: (count) => new Uint8Array(count).fill(1) },
		validity: { notBefore: 0, notAfter: 4_000_000_000_000 },
		keyPair: generateKeyPair("P-256"),
		subject: { commonName },
		registeredId,
	});
const euiccCertificate = certificateOf("eUICC");
const eumCertificate = certificateOf("EUM");
const serverCertificate = certificateOf("SM-DP+");
const withTag = (tag: number, der: Uint8Array) => tlv(tag, der.subarray(4));

const info2 = (resource: Uint8Array) =>
	tlv(
		...([0xbf22, hex`8103020301 8203020200 8303010000`, tlv(0x84, resource)] as const),
		hex`850204F0 88020780 A902 0400 AA02 0400 0403 010000 0C00`,
	);
const data = (...members: Uint8Array[]) => ({ whole: tlv(0xbf52, tlv(0xa0, ...members)) });
const capabilities = hex`A803 800104`;
const everything = data(
	...[info2(hex`0102`), withTag(0xa5, eumCertificate), withTag(0xa6, euiccCertificate), capabilities],
);

const serverSigned1 = keep(ServerSigned1, {
	transactionId: hex`01020304`,
	euiccChallenge: new Uint8Array(16),
	serverAddress: "dp.example",
	serverChallenge: new Uint8Array(16),
});
const signature = tlv(0x5f37, new Uint8Array(64).fill(7));
const ctx = hex`A00E 80024D31 A108 800435290611 A100`;
const bf38 = tlv(
	0xbf38,
	tlv(
		0xa0,
		tlv(0x30, hex`800401020304 830A64702E6578616D706C65 8410`, new Uint8Array(16), info2(hex`0304`), ctx),
		...[signature, euiccCertificate, eumCertificate],
	),
);
const bf21 = tlv(
	0xbf21,
	tlv(0xa0, tlv(0x30, hex`800401020304`, tlv(0x5f49, new Uint8Array(65)), tlv(4, new Uint8Array(32))), signature),
);
const bf41 = tlv(0xbf41, tlv(0xa0, tlv(0x30, hex`800401020304 810388370A 820103`), signature));
const smdpSigned2 = keep(SmdpSigned2, { transactionId: hex`01020304`, ccRequiredFlag: true });
const pirData = encode(ProfileInstallationResultData, {
	transactionId: hex`01020304`,
	notificationMetadata: {
		...{ seqNumber: 3, profileManagementOperation: "1", notificationAddress: "dp.example" },
		iccid: hex`98001032547698103214`,
	},
	smdpOid: "2.999.10",
	finalResult: { successResult: { aid: hex`A0000005591010FFFFFFFF8900001000`, simaResponse: hex`3007A0053003800100` } },
});
const bf37 = tlv(0xbf37, pirData, signature);
const other = tlv(
	0x30,
	...[hex`BF2F12 800104 81020640 0C09 64702E6578616D70 6C`, signature, euiccCertificate, eumCertificate],
);

/** An eIM that answers what the test says and keeps what it was sent. */
class FakeEim {
	readonly sent: string[] = [];
	readonly forgotten: string[] = [];
	knowledge: EimKnowledge | undefined;
	/** Answers to messages that begin so, used once each. */
	readonly refusals: { readonly arm: RegExp; readonly answer: number | Error }[] = [];

	readonly client = new MinimizingEsipaClient(this.#client(), EID, {
		recall: () => this.knowledge,
		remember: async (knowledge) => {
			this.knowledge = knowledge;
		},
		forget: async (name, reason) => {
			this.forgotten.push(`${name}: ${reason}`);
			this.knowledge = undefined;
		},
	});

	#client(): Pick<EsipaClient, keyof EsipaClient> {
		const answer = async <T>(message: Uint8Array, ok: T): Promise<{ ok: T } | { error: number }> => {
			this.sent.push(toHex(message));
			const index = this.refusals.findIndex(({ arm }) => arm.test(toHex(message)));
			const [refusal] = index < 0 ? [] : this.refusals.splice(index, 1);
			if (refusal?.answer instanceof Error) throw refusal.answer;
			return refusal === undefined ? { ok } : { error: refusal.answer };
		};
		const initiated = {
			...{ serverSigned1, serverSignature1: new Uint8Array(64), serverCertificate },
			euiccCiPKIdentifierToBeUsed: new Uint8Array(20),
		};
		const offered = { smdpSigned2, smdpSignature2: new Uint8Array(64), smdpCertificate: serverCertificate };
		return {
			getEimPackage: async () => ({ type: "none" }),
			initiateAuthentication: async () => ({ ok: initiated }),
			authenticateClient: (_id, response) => answer(response, { dp: { ...offered, hashCc: new Uint8Array(32) } }),
			getBoundProfilePackage: (_id, response) => answer(response, hex`BF3600`),
			cancelSession: (_id, response) => answer(response, true as const),
			handleNotification: async (notification) => void (await answer(notification, true)),
			provideEimPackageResult: async (part) => {
				const message = "whole" in part ? part.whole : "notifications" in part ? part.notifications?.[0] : undefined;
				const outcome = await answer(message ?? hex``, true);
				return "ok" in outcome ? { type: "acknowledged", seqNumbers: [] } : { type: "refused", code: outcome.error };
			},
		};
	}

	/** A session as far as AuthenticateClient. */
	async authenticate() {
		await this.client.initiateAuthentication({ euiccChallenge: new Uint8Array(16), euiccInfo1: hex`BF2000` });
		return this.client.authenticateClient(hex`01020304`, bf38);
	}
}

let eim: FakeEim;
beforeEach(() => {
	eim = new FakeEim();
});

const last = () => eim.sent.at(-1) ?? "";
const badStatus = new EsipaLinkError("IPA_EIM_STATUS", "HTTP status 500", { context: { status: 500 } });

describe("minimizeEsipaBytes", () => {
	it("sends everything in full until the eIM has taken IpaEuiccData with the capabilities", async () => {
		await eim.authenticate();
		await eim.client.getBoundProfilePackage(hex`01020304`, bf21);
		await eim.client.cancelSession(hex`01020304`, bf41);
		await eim.client.handleNotification(bf37);
		await eim.client.handleNotification(other);
		expect(eim.sent).toEqual([bf38, bf21, bf41, bf37, other].map(toHex));
		await eim.client.provideEimPackageResult(data(info2(hex`0102`)));
		expect(eim.knowledge).toBeUndefined();
		eim.refusals.push({ arm: /^BF52/, answer: 2 });
		await eim.client.provideEimPackageResult(everything);
		expect(eim.knowledge).toBeUndefined();
	});

	it("leaves out what the eIM knows, in every message", async () => {
		await eim.client.provideEimPackageResult(everything);
		await eim.authenticate();
		expect(last()).toMatch(/^BF38..A2..A0..84020304A2/);
		await eim.client.getBoundProfilePackage(hex`01020304`, bf21);
		expect(last()).toMatch(/^BF21818CA2818930445F4941/);
		await eim.client.cancelSession(hex`01020304`, bf41);
		expect(last()).toMatch(/^BF41..A2..30038001035F37/);
		await eim.client.handleNotification(bf37);
		expect(last()).toMatch(/^A0..A0/);
		await eim.client.handleNotification(other);
		expect(last()).toMatch(/^A1..5A10/);
		expect(eim.forgotten).toEqual([]);
	});

	it("names no reason that follows from the eIM's own refusal", async () => {
		await eim.client.provideEimPackageResult(everything);
		eim.refusals.push({ arm: /^BF38/, answer: 50 });
		expect(await eim.authenticate()).toEqual({ error: 50 });
		await eim.client.cancelSession(hex`01020304`, bf41);
		expect(last()).toMatch(/^BF41..A2..30005F37/);
	});

	it("carries what the eIM was given of another kind: another certificate, another firmware", async () => {
		await eim.client.provideEimPackageResult(data(capabilities, withTag(0xa5, eumCertificate)));
		await eim.authenticate();
		const response = decode(AuthenticateServerResponse, hex`${Buffer.from(last(), "hex")}`);
		expect(response).toHaveProperty("compactAuthenticateResponseOk.signedData.euiccSigned1");
		expect(response).toHaveProperty("compactAuthenticateResponseOk.euiccCertificate", euiccCertificate);
		expect(response).not.toHaveProperty("compactAuthenticateResponseOk.eumCertificate");
		await eim.client.handleNotification(other);
		expect(last()).toBe(toHex(other));
	});

	it.each<[number | Error, string]>([
		[5, "AuthenticateClient: code 5"],
		[127, "AuthenticateClient: code 127"],
		[badStatus, "AuthenticateClient: HTTP status 500"],
	])("sends in full what was refused in its compact form (%s), and everything after it", async (answer, forgotten) => {
		await eim.client.provideEimPackageResult(everything);
		eim.refusals.push({ arm: /^BF38..A2/, answer });
		expect(await eim.authenticate()).toHaveProperty("ok");
		expect(last()).toBe(toHex(bf38));
		expect(eim.forgotten).toEqual([forgotten]);
		await eim.client.getBoundProfilePackage(hex`01020304`, bf21);
		expect(last()).toBe(toHex(bf21));
	});

	it("does the same for notifications alone and beside a result", async () => {
		await eim.client.provideEimPackageResult(everything);
		eim.refusals.push({ arm: /^A1/, answer: badStatus });
		await eim.client.handleNotification(other);
		expect(last()).toBe(toHex(other));
		await eim.client.provideEimPackageResult(everything);
		const part = { euiccPackageResult: hex`BF5100`, notifications: [other] };
		await eim.client.provideEimPackageResult(part);
		expect(last()).toMatch(/^A1/);
		eim.refusals.push({ arm: /^A1/, answer: 1 });
		expect(await eim.client.provideEimPackageResult(part)).toHaveProperty("type", "acknowledged");
		expect(last()).toBe(toHex(other));
		expect(eim.forgotten).toHaveLength(2);
	});

	it("keeps a refusal that has nothing to do with the form, and the first one when the session is gone", async () => {
		await eim.client.provideEimPackageResult(everything);
		eim.refusals.push({ arm: /^BF38..A2/, answer: 6 });
		expect(await eim.authenticate()).toEqual({ error: 6 });
		expect(eim.sent.filter((message) => message.startsWith("BF38"))).toHaveLength(1);
		eim.refusals.push({ arm: /^BF38..A2/, answer: 127 }, { arm: /^BF3882/, answer: 10 });
		expect(await eim.authenticate()).toEqual({ error: 127 });
		expect(eim.forgotten).toEqual([]);
	});

	it("lets an unreachable eIM be unreachable", async () => {
		await eim.client.provideEimPackageResult(everything);
		const gone = new EsipaLinkError("IPA_EIM_UNREACHABLE", "no network");
		eim.refusals.push({ arm: /^BF38/, answer: gone });
		await expect(eim.authenticate()).rejects.toBe(gone);
		eim.refusals.push({ arm: /^A1/, answer: gone });
		await expect(eim.client.handleNotification(other)).rejects.toBe(gone);
		expect(eim.forgotten).toEqual([]);
	});
});
