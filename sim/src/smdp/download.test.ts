import { decode } from "@iot-esim/shared/asn1/schema";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { publicPoint } from "@iot-esim/shared/crypto/key-agreement";
import { Eid } from "@iot-esim/shared/ids/eid";
import { SmdpSigned2 } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { fromBase64 } from "@iot-esim/shared/util/bytes";
import { Days, Minutes } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
import { issueEuiccCredential } from "../pki/test-pki.ts";
import { testPki } from "../rsp-server/test/pki-on-curve.ts";
import { codeOf } from "../rsp-server/test/rsp-client.ts";
import { ICCID, SmdpBench } from "./test/bench.ts";

let bench: SmdpBench | undefined;
afterEach(() => {
	bench?.stop();
	bench = undefined;
});

function start(...args: ConstructorParameters<typeof SmdpBench>): SmdpBench {
	bench = new SmdpBench(...args);
	return bench;
}

function otherCard(smdp: SmdpBench, digits = "890490320000000000000000000042") {
	const eid = Eid.withCheckDigits(digits);
	const { curve, eum } = smdp.pki;
	const credential = issueEuiccCredential({ curve, random: systemRandom, now: smdp.clock.now(), eum, eid });
	return { eid, ...credential };
}

describe.each(["P-256", "brainpoolP256r1"] as const)("a download on %s", (curve) => {
	it("gives the profile to the eUICC that has the matching identifier, and ends installed", async () => {
		const smdp = start(curve);
		const upp = smdp.import();
		expect(codeOf(await smdp.es2plus("downloadOrder", { iccid: ICCID }))).toBe("ok");
		expect(smdp.stateOf()).toBe("allocated");
		const confirmed = await smdp.es2plus("confirmOrder", { iccid: ICCID, releaseFlag: false });
		expect(smdp.stateOf()).toBe("confirmed");
		expect(confirmed.smdpAddress).toBe("smdp.example.com");
		expect(codeOf(await smdp.es2plus("releaseProfile", { iccid: ICCID }))).toBe("ok");
		expect(smdp.stateOf()).toBe("released");

		const { profile, transactionId } = await smdp.client.download({ matchingId: confirmed.matchingId ?? "" });
		expect(profile).toEqual(upp);
		expect(smdp.stateOf()).toBe("downloaded");

		await smdp.client.notify(smdp.client.installationResult({ transactionId, iccid: smdp.iccidOctets() }));
		expect(smdp.stateOf()).toBe("installed");
		expect(smdp.smdp.notifications()).toMatchObject([
			{ eid: smdp.pki.eid, iccid: ICCID, event: "install", result: "success", isVerified: true },
		]);
	});
});

describe("the server address", () => {
	it("is compared without regard to case and given back as the client wrote it", async () => {
		const smdp = start();
		const matchingId = await smdp.order();
		const { profile } = await smdp.client.download({ matchingId, smdpAddress: "SMDP.Example.COM" });
		expect(profile).toBeDefined();
	});

	it("of another server is refused (8.8.1/3.8)", async () => {
		expect(codeOf(await start().client.initiate({ smdpAddress: "other.example.com" }))).toBe("8.8.1/3.8");
	});
});

