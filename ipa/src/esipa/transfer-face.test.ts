import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import type { IncomingRequest } from "@iot-esim/shared/transport/http/server";
import { hex, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import { describe, expect, it } from "vitest";
import { createTransferFace, LARGEST_TRANSFER, type TransferFaceDeps } from "./transfer-face.ts";

const ACKNOWLEDGEMENTS = hex`BF4E06 BF5303 800105`;
const RECEIVED = hex`BF4E 02 0500`;
const ASN1 = { path: "/gsma/rsp2/asn1", headers: { "content-type": "application/x-gsma-rsp-asn1" } };
const JSON_FORM = {
	path: "/gsma/rsp2/esipa/transferEimPackage",
	headers: { "content-type": "application/json;charset=UTF-8" },
};

function face(transfer: TransferFaceDeps["transfer"] = async () => RECEIVED) {
	const taken: string[] = [];
	const http = createTransferFace({
		transfer: (message, certificate) => {
			taken.push(`${toHex(message)} from ${toHex(certificate)}`);
			return transfer(message, certificate);
		},
		log: memoryLogger().logger("ipa.inject"),
	});
	const send = async (change: Partial<IncomingRequest>) => {
		const answer = await http({
			method: "POST",
			...ASN1,
			body: ACKNOWLEDGEMENTS,
			remoteAddress: "192.0.2.7",
			clientCertificate: hex`CE`,
			signal: new AbortController().signal,
			...change,
		});
		return { ...answer, text: Buffer.from(answer.body as Uint8Array).toString("latin1") };
	};
	return { send, taken };
}

describe("the inject listener of the IPA", () => {
	it("takes the same message in both bindings, and answers in the binding of the request", async () => {
		const { send, taken } = face();
		const asn1 = await send({});
		expect([asn1.status, asn1.body]).toEqual([200, RECEIVED]);
		expect(asn1.headers?.["X-Admin-Protocol"]).toBe("gsma/rsp/v2.5.0");
		const older = await send({ headers: { ...ASN1.headers, "x-admin-protocol": "gsma/rsp/v2.1.0" } });
		expect(older.headers?.["X-Admin-Protocol"]).toBe("gsma/rsp/v2.1.0");
		const json = await send({ ...JSON_FORM, body: utf8('{"eimAcknowledgements":"v1MDgAEF"}') });
		expect(JSON.parse(json.text)).toEqual({ header: { functionExecutionStatus: { status: "Executed-Success" } } });
		expect(new Set(taken)).toEqual(new Set([`${toHex(ACKNOWLEDGEMENTS)} from CE`]));
	});

	it("hears nobody without a certificate", async () => {
		const { send, taken } = face();
		expect((await send({ clientCertificate: undefined })).status).toBe(403);
		expect(taken).toEqual([]);
	});

	it("refuses other paths, methods, media types and sizes by their status", async () => {
		const { send, taken } = face();
		expect((await send({ path: "/gsma/rsp2/esipa/getEimPackage" })).status).toBe(404);
		expect((await send({ method: "GET" })).status).toBe(405);
		expect((await send({ headers: JSON_FORM.headers })).status).toBe(415);
		expect((await send({ body: new Uint8Array(LARGEST_TRANSFER + 1) })).status).toBe(413);
		expect(taken).toEqual([]);
	});

	it("says what is wrong with JSON, by the error of the function where a member is at fault", async () => {
		const { send, taken } = face();
		for (const body of ["", "{", "[]", "{}", '{"euiccPackageRequest":"v1EA","ipaEuiccDataRequest":"v1IA"}']) {
			expect((await send({ ...JSON_FORM, body: utf8(body) })).status).toBe(400);
		}
		const answer = await send({ ...JSON_FORM, body: utf8('{"euiccPackageRequest":7}') });
		expect([answer.status, JSON.parse(answer.text).eimPackageError]).toEqual([200, 127]);
		expect(taken).toEqual([]);
	});

	it("passes refusals on by their status, and hides what broke inside", async () => {
		const refuse = (error: Error) => face(() => Promise.reject(error)).send({});
		expect((await refuse(new EsimError("UTIL_HEX_INVALID", "told"))).text).toBe("told\n");
		const broken = await refuse(new Error("hunter2"));
		expect([broken.status, broken.text]).toEqual([500, "try again later\n"]);
	});
});
