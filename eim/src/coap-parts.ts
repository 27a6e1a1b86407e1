/** What the eIM needs to speak CoAP, made of its settings. */

import type { Clock } from "@iot-esim/shared/runtime/clock";
import { ConfigError } from "@iot-esim/shared/runtime/errors";
import type { Logger, LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { exponentWithin } from "@iot-esim/shared/transport/coap/block";
import type { LabKeyLog } from "@iot-esim/shared/transport/coap/lab-key-log";
import type { ServerIdentity } from "@iot-esim/shared/transport/http/server";
import { requireAddon } from "@iot-esim/shared/transport/native/dtls/dtls-available";
import { listenDtls } from "@iot-esim/shared/transport/native/dtls/listen-dtls";
import { DTLS_CIPHER_SUITES, type DtlsCipherSuite } from "@iot-esim/shared/transport/native/dtls/options";
import { createCoapBinding } from "./bindings/coap.ts";
import { CoapFace, type CoapFaceOptions } from "./bindings/coap-face.ts";
import { CoapHints } from "./bindings/coap-hints.ts";
import type { EimConfig } from "./config.ts";
import type { EsipaHandler } from "./esipa/handler.ts";
import { waitingDevices } from "./mqtt-parts.ts";
import { PskFile } from "./psk-file.ts";
import type { EventStore, OperationStore } from "./storage/store.ts";

interface Parts {
	readonly handler: EsipaHandler;
	readonly store: EventStore & OperationStore;
	readonly identity: ServerIdentity;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
	readonly labKeyLog?: LabKeyLog | undefined;
}

/**
 * ESipa over CoAP, not listening yet; undefined when no port is configured.
 * @throws DtlsError DTLS_ADDON_MISSING; EimError EIM_FILE_UNREADABLE, EIM_KEYS_INVALID; ConfigError
 */
export function coapFaceOf(config: EimConfig, parts: Parts): CoapFace | undefined {
	const { handler, store, identity, clock, random, logger, labKeyLog } = parts;
	const { "coap.port": port, "coap.tcpPort": tcpPort, "coap.host": host } = config;
	if (port === undefined && tcpPort === undefined) return undefined;
	const log = logger("eim.coap");
	const hints = new CoapHints({ waiting: waitingDevices(store, clock), clock, log });
	const limits = { maxConnections: config["coap.maxSessions"], idleTimeout: config["coap.idleTimeout"] };
	return new CoapFace({
		handler: createCoapBinding({ handler, shortPath: config["coap.shortPath"], hints, log }),
		hints,
		clock,
		random,
		blockExponent: exponentWithin(config["coap.blockSize"]),
		listenDatagrams: port === undefined ? undefined : dtlsListener(config, port, parts, log),
		tls: tcpPort === undefined ? undefined : { host, port: tcpPort, identity, labKeyLog, ...limits },
		onError: (error) => log.error("request failed", { error }),
	});
}

function dtlsListener(
	config: EimConfig,
	port: number,
	{ identity, clock, labKeyLog }: Parts,
	log: Logger,
): NonNullable<CoapFaceOptions["listenDatagrams"]> {
	requireAddon();
	const pskFile = config["coap.pskFile"];
	const keys = pskFile === undefined ? undefined : new PskFile(pskFile, log);
	const cipherSuites = cipherSuitesOf(config["coap.cipherSuites"]);
	return (onPath) =>
		listenDtls(
			{
				host: config["coap.host"],
				port,
				clock,
				identity,
				trust: { kind: "none" },
				maxSessions: config["coap.maxSessions"],
				idleTimeout: config["coap.idleTimeout"],
				firstRetransmit: config["coap.dtlsRetransmit"],
				...(labKeyLog && { labKeyLog }),
				...(keys === undefined ? {} : { keyOf: (device: string) => keys.keyOf(device) }),
				...(cipherSuites.length === 0 ? {} : { cipherSuites }),
				onHandshakeFailed: (remoteAddress, error) => log.warn("handshake failed", { remoteAddress, error }),
			},
			onPath,
		);
}

/** @throws ConfigError CONFIG_VALUE_INVALID for a name that is none */
export function cipherSuitesOf(names: readonly string[]): readonly DtlsCipherSuite[] {
	return names.map((name) => {
		if (Object.hasOwn(DTLS_CIPHER_SUITES, name)) return name as DtlsCipherSuite;
		const known = Object.keys(DTLS_CIPHER_SUITES).join(", ");
		throw new ConfigError("CONFIG_VALUE_INVALID", `coap.cipherSuites: "${name}" is none of ${known}`);
	});
}
