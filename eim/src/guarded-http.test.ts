import { encodePem } from "@iot-esim/shared/pki/pem";
import { createHttpClient } from "@iot-esim/shared/transport/http/client";
import { Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { testPki } from "../../test/support/esipa-bench.ts";
import { createHostPolicy } from "./es9plus/host-policy.ts";
import { post } from "./es9plus/http.ts";
import { guardedConnect, guardedHttp } from "./guarded-http.ts";

const policy = createHostPolicy({ allowed: [], hosts: {} });
const client = () =>
	createHttpClient({
		tls: { kind: "ca", certificates: [encodePem("CERTIFICATE", testPki().ci.certificate)] },
		connect: guardedConnect(policy),
		timeout: Seconds(5),
	});

describe("a request to a host that is not contacted", () => {
	it("ends with the name that was resolved, before anything is connected", async () => {
		const http = client();
		// Port 9 listens nowhere: a connection would be refused by other words.
		const asked = post(http, "localhost:9", "/gsma/rsp2/es9plus/x", "application/json", new Uint8Array());
		await expect(asked).rejects.toMatchObject({
			code: "ES9PLUS_HOST_REFUSED",
			message: expect.stringContaining("which is no public address"),
		});
		http.close();
	});

	it("is not even resolved where the name itself says it", async () => {
		const http = guardedHttp({ request: () => Promise.reject(new Error("asked")) }, policy);
		for (const address of ["127.0.0.1:8080", "169.254.169.254", "localhost", "2130706433", "0x7f.1"]) {
			const asked = post(http, address, "/x", "application/json", new Uint8Array());
			await expect(asked).rejects.toMatchObject({ code: "ES9PLUS_HOST_REFUSED" });
		}
	});
});