describe("AuthenticateClient refuses", () => {
	it("an unknown or missing matching identifier (8.2.6/3.8)", async () => {
		const smdp = start();
		await smdp.order();
		expect(codeOf((await smdp.client.download({ matchingId: "NOT-THERE" })).answer)).toBe("8.2.6/3.8");
		expect(codeOf((await smdp.client.download()).answer)).toBe("8.2.6/3.8");
	});

	it("another eUICC than the order names (8.1.1/3.8)", async () => {
		const smdp = start();
		const card = otherCard(smdp);
		const matchingId = await smdp.order({ eid: card.eid });
		expect(codeOf((await smdp.client.download({ matchingId })).answer)).toBe("8.1.1/3.8");
		expect((await smdp.client.download({ matchingId, card })).profile).toBeDefined();
	});

	it("a profile that is not released (8.2/1.2)", async () => {
		const smdp = start();
		const matchingId = await smdp.order({ releaseFlag: false });
		expect(codeOf((await smdp.client.download({ matchingId })).answer)).toBe("8.2/1.2");
	});

	it("an unknown transaction, also one that is over (8.10.1/3.9)", async () => {
		const smdp = start();
		const matchingId = await smdp.order();
		const initiated = await smdp.client.initiate();
		const unknown = { ...initiated, transactionId: "00112233445566778899AABBCCDDEEFF" };
		expect(codeOf(await smdp.client.authenticate(unknown, { matchingId }))).toBe("8.10.1/3.9");
		expect(codeOf(await smdp.client.authenticate({ ...initiated, transactionId: "?" }))).toBe("8.10.1/3.9");
		smdp.clock.advance(Minutes(61));
		expect(codeOf(await smdp.client.authenticate(initiated, { matchingId }))).toBe("8.10.1/3.9");
	});

	it("another challenge than the server's (8.1/6.1)", async () => {
		const smdp = start();
		const matchingId = await smdp.order();
		const tamperSigned1: NonNullable<Parameters<typeof smdp.client.download>[0]>["tamperSigned1"] = (signed) => ({
			...signed,
			serverChallenge: new Uint8Array(16),
		});
		expect(codeOf((await smdp.client.download({ matchingId, tamperSigned1 })).answer)).toBe("8.1/6.1");
	});

	it("a signature by another key than the certificate's (8.1/6.1)", async () => {
		const smdp = start();
		const matchingId = await smdp.order();
		const card = { ...smdp.client.card, privateKey: generateKeyPair("P-256").privateKey };
		expect(codeOf((await smdp.client.download({ matchingId, card })).answer)).toBe("8.1/6.1");
	});

	it("certificates that no trusted CI issued (8.11.1/3.9), or that another EUM issued (8.1.3/6.1)", async () => {
		const smdp = start();
		const matchingId = await smdp.order();
		const stranger = testPki("brainpoolP256r1");
		const strange = { matchingId, eumCertificate: stranger.eum.certificate };
		expect(codeOf((await smdp.client.download(strange)).answer)).toBe("8.11.1/3.9");
		const card = { ...smdp.client.card, certificate: stranger.euicc.certificate };
		expect(codeOf((await smdp.client.download({ matchingId, card })).answer)).toBe("8.1.3/6.1");
	});

	it("certificates that are past their last day (8.1.2/6.3)", async () => {
		const smdp = start();
		const matchingId = await smdp.order();
		const initiated = await smdp.client.initiate();
		smdp.clock.advance(Minutes(1));
		const later = start("P-256", {
			clock: { now: () => Date.parse("2090-01-01T00:00:00Z"), schedule: () => () => undefined },
		});
		smdp.stop();
		await later.order();
		expect(initiated.transactionId).toBeDefined();
		expect(codeOf((await later.client.download({ matchingId })).answer)).toBe("8.1.2/6.3");
	});

	it("an eUICC without room for the profile (8.1/4.8), or that forbids its policy rules (8.2.5/4.3)", async () => {
		const smdp = start();
		const matchingId = await smdp.order();
		const full = { extCardResource: Uint8Array.of(0x81, 1, 0, 0x82, 2, 0x01, 0x00, 0x83, 1, 0) };
		expect(codeOf((await smdp.client.download({ matchingId, info2: full })).answer)).toBe("8.1/4.8");
		const iccid = "8900101000000000026";
		smdp.import(iccid, "policyRules: [ppr1]");
		await smdp.es2plus("downloadOrder", { iccid });
		await smdp.es2plus("confirmOrder", { iccid, matchingId: "PPR", releaseFlag: true });
		const strict = { forbiddenProfilePolicyRules: "01" };
		expect(codeOf((await smdp.client.download({ matchingId: "PPR", info2: strict })).answer)).toBe("8.2.5/4.3");
	});

	it("an order that is past its time (8.8.5/4.10) and one attempted too often (8.8.5/6.4)", async () => {
		const smdp = start("P-256", { policy: { orderLifetime: Days(1), downloadAttempts: 2 } });
		const matchingId = await smdp.order();
		expect((await smdp.client.download({ matchingId })).profile).toBeDefined();
		expect((await smdp.client.download({ matchingId })).profile).toBeDefined();
		expect(codeOf((await smdp.client.download({ matchingId })).answer)).toBe("8.8.5/6.4");
		expect(smdp.stateOf()).toBe("error");
		const late = await smdp.order({}, "8900101000000000026");
		smdp.clock.advance(Days(2));
		expect(codeOf((await smdp.client.download({ matchingId: late })).answer)).toBe("8.8.5/4.10");
	});
});

