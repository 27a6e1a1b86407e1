import { join } from "node:path";
import { decode, decodeKept, encode } from "@iot-esim/shared/asn1/schema";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { Eid } from "@iot-esim/shared/ids/eid";
import { AuthenticateServerResponse } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import {
	RemoteProfileProvisioningRequest,
	RemoteProfileProvisioningResponse,
} from "@iot-esim/shared/messages/sgp22/es9plus";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { fromBase64, fromHex, toBase64, toHex } from "@iot-esim/shared/util/bytes";
import { Days, Hours, Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
import { shows } from "../../../test/conformance/claim.ts";
import { watchServer } from "../../../test/conformance/observation.ts";
import { issueEuiccCredential, makeTestPki } from "../pki/test-pki.ts";
import { testPki } from "../rsp-server/test/pki-on-curve.ts";
import { type Answer, codeOf, get, post } from "../rsp-server/test/rsp-client.ts";
import { SmdsBench } from "./test/bench.ts";

const ES11 = ["InitiateAuthentication", "AuthenticateClient"];
const OTHER_EID = Eid.withCheckDigits("890490320000000000000000000007");

let bench: SmdsBench | undefined;
afterEach(() => {
	bench?.stop();
	bench = undefined;
});

function start(...args: ConstructorParameters<typeof SmdsBench>): SmdsBench {
	bench = new SmdsBench(...args);
	watchServer("SM-DS", bench.smds);
	return bench;
}

const entry = (eventId: string, rspServerAddress = "smdp.example.com") => ({ eventId, rspServerAddress });

/** ES11 in ASN.1 from the first request to BF40. */
async function retrieveAsn1(smds: SmdsBench, matchingId?: string) {
	const headers = { "content-type": "application/x-gsma-rsp-asn1" };
	const call = async (request: RemoteProfileProvisioningRequest) => {
		const body = encode(RemoteProfileProvisioningRequest, request);
		const { status, bytes } = await post(smds.smds.handle, "/gsma/rsp2/asn1", body, headers);
		expect(status).toBe(200);
		return { bytes, response: decode(RemoteProfileProvisioningResponse, bytes) };
	};
	const smdpAddress = "smds.example.com";
	const { response } = await call({
		initiateAuthenticationRequest: { euiccChallenge: new Uint8Array(16), smdpAddress, euiccInfo1: smds.client.info1() },
	});
	if (!("initiateAuthenticationResponse" in response)) throw new Error("another function answered");
	const initiated = response.initiateAuthenticationResponse;
	if (!("initiateAuthenticationOk" in initiated)) throw new Error("refused");
	const { transactionId, serverSigned1 } = initiated.initiateAuthenticationOk;
	const asJson: Answer = {
		header: { functionExecutionStatus: { status: "Executed-Success" } },
		serverSigned1: toBase64(serverSigned1.der),
	};
	const signed = smds.client.authenticateServerResponse(asJson, matchingId === undefined ? {} : { matchingId });
	return call({
		authenticateClientRequest: {
			transactionId,
			authenticateServerResponse: decodeKept(AuthenticateServerResponse, signed),
		},
	});
}

describe.each(["P-256", "brainpoolP256r1"] as const)("ES11 and ES12 on %s", (curve) => {
	it("an event that an SM-DP+ registers is told to its eUICC, by its EID or by its EventID, in JSON", async (context) => {
		const smds = start(curve);
		expect((await smds.retrieve()).eventEntries).toEqual([]);
		expect(codeOf(await smds.register("E1"))).toBe("ok");
		smds.clock.advance(Seconds(1));
		expect(codeOf(await smds.register("E2", { rspServerAddress: "other.example.com:8443" }))).toBe("ok");
		await smds.register("E3", { eid: OTHER_EID });
		expect((await smds.retrieve()).eventEntries).toEqual([entry("E1"), entry("E2", "other.example.com:8443")]);
		expect((await smds.retrieve("E2")).eventEntries).toEqual([entry("E2", "other.example.com:8443")]);
		expect(codeOf(await smds.retrieve("E3"))).toBe("8.9.5/3.9");
		expect(codeOf(await smds.delete("E1"))).toBe("ok");
		expect((await smds.retrieve()).eventEntries).toEqual([entry("E2", "other.example.com:8443")]);
		const sides = ["SM-DS"] as const;
		shows(context, { interface: "ES11", functions: ES11, sides, binding: "json", curve });
		shows(context, { interface: "ES12", functions: ["RegisterEvent", "DeleteEvent"], sides, curve });
	});

	it("the same in ASN.1: BF3B is answered by BF40 in the wrapper A2", async (context) => {
		const smds = start(curve);
		await smds.register("E1");
		const { bytes, response } = await retrieveAsn1(smds);
		expect(toHex(bytes.subarray(0, 1))).toBe("A2");
		expect(toHex(bytes)).toContain("BF40");
		if (!("authenticateClientResponseEs11" in response)) throw new Error("another function answered");
		expect(response.authenticateClientResponseEs11).toMatchObject({
			authenticateClientOk: { eventEntries: [entry("E1")] },
		});
		const unknown = (await retrieveAsn1(smds, "NOT-THERE")).response;
		expect(unknown).toEqual({ authenticateClientResponseEs11: { authenticateClientError: 6 } });
		shows(context, { interface: "ES11", functions: ES11, sides: ["SM-DS"], binding: "asn1", curve });
	});
});

describe("ES12", () => {
	it("registers the same event again as often as it is asked to, and no other under its EventID (8.9.5/3.3)", async () => {
		const smds = start();
		await smds.register("E1");
		expect(codeOf(await smds.register("E1"))).toBe("ok");
		expect(codeOf(await smds.register("E1", { rspServerAddress: "other.example.com" }))).toBe("8.9.5/3.3");
		expect(smds.smds.events()).toHaveLength(1);
		expect(codeOf(await smds.register("E1", { eid: OTHER_EID }))).toBe("ok");
	});

	it("deletes only what is there and for the one who registered it (8.9.5/3.9)", async () => {
		const smds = start();
		await smds.register("E1");
		const stranger = { header: { functionRequesterIdentifier: "2.999.77", functionCallIdentifier: "1" } };
		expect(codeOf(await smds.delete("E1", stranger))).toBe("8.9.5/3.9");
		expect(codeOf(await smds.delete("E2"))).toBe("8.9.5/3.9");
		expect(codeOf(await smds.delete("E1", { eid: OTHER_EID }))).toBe("8.9.5/3.9");
		expect(codeOf(await smds.delete("E1"))).toBe("ok");
		expect(codeOf(await smds.delete("E1"))).toBe("8.9.5/3.9");
	});

	it("names what is missing or wrong", async () => {
		const smds = start();
		expect(codeOf(await smds.register("E1", { eid: "123" }))).toBe("8.1.1/2.1");
		expect(codeOf(await smds.register("E1", { eid: undefined }))).toBe("1.6/2.2");
		expect(codeOf(await smds.register("E1", { rspServerAddress: "http://smdp.example.com/" }))).toBe("1.6/2.1");
		expect(codeOf(await smds.register("E1", { forwardingIndicator: undefined }))).toBe("1.6/2.2");
		expect(codeOf(await smds.register(""))).toBe("1.6/2.1");
		expect(codeOf(await smds.register("E".repeat(256)))).toBe("1.6/2.1");
		expect(smds.smds.events()).toEqual([]);
	});

	it("lets an event wait for its time and no longer", async () => {
		const smds = start("P-256", { eventLifetime: Days(2) });
		await smds.register("E1");
		smds.clock.advance(Days(1));
		await smds.register("E2");
		smds.clock.advance(Days(1));
		expect((await smds.retrieve()).eventEntries).toEqual([entry("E2")]);
		expect(codeOf(await smds.retrieve("E1"))).toBe("8.9.5/3.9");
		smds.restart();
		expect(smds.smds.events().map(({ eventId }) => eventId)).toEqual(["E2"]);
	});
});

describe("ES11", () => {
	it("keeps events and sessions over a restart, and answers a repeated request again", async () => {
		const smds = start();
		await smds.register("E1");
		const initiated = await smds.client.initiate({ smdpAddress: "SMDS.example.com" });
		const request = {
			transactionId: initiated.transactionId,
			authenticateServerResponse: toBase64(smds.client.authenticateServerResponse(initiated)),
		};
		smds.restart();
		const first = await smds.client.call("authenticateClient", request);
		expect(first.eventEntries).toEqual([entry("E1")]);
		expect(await smds.client.call("authenticateClient", request)).toEqual(first);
		smds.clock.advance(Hours(2));
		expect(codeOf(await smds.client.call("authenticateClient", request))).toBe("8.10.1/3.9");
	});

	it("takes its address by either name, and refuses another server's (8.9.1/3.8)", async () => {
		const smds = start();
		const body = {
			euiccChallenge: toBase64(new Uint8Array(16)),
			euiccInfo1: toBase64(fromHex("BF20 0F 8203020500 A904 040200 00 AA02 0400".replaceAll(" ", ""))),
		};
		expect(codeOf(await smds.client.initiate({ smdpAddress: "smdp.example.com" }))).toBe("8.9.1/3.8");
		const byOtherName = await smds.client.call("initiateAuthentication", { ...body, smdsAddress: "smds.example.com" });
		expect(codeOf(byOtherName)).toBe("8.9.2/3.1");
		expect(codeOf(await smds.client.call("initiateAuthentication", body))).toBe("1.6/2.2");
	});

	it("shows the certificate of the SM-DS, not of the SM-DP+", async () => {
		const smds = start();
		const { serverCertificate } = await smds.client.initiate({ smdpAddress: "smds.example.com" });
		expect(fromBase64(serverCertificate ?? "")).toEqual(smds.pki.dsAuth.certificate);
	});

	it("believes no eUICC without its certificate, signature and challenge", async () => {
		const smds = start();
		await smds.register("E1");
		const attempt = async (options: Parameters<typeof smds.client.authenticate>[1]) =>
			codeOf(await smds.client.authenticate(await smds.client.initiate({ smdpAddress: "smds.example.com" }), options));
		const { privateKey } = generateKeyPair("P-256");
		expect(await attempt({ card: { ...smds.client.card, privateKey } })).toBe("8.1/6.1");
		expect(await attempt({ tamperSigned1: (signed) => ({ ...signed, serverChallenge: new Uint8Array(16) }) })).toBe(
			"8.1/6.1",
		);
		const stranger = makeTestPki({ curve: "P-256", random: systemRandom, now: smds.clock.now() });
		expect(
			await attempt({ card: { ...stranger.euicc, eid: stranger.eid }, eumCertificate: stranger.eum.certificate }),
		).toBe("8.11.1/3.9");
		const other = issueEuiccCredential({
			curve: "P-256",
			random: systemRandom,
			now: smds.clock.now(),
			eum: testPki("P-256").eum,
			eid: OTHER_EID,
		});
		const initiated = await smds.client.initiate({ smdpAddress: "smds.example.com" });
		const answer = await smds.client.authenticate(initiated, { card: { ...other, eid: OTHER_EID } });
		expect(answer.eventEntries).toEqual([]);
	});
});

describe("the bench face", () => {
	it("shows events, all or of one eUICC, and arms faults", async () => {
		const smds = start();
		await smds.register("E1");
		await smds.register("E2", { eid: OTHER_EID });
		const events = async (query = "") =>
			JSON.parse((await get(smds.smds.handleBench, `/bench/v1/events${query}`)).text) as { eventId: string }[];
		expect((await events()).map(({ eventId }) => eventId)).toEqual(["E1", "E2"]);
		expect(await events(`?eid=${OTHER_EID}`)).toMatchObject([
			{ eventId: "E2", rspServerAddress: "smdp.example.com", expiresAt: "2026-12-22T08:00:00.000Z" },
		]);
		const fault = { function: "registerEvent", kind: "refuse", subjectCode: "8.9.5", reasonCode: "3.3" };
		expect((await post(smds.smds.handleBench, "/bench/v1/faults", fault)).status).toBe(201);
		expect(codeOf(await smds.register("E3"))).toBe("8.9.5/3.3");
		expect(codeOf(await smds.register("E3"))).toBe("ok");
		expect((await get(smds.smds.handleBench, join("/bench/v1", "nothing"))).status).toBe(404);
	});
});
