/** What the eIM needs to speak CoAP, made of its settings. */

import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { exponentWithin } from "@iot-esim/shared/transport/coap/block";
import type { ServerIdentity } from "@iot-esim/shared/transport/http/server";
import { createCoapBinding } from "./bindings/coap.ts";
import { CoapFace } from "./bindings/coap-face.ts";
import type { EimConfig } from "./config.ts";
import type { EsipaHandler } from "./esipa/handler.ts";

interface Parts {
	readonly handler: EsipaHandler;
	readonly identity: ServerIdentity;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
}

/** ESipa over CoAP, not listening yet; undefined when no port is configured. */
export function coapFaceOf(
	config: EimConfig,
	{ handler, identity, clock, random, logger }: Parts,
): CoapFace | undefined {
	const { "coap.tcpPort": tcpPort, "coap.host": host } = config;
	if (tcpPort === undefined) return undefined;
	const log = logger("eim.coap");
	return new CoapFace({
		handler: createCoapBinding({ handler, shortPath: config["coap.shortPath"], log }),
		clock,
		random,
		blockExponent: exponentWithin(config["coap.blockSize"]),
		tls: {
			host,
			port: tcpPort,
			identity,
			maxConnections: config["coap.maxSessions"],
			idleTimeout: config["coap.idleTimeout"],
		},
		onError: (error) => log.error("request failed", { error }),
	});
}