describe("GetBoundProfilePackage", () => {
	it("asks for the confirmation code and gives up after the last attempt (8.2.7)", async () => {
		const smdp = start();
		const matchingId = await smdp.order({ confirmationCode: "1234" });
		expect(codeOf((await smdp.client.download({ matchingId })).answer)).toBe("8.2.7/2.2");
		expect(codeOf((await smdp.client.download({ matchingId, confirmationCode: "9" })).answer)).toBe("8.2.7/3.8");
		expect(codeOf((await smdp.client.download({ matchingId, confirmationCode: "8" })).answer)).toBe("8.2.7/3.8");
		expect(codeOf((await smdp.client.download({ matchingId, confirmationCode: "7" })).answer)).toBe("8.2.7/6.4");
		expect(smdp.stateOf()).toBe("error");
		expect(codeOf((await smdp.client.download({ matchingId, confirmationCode: "1234" })).answer)).toBe("8.2.6/3.8");
	});

	it("takes the right confirmation code, and says in the offer that one is needed", async () => {
		const smdp = start();
		const matchingId = await smdp.order({ confirmationCode: "1234" });
		const offer = await smdp.client.authenticate(await smdp.client.initiate(), { matchingId });
		expect(decode(SmdpSigned2, fromBase64(offer.smdpSigned2 ?? "")).ccRequiredFlag).toBe(true);
		const key = generateKeyPair("P-256");
		expect(codeOf(await smdp.client.getPackage(offer, key, { confirmationCode: "1234" }))).toBe("ok");
	});

	it("refuses a signature over another offer (8.1/6.1), and a session without authentication (8.10.1/3.9)", async () => {
		const smdp = start();
		const matchingId = await smdp.order();
		const offer = await smdp.client.authenticate(await smdp.client.initiate(), { matchingId });
		const other = { ...offer, smdpSignature2: offer.smdpSigned2 ?? "" };
		expect(codeOf(await smdp.client.getPackage(other, generateKeyPair("P-256")))).toBe("8.1/6.1");
		const initiated = await smdp.client.initiate();
		const early = { ...offer, transactionId: initiated.transactionId ?? "" };
		expect(codeOf(await smdp.client.getPackage(early, generateKeyPair("P-256")))).toBe("8.10.1/3.9");
	});

	it("refuses a one-time key that is on another curve (8.1/6.1)", async () => {
		const smdp = start();
		const matchingId = await smdp.order();
		const oneTimeKey = generateKeyPair("brainpoolP256r1");
		expect(codeOf((await smdp.client.download({ matchingId, oneTimeKey })).answer)).toBe("8.1/6.1");
	});

	it("offers a retry with the same one-time key, which opens the second package too", async () => {
		const smdp = start("P-256", { policy: { isRebindingAllowed: false } });
		const upp = smdp.import();
		await smdp.es2plus("downloadOrder", { iccid: ICCID });
		await smdp.es2plus("confirmOrder", { iccid: ICCID, matchingId: "RETRY", releaseFlag: true });
		const oneTimeKey = generateKeyPair("P-256");
		await smdp.client.download({ matchingId: "RETRY", oneTimeKey });
		smdp.restart();
		const offer = await smdp.client.authenticate(await smdp.client.initiate(), { matchingId: "RETRY" });
		const { bppEuiccOtpk } = decode(SmdpSigned2, fromBase64(offer.smdpSigned2 ?? ""));
		expect(bppEuiccOtpk).toEqual(publicPoint(oneTimeKey.publicKey));
		const refused = await smdp.client.getPackage(offer, generateKeyPair("P-256"));
		expect(codeOf(refused)).toBe("8.2/3.7");
		const second = await smdp.client.getPackage(offer, oneTimeKey);
		expect(smdp.client.open(second, oneTimeKey)).toEqual(upp);
	});

	it("binds anew for an eUICC that lost its one-time key, but never for another eUICC (8.1.1/3.8)", async () => {
		const smdp = start();
		const matchingId = await smdp.order();
		expect((await smdp.client.download({ matchingId })).profile).toBeDefined();
		expect((await smdp.client.download({ matchingId })).profile).toBeDefined();
		expect(codeOf((await smdp.client.download({ matchingId, card: otherCard(smdp) })).answer)).toBe("8.1.1/3.8");
	});
});

