import { decode, decodeKept, encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { AuthenticateServerResponse } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import {
	RemoteProfileProvisioningRequest,
	RemoteProfileProvisioningResponse,
} from "@iot-esim/shared/messages/sgp22/es9plus";
import { PendingNotification } from "@iot-esim/shared/messages/sgp22/notifications";
import { PrepareDownloadResponse } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { fromHex, hex, toBase64, toHex } from "@iot-esim/shared/util/bytes";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Answer, post } from "../../rsp-server/test/rsp-client.ts";
import { SmdpBench } from "../test/bench.ts";

let smdp: SmdpBench;
beforeEach(() => {
	smdp = new SmdpBench();
});
afterEach(() => smdp.stop());

const headers = { "content-type": "application/x-gsma-rsp-asn1" };

async function send(body: Uint8Array) {
	return post(smdp.smdp.handle, "/gsma/rsp2/asn1", body, headers);
}

async function call(request: RemoteProfileProvisioningRequest): Promise<RemoteProfileProvisioningResponse> {
	const { status, bytes } = await send(encode(RemoteProfileProvisioningRequest, request));
	expect(status).toBe(200);
	return decode(RemoteProfileProvisioningResponse, bytes);
}

const initiateRequest = (smdpAddress = "smdp.example.com") => ({
	initiateAuthenticationRequest: { euiccChallenge: new Uint8Array(16), smdpAddress, euiccInfo1: smdp.client.info1() },
});

/** The answers of both bindings, in the form that the test client reads. */
async function initiated(): Promise<Answer> {
	const response = await call(initiateRequest());
	if (!("initiateAuthenticationResponse" in response)) throw new Error("another function answered");
	const answer = response.initiateAuthenticationResponse;
	if (!("initiateAuthenticationOk" in answer)) throw new Error("refused");
	const { transactionId, serverSigned1 } = answer.initiateAuthenticationOk;
	return {
		header: { functionExecutionStatus: { status: "Executed-Success" } },
		transactionId: toHex(transactionId),
		serverSigned1: toBase64(serverSigned1.der),
	};
}

describe("ES9+ in ASN.1", () => {
	it("carries a whole download, with the wrapper A2 around every message", async () => {
		const matchingId = await smdp.order();
		const session = await initiated();
		const transactionId = fromHex(session.transactionId ?? "");
		const serverResponse = smdp.client.authenticateServerResponse(session, { matchingId });
		const authenticated = await call({
			authenticateClientRequest: {
				transactionId,
				authenticateServerResponse: decodeKept(AuthenticateServerResponse, serverResponse),
			},
		});
		if (!("authenticateClientResponseEs9" in authenticated)) throw new Error("another function answered");
		const offer = authenticated.authenticateClientResponseEs9;
		if (!("authenticateClientOk" in offer)) throw new Error("refused");
		const { smdpSigned2, smdpSignature2, profileMetaData } = offer.authenticateClientOk;
		expect(profileMetaData.value.profileName).toBe("Test profile");

		const oneTimeKey = generateKeyPair("P-256");
		const asJson: Answer = {
			...session,
			smdpSigned2: toBase64(smdpSigned2.der),
			smdpSignature2: toBase64(tlv(0x5f37, smdpSignature2)),
		};
		const prepared = smdp.client.prepareDownloadResponse(asJson, oneTimeKey);
		const { bytes } = await send(
			encode(RemoteProfileProvisioningRequest, {
				getBoundProfilePackageRequest: {
					transactionId,
					prepareDownloadResponse: decodeKept(PrepareDownloadResponse, prepared),
				},
			}),
		);
		expect(bytes[0]).toBe(0xa2);
		const response = decode(RemoteProfileProvisioningResponse, bytes);
		if (!("getBoundProfilePackageResponse" in response)) throw new Error("another function answered");
		const bound = response.getBoundProfilePackageResponse;
		if (!("getBoundProfilePackageOk" in bound)) throw new Error("refused");
		const boundProfilePackage = toBase64(bound.getBoundProfilePackageOk.boundProfilePackage.der);
		expect(smdp.client.open({ ...session, boundProfilePackage }, oneTimeKey).length).toBeGreaterThan(100);

		const result = smdp.client.installationResult({
			transactionId: session.transactionId ?? "",
			iccid: smdp.iccidOctets(),
		});
		const notified = await send(
			encode(RemoteProfileProvisioningRequest, {
				handleNotification: { pendingNotification: decodeKept(PendingNotification, result) },
			}),
		);
		expect(notified.status).toBe(204);
		expect(smdp.stateOf()).toBe("installed");
	});

	it("tells refusals by the error codes of each function", async () => {
		expect(await call(initiateRequest("other.example.com"))).toEqual({
			initiateAuthenticationResponse: { initiateAuthenticationError: 1 },
		});
		const session = await initiated();
		const authenticate = async (matchingId: string, transactionId = session.transactionId ?? "") =>
			call({
				authenticateClientRequest: {
					transactionId: fromHex(transactionId),
					authenticateServerResponse: decodeKept(
						AuthenticateServerResponse,
						smdp.client.authenticateServerResponse(session, { matchingId }),
					),
				},
			});
		const refusal = (code: number) => ({ authenticateClientResponseEs9: { authenticateClientError: code } });
		expect(await authenticate("NOT-THERE")).toEqual(refusal(6));
		expect(await authenticate("NOT-THERE", "00")).toEqual(refusal(10));
	});

	it("answers a request that cannot be read by the undefined error of its function, and 400 to anything else", async () => {
		const { status, bytes } = await send(hex`A204 BF390101`);
		expect(status).toBe(200);
		expect(decode(RemoteProfileProvisioningResponse, bytes)).toEqual({
			initiateAuthenticationResponse: { initiateAuthenticationError: 127 },
		});
		expect((await send(hex`BF4F00`)).status).toBe(400);
		expect((await send(new Uint8Array(0))).status).toBe(400);
		expect((await send(hex`A2`)).status).toBe(400);
	});
});
