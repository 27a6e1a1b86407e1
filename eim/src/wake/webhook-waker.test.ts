import { Eid } from "@iot-esim/shared/ids/eid";
import { TransportError } from "@iot-esim/shared/transport/errors";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { verifyWakeUp } from "../../../examples/wake-webhook.ts";
import { keyOf, type WebhookHttp, type WebhookOptions, webhookSignature, webhookWaker } from "./webhook-waker.ts";

// The example of the Svix documentation ("Verifying using our official libraries"), which Standard Webhooks took over.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOW = Date.UTC(2026, 0, 1);
const eid = Eid.withCheckDigits("890490320000000000000000000001");
const trigger = { id: "wu_1", eid, waiting: 3, at: NOW, until: NOW + 3_600_000 };

function bench(given: Partial<WebhookOptions> & { status?: number; failure?: Error } = {}) {
	const asked: Parameters<WebhookHttp["request"]>[0][] = [];
	const { status = 204, failure, ...options } = given;
	const http: WebhookHttp = {
		request: async (request) => {
			asked.push(request);
			if (failure) throw failure;
			return { status, body: utf8("the device is unknown here") };
		},
	};
	const url = "https://platform.example.com/wake";
	return { asked, waker: webhookWaker({ http, secret, url, allow: [], eimId: "eim.example.com", ...options }) };
}

describe("waking by webhook", () => {
	it("signs as Standard Webhooks prescribes: its published example", () => {
		const message = { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", at: 1_614_265_330_000, body: utf8('{"test": 2432232314}') };
		expect(webhookSignature(keyOf(secret), message)).toEqual({
			"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
			"webhook-timestamp": "1614265330",
			"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		});
	});

	it("tells the platform which device, why and until when; the sample verifier takes it, and nothing else", async () => {
		const { asked, waker } = bench();
		await waker.wake({ via: "webhook", reference: "pump-7" }, trigger);
		const [request] = asked;
		if (request === undefined) throw new Error("nothing was asked");
		const { url, headers, body } = request;
		expect(url).toBe("https://platform.example.com/wake");
		const verified = verifyWakeUp({ secret, headers, body, now: NOW });
		expect(verified).toEqual({
			type: "device.wakeUp",
			timestamp: "2026-01-01T00:00:00.000Z",
			data: {
				eid,
				eimId: "eim.example.com",
				reason: "operationsWaiting",
				waiting: 3,
				until: "2026-01-01T01:00:00.000Z",
				reference: "pump-7",
			},
		});
		const changed = utf8(new TextDecoder().decode(body).replace("pump-7", "pump-8"));
		expect(verifyWakeUp({ secret, headers, body: changed, now: NOW })).toBeUndefined();
		expect(verifyWakeUp({ secret: `whsec_${"A".repeat(32)}`, headers, body, now: NOW })).toBeUndefined();
		expect(verifyWakeUp({ secret, headers, body, now: NOW + 600_000 })).toBeUndefined();
	});

	it("says what the platform answered, or why it could not be reached", async () => {
		await expect(bench({ status: 404 }).waker.wake({ via: "webhook" }, trigger)).rejects.toMatchObject({
			code: "WAKE_WEBHOOK_REFUSED",
			message: expect.stringContaining("404: the device is unknown here"),
		});
		const failure = new TransportError("TRANSPORT_TIMEOUT", "no answer");
		await expect(bench({ failure }).waker.wake({ via: "webhook" }, trigger)).rejects.toMatchObject({
			code: "WAKE_WEBHOOK_UNREACHABLE",
			message: "no answer",
		});
	});

	it.each(["whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", `whsec_${"A".repeat(100)}`])(
		"takes no secret as %s",
		(weak) => expect(() => bench({ secret: weak })).toThrow(expect.objectContaining({ code: "WAKE_SECRET_INVALID" })),
	);
});

describe("the webhook that a device names", () => {
	const allow = ["wake.example.com", "*.customer.example.org", "lab.example.com:8443"];

	it.each([
		"https://wake.example.com/a?b=c",
		"https://WAKE.example.com:443/",
		"https://eu.customer.example.org/x",
		"https://lab.example.com:8443/",
	])("is called on a host that the configuration allows: %s", async (url) => {
		const { asked, waker } = bench({ allow });
		await waker.wake({ via: "webhook", url }, trigger);
		expect(asked).toHaveLength(1);
	});

	it.each([
		"http://wake.example.com/",
		"https://other.example.com/",
		"https://customer.example.org/",
		"https://evilcustomer.example.org/",
		"https://wake.example.com.evil.net/",
		"https://wake.example.com@169.254.169.254/",
		"https://user:word@wake.example.com/",
		"https://wake.example.com:22/",
		"https://lab.example.com/",
		"https://127.0.0.1/",
		"https://[::1]/",
		"file:///etc/passwd",
		"nothing",
	])("is refused otherwise, when it is set and when it is called: %s", async (url) => {
		const { asked, waker } = bench({ allow });
		const refusal = expect.objectContaining({ code: "WAKE_URL_REFUSED" });
		expect(() => waker.check({ via: "webhook", url })).toThrow(refusal);
		await expect(waker.wake({ via: "webhook", url }, trigger)).rejects.toEqual(refusal);
		expect(asked).toEqual([]);
	});
});
