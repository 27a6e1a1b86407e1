import { createHmac } from "node:crypto";
import { utf8 } from "@iot-esim/shared/util/bytes";
import type { WakeUpByWebhook } from "../domain/wake-up.ts";
import { WakeError } from "./errors.ts";
import type { Trigger, Waker } from "./waker.ts";

/** What the webhook needs of an HTTP client. It follows no redirect. */
export interface WebhookHttp {
	request(request: {
		readonly method: "POST";
		readonly url: string;
		readonly headers: Readonly<Record<string, string>>;
		readonly body: Uint8Array;
	}): Promise<{ readonly status: number; readonly body: Uint8Array }>;
}

export interface WebhookOptions {
	readonly http: WebhookHttp;
	/** `whsec_` and the base64 of 24 to 64 octets. */
	readonly secret: string;
	/** For devices that name no other. */
	readonly url?: string | undefined;
	/** Hosts that devices may name besides: `host`, `host:port`, `*.domain`. */
	readonly allow: readonly string[];
	readonly eimId: string;
}

/**
 * Asks the customer's platform to wake a device: a POST of JSON, signed as Standard Webhooks (version 1.0.0) prescribes,
 * so that any of its libraries verifies it.
 * @throws WakeError WAKE_SECRET_INVALID
 */
export function webhookWaker({ http, secret, url: usual, allow, eimId }: WebhookOptions): Waker<WakeUpByWebhook> {
	const key = keyOf(secret);
	const urlOf = (address: WakeUpByWebhook) => allowedUrl(address.url, usual, allow);
	return {
		check: (address) => void urlOf(address),
		async wake(address, trigger) {
			const url = urlOf(address);
			const body = bodyOf(trigger, eimId, address.reference);
			const headers = {
				"Content-Type": "application/json",
				...webhookSignature(key, { id: trigger.id, at: trigger.at, body }),
			};
			const answer = await http.request({ method: "POST", url, headers, body }).catch((cause) => {
				const why = cause instanceof Error ? cause.message : String(cause);
				throw new WakeError("WAKE_WEBHOOK_UNREACHABLE", why, { cause });
			});
			if (answer.status >= 200 && answer.status < 300) return {};
			const said = new TextDecoder().decode(answer.body).trim().slice(0, 200);
			throw new WakeError("WAKE_WEBHOOK_REFUSED", `${url} answered with HTTP status ${answer.status}: ${said}`);
		},
	};
}

function bodyOf({ eid, waiting, at, until }: Trigger, eimId: string, reference: string | undefined): Uint8Array {
	const data = {
		eid,
		eimId,
		reason: "operationsWaiting",
		waiting,
		until: new Date(until).toISOString(),
		...(reference === undefined ? {} : { reference }),
	};
	return utf8(JSON.stringify({ type: "device.wakeUp", timestamp: new Date(at).toISOString(), data }));
}

/** The headers that sign a body: HMAC-SHA256 over "id.seconds.body". */
export function webhookSignature(
	key: Uint8Array,
	message: { readonly id: string; readonly at: number; readonly body: Uint8Array },
): Readonly<Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string>> {
	const seconds = String(Math.floor(message.at / 1000));
	const mac = createHmac("sha256", key).update(`${message.id}.${seconds}.`).update(message.body).digest("base64");
	return { "webhook-id": message.id, "webhook-timestamp": seconds, "webhook-signature": `v1,${mac}` };
}

/** @throws WakeError WAKE_SECRET_INVALID */
export function keyOf(secret: string): Uint8Array {
	const text = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
	const key = text === undefined ? undefined : new Uint8Array(Buffer.from(text, "base64"));
	if (key !== undefined && key.length >= 24 && key.length <= 64) return key;
	throw new WakeError("WAKE_SECRET_INVALID", "wake.webhook.secret is not whsec_ and base64 of 24 to 64 octets");
}

/**
 * What a device names is only called where the configuration lets it: nobody who may change devices shall make the eIM
 * call what only the eIM can reach.
 */
function allowedUrl(text: string | undefined, usual: string | undefined, allow: readonly string[]): string {
	const given = text ?? usual;
	if (given === undefined) {
		throw new WakeError("WAKE_URL_REFUSED", "the device names no url, and wake.webhook.url is not configured");
	}
	if (given === usual) return given;
	const url = URL.canParse(given) ? new URL(given) : undefined;
	if (url?.protocol !== "https:" || url.username !== "" || url.password !== "" || url.hash !== "") {
		throw new WakeError("WAKE_URL_REFUSED", `${given} is no https:// address without user, password and fragment`);
	}
	if (!allow.some((rule) => matches(rule.toLowerCase(), url))) {
		throw new WakeError("WAKE_URL_REFUSED", `${url.host} is no host of wake.webhook.allow`);
	}
	return url.href;
}

function matches(rule: string, { hostname, port }: URL): boolean {
	const [, name = rule, wanted = "443"] = /^(.*?)(?::(\d+))?$/.exec(rule) ?? [];
	if ((port || "443") !== wanted) return false;
	return name.startsWith("*.") ? hostname.endsWith(name.slice(1)) && hostname.length >= name.length : hostname === name;
}
