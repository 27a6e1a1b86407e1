import { systemClock } from "@iot-esim/shared/runtime/clock";
import type { HttpRequest } from "@iot-esim/shared/transport/http/client";
import { hex, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { EsipaClient } from "./esipa-client.ts";
import { httpJsonLink } from "./http-json.ts";

const EID = hex`89049032123451234512345678901235`;
const SUCCESS = { header: { functionExecutionStatus: { status: "Executed-Success" } } };

function clientAnswered(body: object | string, status = 200) {
	const requests: { readonly path: string; readonly headers: HttpRequest["headers"]; readonly json: unknown }[] = [];
	const link = httpJsonLink(
		{ eimId: "eim", eimFqdn: "eim.example.com", trustedTlsKey: { publicKey: hex`00` } },
		{
			clock: systemClock,
			timeout: Seconds(5),
			makeClient: () => ({
				request: async ({ url, headers, body: sent = hex`` }) => {
					requests.push({ path: new URL(url).pathname, headers, json: JSON.parse(new TextDecoder().decode(sent)) });
					return { status, headers: {}, body: utf8(typeof body === "string" ? body : JSON.stringify(body)) };
				},
				close: () => undefined,
			}),
		},
	);
	return { client: new EsipaClient(link, EID), requests };
}

describe("the JSON link of the IPA", () => {
	it("calls a function at its path, with the headers that SGP.32 section 6.1 asks for", async () => {
		const { client, requests } = clientAnswered({ ...SUCCESS, eimPackageError: 1 });
		expect(await client.getEimPackage({})).toEqual({ type: "none" });
		expect(requests).toEqual([
			{
				path: "/gsma/rsp2/esipa/getEimPackage",
				headers: {
					"Content-Type": "application/json;charset=UTF-8",
					Accept: "application/json;charset=UTF-8",
					"User-Agent": "gsma-rsp-ipad",
					"X-Admin-Protocol": "gsma/rsp/v2.5.0",
				},
				json: { eidValue: toHex(EID) },
			},
		]);
	});

	it("hands a package over octet by octet", async () => {
		const { client } = clientAnswered({ ...SUCCESS, euiccPackageRequest: "v1EEoAKAAA==" });
		expect(await client.getEimPackage({})).toEqual({ type: "euicc-package", der: hex`BF5104A0028000` });
	});

	it("understands failures by the header, by the body, and by both", async () => {
		const failed = {
			functionExecutionStatus: { status: "Failed", statusCodeData: { subjectCode: "8.1.1", reasonCode: "3.9" } },
		};
		expect(await clientAnswered({ header: failed }).client.getEimPackage({})).toEqual({ type: "refused", code: 2 });
		const result = { whole: hex`BF5400` };
		expect(await clientAnswered({ header: failed }).client.provideEimPackageResult(result)).toEqual({
			type: "refused",
			code: 2,
		});
		const unknown = { functionExecutionStatus: { status: "Failed" } };
		expect(await clientAnswered({ header: unknown }).client.cancelSession(hex`AA`, hex`BF4103810105`)).toEqual({
			error: 127,
		});
	});

	it("takes empty answers of success where there is nothing to say", async () => {
		for (const status of [200, 204]) {
			const { client } = clientAnswered("", status);
			expect(await client.provideEimPackageResult({ whole: hex`BF5400` })).toEqual({
				type: "acknowledged",
				seqNumbers: [],
			});
			expect(await client.cancelSession(hex`AA`, hex`BF4103810105`)).toEqual({ ok: true });
			await client.handleNotification(hex`BF3700`);
			await expect(client.getEimPackage({})).rejects.toMatchObject({ code: "IPA_EIM_RESPONSE_INVALID" });
		}
	});

	it("takes a failed notification for not delivered", async () => {
		const failed = {
			functionExecutionStatus: { status: "Failed", statusCodeData: { subjectCode: "8.1", reasonCode: "6.1" } },
		};
		await expect(clientAnswered({ header: failed }).client.handleNotification(hex`BF3700`)).rejects.toMatchObject({
			code: "IPA_EIM_STATUS",
			message: expect.stringContaining("8.1 6.1"),
		});
	});

	it.each(["<html>", "{", "[]", '{"eimPackageError":"x"}', '{"euiccPackageRequest":"§"}'])(
		"refuses an answer that is no message: %s",
		async (body) => {
			await expect(clientAnswered(body).client.getEimPackage({})).rejects.toMatchObject({
				code: "IPA_EIM_RESPONSE_INVALID",
			});
		},
	);
});
