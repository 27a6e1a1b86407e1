import { encode } from "@iot-esim/shared/asn1/schema";
import { RemoteProfileProvisioningResponse } from "@iot-esim/shared/messages/sgp22/es9plus";
import { hex, utf8 } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import type { Es9PlusEncoding } from "./client.ts";
import { createEs11Client } from "./smds.ts";

const SMDS = "smds.example.com";
const transactionId = hex`0102030405060708`;
const request = { transactionId, authenticateServerResponse: hex`BF38 02 A1 00` };
const eventEntries = [{ eventId: "E-1", rspServerAddress: "smdp.example.com" }];

/** A client whose SM-DS answers by path. */
function clientWith(
	answer: (path: string) => { status: number; body: Uint8Array | object },
	encoding: Es9PlusEncoding,
) {
	const paths: string[] = [];
	const client = createEs11Client({
		requester: "eim.example.com",
		newCallId: () => "call",
		encodings: { [SMDS]: encoding },
		http: {
			request: async ({ url }) => {
				const { pathname } = new URL(url);
				paths.push(pathname);
				const { status, body } = answer(pathname);
				return { status, body: body instanceof Uint8Array ? body : utf8(JSON.stringify(body)) };
			},
		},
	});
	return { client, paths };
}

const header = { functionExecutionStatus: { status: "Executed-Success" } };
const events = { kind: "ok", transactionId, events: eventEntries };

describe("ES11 in JSON", () => {
	const body = { header, transactionId: "0102030405060708", eventEntries };

	it("is found under the path of ES9+, as live SM-DS serve it, else under that of ES11", async () => {
		const usual = clientWith(() => ({ status: 200, body }), "json");
		expect(await usual.client.authenticateClient(SMDS, request)).toEqual(events);
		expect(usual.paths).toEqual(["/gsma/rsp2/es9plus/authenticateClient"]);
		const other = clientWith((path) => ({ status: path.includes("es11") ? 200 : 404, body }), "json");
		expect(await other.client.authenticateClient(SMDS, request)).toEqual(events);
		expect(other.paths.at(-1)).toBe("/gsma/rsp2/es11/authenticateClient");
	});

	it("takes an answer without entries for no event, and refuses entries that say nothing", async () => {
		const empty = clientWith(() => ({ status: 200, body: { header, transactionId: "01" } }), "json");
		expect(await empty.client.authenticateClient(SMDS, request)).toMatchObject({ events: [] });
		for (const wrong of ["no list", [{ eventId: "E-1" }], [7]]) {
			const answer = { header, transactionId: "01", eventEntries: wrong };
			const { client } = clientWith(() => ({ status: 200, body: answer }), "json");
			await expect(client.authenticateClient(SMDS, request)).rejects.toMatchObject({ code: "ES9PLUS_ANSWER_INVALID" });
		}
	});

	it("gives an error of the server as it is, without asking elsewhere", async () => {
		const { client, paths } = clientWith(() => ({ status: 500, body: {} }), "json");
		await expect(client.authenticateClient(SMDS, request)).rejects.toMatchObject({ code: "ES9PLUS_HTTP_STATUS" });
		expect(paths).toHaveLength(1);
	});
});

describe("ES11 in ASN.1", () => {
	const answering = (
		authenticateClientResponseEs11: RemoteProfileProvisioningResponse extends infer R
			? Extract<R, { authenticateClientResponseEs11: unknown }>["authenticateClientResponseEs11"]
			: never,
	) => ({
		status: 200,
		body: encode(RemoteProfileProvisioningResponse, { authenticateClientResponseEs11 }),
	});

	it("reads BF40 inside A2", async () => {
		const { client, paths } = clientWith(
			() => answering({ authenticateClientOk: { transactionId, eventEntries } }),
			"asn1",
		);
		expect(await client.authenticateClient(SMDS, request)).toEqual(events);
		expect(paths).toEqual(["/gsma/rsp2/asn1"]);
	});

	it.each([
		[6, 56],
		[7, 10],
		[5, 5],
		[127, 127],
	])("maps its error %i to %i of ESipa", async (given, esipaError) => {
		const { client } = clientWith(() => answering({ authenticateClientError: given }), "asn1");
		expect(await client.authenticateClient(SMDS, request)).toMatchObject({ kind: "refused", refusal: { esipaError } });
	});
});
