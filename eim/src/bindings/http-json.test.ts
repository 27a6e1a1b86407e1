import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import type { IncomingRequest } from "@iot-esim/shared/transport/http/server";
import { hex, toBase64, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { EsipaError } from "../esipa/errors.ts";
import type { EsipaHandler } from "../esipa/handler.ts";
import { createEsipaFace } from "./esipa-face.ts";
import { ESIPA_JSON_PATH, LARGEST_ESIPA_JSON_REQUEST } from "./http-json.ts";

const EID = "89049032123451234512345678901235";
const NOTHING = hex`BF4F 03 020101`;

function face(handle: EsipaHandler["handle"] = async () => NOTHING) {
	const asked: string[] = [];
	const { logger, entries } = memoryLogger();
	const handler: EsipaHandler = {
		handle: (body, peer) => {
			asked.push(toHex(body));
			return handle(body, peer);
		},
	};
	const http = createEsipaFace({ handler, log: logger("eim.esipa") });
	const send = async (called: string, body: unknown, change: Partial<IncomingRequest> = {}) => {
		const answer = await http({
			method: "POST",
			path: `${ESIPA_JSON_PATH}${called}`,
			headers: { "content-type": "application/json" },
			body: typeof body === "string" ? utf8(body) : utf8(JSON.stringify(body)),
			remoteAddress: "192.0.2.7",
			signal: new AbortController().signal,
			...change,
		});
		const text = answer.body === undefined ? "" : Buffer.from(answer.body as Uint8Array).toString("utf8");
		return { ...answer, text, json: text.startsWith("{") ? JSON.parse(text) : undefined };
	};
	return { send, asked, entries };
}

describe("ESipa over HTTP in JSON", () => {
	it("hands the message of the ASN.1 binding to the same handler, and turns its answer back", async () => {
		const { send, asked } = face();
		const answer = await send("getEimPackage", { eidValue: EID, rPlmn: "YvIQ" });
		expect(asked).toEqual([`BF4F175A10${EID}820362F210`]);
		expect(answer).toMatchObject({
			status: 200,
			headers: { "Content-Type": "application/json;charset=UTF-8", "X-Admin-Protocol": "gsma/rsp/v2.5.0" },
			json: {
				header: {
					functionExecutionStatus: {
						status: "Failed",
						statusCodeData: { subjectCode: "8.1.1", reasonCode: "3.7" },
					},
				},
				eimPackageError: 1,
			},
		});
	});

	it("answers 204 where the function has no answer, and echoes an older version of the protocol", async () => {
		const { send, asked } = face(async () => null);
		const headers = { "content-type": "Application/JSON; charset=utf-8", "x-admin-protocol": "gsma/rsp/v2.1.0" };
		const body = { provideEimPackageResult: toBase64(hex`BF5103A20180`) };
		const answer = await send("handleNotification", body, { headers });
		expect(answer).toMatchObject({ status: 204, headers: { "X-Admin-Protocol": "gsma/rsp/v2.1.0" } });
		expect(answer.body).toBeUndefined();
		expect(asked).toEqual(["BF3D09BF5006BF5103A20180"]);
	});

	it("refuses other methods, media types, functions and sizes by their status", async () => {
		const { send, asked } = face();
		expect(await send("getEimPackage", {}, { method: "GET" })).toMatchObject({
			status: 405,
			headers: { Allow: "POST" },
		});
		for (const headers of [{}, { "content-type": "application/x-gsma-rsp-asn1" }, { "content-type": "text/json" }]) {
			expect((await send("getEimPackage", {}, { headers })).status).toBe(415);
		}
		for (const called of ["transferEimPackage", "getPackage", "", "constructor"]) {
			expect((await send(called, {})).status).toBe(404);
		}
		expect((await send("getEimPackage", " ".repeat(LARGEST_ESIPA_JSON_REQUEST + 1))).status).toBe(413);
		expect((await send("", {}, { path: "/gsma/rsp2/es9plus/initiateAuthentication" })).status).toBe(404);
		expect(asked).toEqual([]);
	});

	it.each(["", "{", "[]", "null", '"text"', "\uFFFD\u0000"])(
		"refuses what is no JSON object by 400: %j",
		async (body) => {
			const { send, asked } = face();
			expect((await send("getEimPackage", body)).status).toBe(400);
			expect((await send("getEimPackage", "", { body: hex`FF FE 7B` })).status).toBe(400);
			expect(asked).toEqual([]);
		},
	);

	it("answers a member that cannot be read as a failed function, with the error that fits and why", async () => {
		const { send, asked } = face();
		const statusOf = async (called: string, body: object) => {
			const answer = await send(called, body);
			return { http: answer.status, ...answer.json.header.functionExecutionStatus };
		};
		expect(await statusOf("getEimPackage", { eidValue: "8904" })).toMatchObject({
			http: 200,
			status: "Failed",
			statusCodeData: { subjectCode: "8.1.1", reasonCode: "2.1", message: "eidValue: 32 digits are expected" },
		});
		expect(await statusOf("provideEimPackageResult", { eidValue: EID, eimPackageResult: 7 })).toMatchObject({
			http: 200,
			status: "Failed",
			statusCodeData: { message: "eimPackageResult: a string is expected" },
		});
		expect((await send("handleNotification", { pendingNotification: "§" })).status).toBe(400);
		expect(asked).toEqual([]);
	});

	it("leaves a missing EID to the handler, which knows the code for it", async () => {
		const { send, asked } = face();
		await send("getEimPackage", {});
		expect(asked).toEqual(["BF4F00"]);
	});

	it("says by status what no answer can say, and hides what broke inside", async () => {
		const refusing = face(() => Promise.reject(new EsipaError("ESIPA_NOTIFICATION_REFUSED", "not this device")));
		const notification = { pendingNotification: toBase64(hex`BF3700`) };
		expect(await refusing.send("handleNotification", notification)).toMatchObject({
			status: 403,
			text: "not this device\n",
		});
		const broken = face(() => Promise.reject(new Error("database password is hunter2")));
		const answer = await broken.send("getEimPackage", { eidValue: EID });
		expect([answer.status, answer.text]).toEqual([500, "try again later\n"]);
		expect(broken.entries.at(-1)).toMatchObject({ level: "error", phrase: "request failed" });
	});
});