describe("a profile", () => {
	it("is given to one eUICC only, when two were offered it at the same time (8.1.1/3.8)", async () => {
		const smdp = start();
		const matchingId = await smdp.order();
		const card = otherCard(smdp);
		const first = await smdp.client.authenticate(await smdp.client.initiate(), { matchingId });
		const second = await smdp.client.authenticate(await smdp.client.initiate(), { matchingId, card });
		const key = generateKeyPair("P-256");
		expect(codeOf(await smdp.client.getPackage(first, key))).toBe("ok");
		expect(codeOf(await smdp.client.getPackage(second, generateKeyPair("P-256"), { card }))).toBe("8.1.1/3.8");
		expect(codeOf(await smdp.client.getPackage(first, key))).toBe("ok");
	});

	it("is not given for an order that was cancelled after its offer, though it is ordered anew (8.2.6/3.8)", async () => {
		const smdp = start();
		const matchingId = await smdp.order();
		const offer = await smdp.client.authenticate(await smdp.client.initiate(), { matchingId });
		await smdp.es2plus("cancelOrder", { iccid: ICCID, matchingId, finalProfileStatusIndicator: "Available" });
		await smdp.es2plus("downloadOrder", {
			header: { functionRequesterIdentifier: "op", functionCallIdentifier: "2" },
			iccid: ICCID,
		});
		const anew = await smdp.es2plus("confirmOrder", { iccid: ICCID, releaseFlag: true });
		expect(anew.matchingId).not.toBe(matchingId);
		expect(codeOf(await smdp.client.getPackage(offer, generateKeyPair("P-256")))).toBe("8.2.6/3.8");
		expect(smdp.stateOf()).toBe("released");
	});
});

describe("a default SM-DP+", () => {
	it("gives the eUICC the profile that waits for its EID when it names no matching identifier", async () => {
		const smdp = start();
		expect(await smdp.order({ matchingId: "", eid: smdp.pki.eid })).toBe("");
		expect((await smdp.client.download()).profile).toBeDefined();
	});
});

describe("an eUICC that reports an error", () => {
	it("is answered with 8.1/4.2, and its session is over", async () => {
		const smdp = start();
		const initiated = await smdp.client.initiate();
		const error = `BF3817A115 8010${initiated.transactionId} 020102`.replaceAll(" ", "");
		const authenticateServerResponse = Buffer.from(error, "hex").toString("base64");
		const request = { transactionId: initiated.transactionId, authenticateServerResponse };
		expect(codeOf(await smdp.client.call("authenticateClient", request))).toBe("8.1/4.2");
		expect(codeOf(await smdp.client.call("authenticateClient", request))).toBe("8.10.1/3.9");
	});
});
