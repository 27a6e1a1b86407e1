/**
 * The other end of the eIM's wake-up webhook: verifies a request by hand, without any library, and wakes the device.
 *
 *     WAKE_SECRET=whsec_... node dist/examples/wake-webhook.js
 *
 * Any library of Standard Webhooks (https://www.standardwebhooks.com) does the same in one call.
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

/** How far the clocks of eIM and platform may differ; older requests may be repetitions by somebody else. */
const TOLERANCE_SECONDS = 300;

export interface SignedRequest {
	/** As in the eIM's wake.webhook.secret. */
	readonly secret: string;
	/** Names in lower case. */
	readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
	/** The octets as they came: JSON that was parsed and written again has another signature. */
	readonly body: Uint8Array;
	/** Milliseconds since 1970. */
	readonly now: number;
}

/** What the eIM says; undefined for a request that is not the eIM's, or an old one. */
export function verifyWakeUp({ secret, headers, body, now }: SignedRequest): unknown {
	const text = (name: string) => String(headers[name] ?? "");
	const seconds = Number(text("webhook-timestamp"));
	if (!(Math.abs(now / 1000 - seconds) <= TOLERANCE_SECONDS)) return undefined;
	const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
	const expected = createHmac("sha256", key)
		.update(`${text("webhook-id")}.${text("webhook-timestamp")}.`)
		.update(body)
		.digest();
	// Several signatures stand in the header while a secret is replaced by another.
	const isSigned = text("webhook-signature")
		.split(" ")
		.map((one) => Buffer.from(one.replace(/^v1,/, ""), "base64"))
		.some((one) => one.length === expected.length && timingSafeEqual(one, expected));
	return isSigned ? JSON.parse(new TextDecoder().decode(body)) : undefined;
}

/** A platform that only prints which device it would wake. */
function serve(secret: string, port: number): void {
	createServer(async (request, response) => {
		const parts: Buffer[] = [];
		for await (const part of request) parts.push(part as Buffer);
		const wakeUp = verifyWakeUp({ secret, headers: request.headers, body: Buffer.concat(parts), now: Date.now() });
		if (wakeUp !== undefined) process.stdout.write(`${JSON.stringify(wakeUp)}\n`);
		response.writeHead(wakeUp === undefined ? 401 : 204).end();
	}).listen(port, "127.0.0.1", () => process.stderr.write(`listening on port ${port}\n`));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
	serve(process.env.WAKE_SECRET ?? "", Number(process.env.PORT ?? 8090));
}
