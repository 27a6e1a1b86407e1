import type { CoapHandler, CoapRequest } from "@iot-esim/shared/transport/coap/coap-face";
import { DatagramChannel } from "@iot-esim/shared/transport/coap/datagram-channel";
import { CoapEndpoint } from "@iot-esim/shared/transport/coap/endpoint";
import { createCoapServer } from "@iot-esim/shared/transport/coap/server";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { DatagramLine } from "./datagram-line.ts";
import { FakeClock } from "./fake-clock.ts";
import { SeededRandom } from "./seeded-random.ts";

export const POST: CoapRequest = { method: "POST", path: ["e"], payload: utf8("ping") };
/** So many octets, of which no block is like another. */
export const body = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff);

/** A server and a client on a fake clock, with the line between them in the test's hands. */
export function coapBench(
	handler: CoapHandler,
	options: { maxDatagram?: number; blockExponent?: number; maxBodies?: number } = {},
) {
	const clock = new FakeClock();
	const random = new SeededRandom(7);
	const line = new DatagramLine(clock, options.maxDatagram === undefined ? {} : { maxDatagram: options.maxDatagram });
	const { blockExponent = 6, maxBodies = 1_000_000 } = options;
	const server = createCoapServer({ clock, random, handler, blockExponent, maxBodies });
	server.accept(line.server);
	const client = new CoapEndpoint(new DatagramChannel(line.client, { clock, random }), {
		clock,
		random,
		responseTimeout: Seconds(60),
	});
	return { clock, random, line, server, client, request: (given: CoapRequest) => clock.until(client.request(given)) };
}

/** Answers with what came, and counts. */
export function echo() {
	const seen: CoapRequest[] = [];
	const handler: CoapHandler = (request) => {
		seen.push(request);
		return { code: "2.04", payload: request.payload };
	};
	return { seen, handler };
}
