import { adminProtocol } from "@iot-esim/shared/messages/sgp22/admin-protocol";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { createHttpClient } from "@iot-esim/shared/transport/http/client";
import { createHttpListener, type IncomingRequest } from "@iot-esim/shared/transport/http/server";
import { hex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { EsipaError } from "../esipa/errors.ts";
import type { EsipaHandler } from "../esipa/handler.ts";
import { createHttpAsn1Binding, ESIPA_ASN1_PATH, LARGEST_ESIPA_REQUEST } from "./http-asn1.ts";

const TYPE = "application/x-gsma-rsp-asn1";

function binding(handle: EsipaHandler["handle"] = async () => hex`BF4F 03 02 01 01`) {
	const { logger, entries } = memoryLogger();
	const http = createHttpAsn1Binding({ handler: { handle }, log: logger("eim.esipa") });
	const send = (change: Partial<IncomingRequest> = {}) =>
		Promise.resolve(
			http({
				method: "POST",
				path: ESIPA_ASN1_PATH,
				headers: { "content-type": TYPE },
				body: hex`BF4F 00`,
				remoteAddress: "192.0.2.7",
				signal: new AbortController().signal,
				...change,
			}),
		);
	return { http, send, entries };
}

describe("ESipa over HTTP in ASN.1", () => {
	it("answers 200 with one TLV and the media type of ESipa", async () => {
		const { send } = binding();
		expect(await send()).toMatchObject({
			status: 200,
			headers: { "Content-Type": TYPE, "X-Admin-Protocol": "gsma/rsp/v2.5.0" },
			body: hex`BF4F 03 02 01 01`,
		});
	});

	it("answers 204 without a body where the function has no answer", async () => {
		const { send } = binding(async () => null);
		const answer = await send();
		expect(answer.status).toBe(204);
		expect(answer.body).toBeUndefined();
	});

	it("refuses another media type by 415, another method by 405, another path by 404, and too much by 413", async () => {
		const { send } = binding(() => Promise.reject(new Error("must not be called")));
		expect((await send({ headers: { "content-type": "application/json" } })).status).toBe(415);
		expect((await send({ headers: {} })).status).toBe(415);
		expect(await send({ method: "GET" })).toMatchObject({ status: 405, headers: { Allow: "POST" } });
		expect((await send({ path: "/gsma/rsp2/esipa/getEimPackage" })).status).toBe(404);
		expect((await send({ body: new Uint8Array(LARGEST_ESIPA_REQUEST + 1) })).status).toBe(413);
	});

	it("takes the media type in any case and with parameters", async () => {
		const { send } = binding();
		expect((await send({ headers: { "content-type": "Application/X-GSMA-RSP-ASN1; v=1" } })).status).toBe(200);
	});

	it("demands no version: it echoes an older one and answers newer or strange ones by its own", () => {
		expect(adminProtocol("gsma/rsp/v1.0.0")).toBe("gsma/rsp/v1.0.0");
		expect(adminProtocol("gsma/rsp/v2.1.0")).toBe("gsma/rsp/v2.1.0");
		expect(adminProtocol("gsma/rsp/v2.5.0")).toBe("gsma/rsp/v2.5.0");
		expect(adminProtocol("gsma/rsp/v2.6.0")).toBe("gsma/rsp/v2.5.0");
		expect(adminProtocol("gsma/rsp/v3.1.0")).toBe("gsma/rsp/v2.5.0");
		expect(adminProtocol("nonsense\r\nX: y")).toBe("gsma/rsp/v2.5.0");
		expect(adminProtocol(undefined)).toBe("gsma/rsp/v2.5.0");
	});

	it("says by status what no ESipa answer can say, and hides what broke inside", async () => {
		const unknown = binding(() => Promise.reject(new EsipaError("ESIPA_MESSAGE_UNKNOWN", "tag 30 is no function")));
		expect(await unknown.send()).toMatchObject({ status: 400, body: "tag 30 is no function\n" });
		const broken = binding(() => Promise.reject(new Error("database password is hunter2")));
		const answer = await broken.send();
		expect(answer.status).toBe(500);
		expect(String(answer.body)).not.toContain("hunter2");
		expect(broken.entries.at(-1)).toMatchObject({ level: "error", phrase: "request failed" });
	});

	it("speaks over a real connection", async () => {
		const listener = createHttpListener(binding().http);
		const { port } = await listener.listen({ host: "127.0.0.1", port: 0 });
		const client = createHttpClient({ tls: { kind: "none" }, timeout: Seconds(5) });
		const url = `http://127.0.0.1:${port}${ESIPA_ASN1_PATH}`;
		const body = hex`BF4F 00`;
		const answer = await client.request({ method: "POST", url, headers: { "Content-Type": TYPE }, body });
		expect(answer.status).toBe(200);
		expect(answer.headers["content-type"]).toBe(TYPE);
		expect(answer.body).toEqual(hex`BF4F 03 02 01 01`);
		client.close();
		await listener.close();
	});
});
