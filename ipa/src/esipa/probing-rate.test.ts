import { readConfig } from "@iot-esim/shared/runtime/config";
import { DatagramChannel } from "@iot-esim/shared/transport/coap/datagram-channel";
import { CoapEndpoint } from "@iot-esim/shared/transport/coap/endpoint";
import { encodeEmpty, readHeader } from "@iot-esim/shared/transport/coap/message";
import { hex } from "@iot-esim/shared/util/bytes";
import { Days, Hours, Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { DatagramLine } from "../../../test/support/datagram-line.ts";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { SeededRandom } from "../../../test/support/seeded-random.ts";
import { ipaConfig } from "../config.ts";
import { pauseBeforePoll } from "../procedures/policy/poll-policy.ts";
import { coapLink } from "./coap-link.ts";

const POLL = hex`BF4F125A1089049032123451234512345678901235`;
/** Octets per second to an endpoint that does not respond, on average (RFC 7252 sections 4.7 and 4.8). */
const PROBING_RATE = 1;

/** Polls as often as a device of default settings does while they fail; the octets of CoAP that it sends. */
async function octetsOf(acknowledges: boolean, until: number): Promise<number> {
	const config = readConfig(ipaConfig, { flags: [] });
	const clock = new FakeClock();
	const random = new SeededRandom(5);
	const line = new DatagramLine(clock);
	line.server.receive({
		datagram: (octets) => {
			const { messageId = 0 } = readHeader(octets) ?? {};
			if (acknowledges) line.server.send(encodeEmpty({ type: "acknowledgement", messageId }));
		},
		closed: () => undefined,
	});
	const timeout = config["eim.timeout"];
	const channel = { clock, random, responseTimeout: timeout };
	const link = coapLink({
		name: "coap://eim.example.com",
		path: [config["coap.path"]],
		timeout,
		idle: config["coap.idle"],
		clock,
		open: async () => new CoapEndpoint(new DatagramChannel({ ...line.client, close: () => {} }, channel), channel),
	});
	const policy = {
		interval: config["poll.interval"],
		meteredInterval: config["poll.interval"],
		retryAfter: config["poll.retryAfter"],
		retryAtMost: config["poll.retryAtMost"],
		jitter: config["poll.jitter"],
		quietHours: [],
		timeZone: "UTC",
	};
	const start = clock.now();
	for (let failures = 0; clock.now() - start < until; ) {
		await expect(clock.until(link.exchange(POLL))).rejects.toMatchObject({ code: "IPA_EIM_UNREACHABLE" });
		failures++;
		// As early as the jitter allows.
		await clock.advance(pauseBeforePoll({ failures, isMetered: false, now: clock.now(), octet: 0 }, policy));
	}
	await link.close();
	return line.from("client").reduce((sum, { length }) => sum + length, 0);
}

describe.each([
	["is gone", false],
	["acknowledges and never answers", true],
])("to an eIM that %s", (_what, acknowledges) => {
	it.each([
		["an hour", Hours(1)],
		["a day", Days(1)],
	])("a device that polls it sends less than PROBING_RATE in %s", async (_name, time) => {
		const rate = (await octetsOf(acknowledges, time)) / (time / Seconds(1));
		expect(rate).toBeGreaterThan(0);
		expect(rate).toBeLessThan(PROBING_RATE);
	});
});
