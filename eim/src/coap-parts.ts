/** What the eIM needs to speak CoAP, made of its settings. */

import type { Clock } from "@iot-esim/shared/runtime/clock";
import { ConfigError } from "@iot-esim/shared/runtime/errors";
import type { Logger, LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { exponentWithin } from "@iot-esim/shared/transport/coap/block";
import type { LabKeyLog } from "@iot-esim/shared/transport/coap/lab-key-log";
import { type CoapTlsListenOptions, listenCoapTls } from "@iot-esim/shared/transport/coap/tls";
import { failedHandshakes } from "@iot-esim/shared/transport/failed-handshakes";
import type { ServerIdentity } from "@iot-esim/shared/transport/http/server";
import { requireAddon, requireRawPublicKeys } from "@iot-esim/shared/transport/native/dtls/dtls-available";
import { listenDtls } from "@iot-esim/shared/transport/native/dtls/listen-dtls";
import {
	DTLS_CIPHER_SUITES,
	type DtlsCipherSuite,
	type DtlsServerOptions,
} from "@iot-esim/shared/transport/native/dtls/options";
import { createCoapBinding } from "./bindings/coap.ts";
import { CoapFace, type CoapFaceOptions, type CoapListen, type CoapListenerName } from "./bindings/coap-face.ts";
import { CoapHints } from "./bindings/coap-hints.ts";
import type { EimConfig } from "./config.ts";
import { type DeviceProofs, deviceProofs, keyProof, rawKeyProofs } from "./device-proofs.ts";
import type { DeviceLink } from "./domain/device-link.ts";
import { EimError } from "./errors.ts";
import type { EsipaHandler } from "./esipa/handler.ts";
import { givenCertificates } from "./given-files.ts";
import { waitingDevices } from "./mqtt-parts.ts";
import type { Metrics } from "./observability/metrics.ts";
import type { PskFile } from "./psk-file.ts";
import { RawKeyFile } from "./raw-key-file.ts";
import type { EventStore, OperationStore } from "./storage/store.ts";

interface Parts {
	readonly handler: EsipaHandler;
	readonly store: EventStore & OperationStore;
	readonly identity: ServerIdentity;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
	readonly labKeyLog?: LabKeyLog | undefined;
	readonly metrics?: Pick<Metrics, "handshakeFailed">;
	readonly keys: PskFile | undefined;
}

/** Which setting names the port of which listener. */
export const COAP_PORTS = {
	coap: "coap.port",
	coapTcp: "coap.tcpPort",
	provenCoap: "coap.provenPort",
	provenCoapTcp: "coap.provenTcpPort",
	rawKeyCoap: "coap.rawKeyPort",
} as const satisfies Readonly<Record<CoapListenerName, keyof EimConfig>>;

/**
 * ESipa over CoAP, not listening yet; undefined when no port is configured.
 * @throws DtlsError DTLS_ADDON_MISSING, DTLS_FEATURE_MISSING; EimError EIM_FILE_UNREADABLE, EIM_FILES_UNPAIRED, EIM_KEYS_INVALID; ConfigError
 */
export function coapFaceOf(config: EimConfig, parts: Parts): CoapFace | undefined {
	const { handler, store, clock, random, logger } = parts;
	const log = logger("eim.coap");
	const rawKeyFile = config["coap.rawKeyFile"];
	const rawKeys = rawKeyFile === undefined ? undefined : new RawKeyFile(rawKeyFile, log);
	const listeners = listenersOf(config, { ...parts, rawKeys }, log);
	if (Object.keys(listeners).length === 0) return undefined;
	const hints = new CoapHints({ waiting: waitingDevices(store, clock), clock, log });
	return new CoapFace({
		handler: createCoapBinding({ handler, shortPath: config["coap.shortPath"], rawKeys, hints, log }),
		hints,
		clock,
		random,
		blockExponent: exponentWithin(config["coap.blockSize"]),
		listeners,
		onError: (error) => log.error("request failed", { error }),
	});
}

function listenersOf(
	config: EimConfig,
	parts: Parts & { readonly rawKeys: RawKeyFile | undefined },
	log: Logger,
): CoapFaceOptions["listeners"] {
	const { identity, clock, metrics, keys, rawKeys } = parts;
	const { "coap.port": port, "coap.tcpPort": tcpPort, "coap.clientCa": clientCa } = config;
	const { "coap.provenPort": provenPort, "coap.provenTcpPort": provenTcpPort, "coap.rawKeyPort": rawKeyPort } = config;
	if (rawKeyPort !== undefined) requireRawPublicKeys();
	if (rawKeys !== undefined && rawKeyPort === undefined) {
		throw unpaired("coap.rawKeyFile: coap.rawKeyPort is not configured, so nobody is asked for a key");
	}
	if (clientCa !== undefined && provenPort === undefined && provenTcpPort === undefined) {
		throw unpaired("coap.clientCa: neither coap.provenPort nor coap.provenTcpPort is configured, so nobody is asked");
	}
	if (provenTcpPort !== undefined && clientCa === undefined) {
		throw unpaired("coap.provenTcpPort: coap.clientCa is not configured, so no device could prove itself");
	}
	const openTo = (): DeviceProofs => ({ ...keyProof(keys), identity, trust: { kind: "none" } });
	const provenTo = () => deviceProofs(config, "coap.provenPort", "coap.clientCa", { identity, keys });
	const noting = (link: DeviceLink) => ({
		onHandshakeFailed: failedHandshakes({ log, clock, count: (reason) => metrics?.handshakeFailed(link, reason) }),
	});
	const [dtls, tls] = [noting("coap"), noting("coaps+tcp")];
	const provenTls = () => ({ ...tls, clientCa: givenCertificates("coap.clientCa", clientCa ?? "") });
	return {
		...(port === undefined ? {} : { coap: dtlsListener(config, port, { ...openTo(), ...dtls }, parts) }),
		...(provenPort === undefined
			? {}
			: { provenCoap: dtlsListener(config, provenPort, { ...provenTo(), ...dtls }, parts) }),
		...(rawKeyPort === undefined
			? {}
			: { rawKeyCoap: dtlsListener(config, rawKeyPort, { ...rawKeyProofs(identity, rawKeys), ...dtls }, parts) }),
		...(tcpPort === undefined ? {} : { coapTcp: tlsListener(config, tcpPort, tls, parts) }),
		...(provenTcpPort === undefined ? {} : { provenCoapTcp: tlsListener(config, provenTcpPort, provenTls(), parts) }),
	};
}

type TlsProof = Pick<CoapTlsListenOptions, "clientCa" | "onHandshakeFailed">;

function tlsListener(
	config: EimConfig,
	port: number,
	proof: TlsProof,
	{ identity, labKeyLog, clock }: Parts,
): CoapListen {
	const options = {
		...proof,
		clock,
		host: config["coap.host"],
		port,
		identity,
		labKeyLog,
		maxConnections: config["coap.maxSessions"],
		idleTimeout: config["coap.idleTimeout"],
	};
	return (server) => listenCoapTls(options, (stream, peer) => server.acceptStream(stream, peer));
}

function dtlsListener(
	config: EimConfig,
	port: number,
	proofs: DeviceProofs & Pick<DtlsServerOptions, "onHandshakeFailed">,
	{ clock, labKeyLog }: Parts,
): CoapListen {
	requireAddon();
	const cipherSuites = cipherSuitesOf(config["coap.cipherSuites"]);
	const options = {
		...proofs,
		host: config["coap.host"],
		port,
		clock,
		maxSessions: config["coap.maxSessions"],
		idleTimeout: config["coap.idleTimeout"],
		firstRetransmit: config["coap.dtlsRetransmit"],
		...(labKeyLog && { labKeyLog }),
		...(cipherSuites.length === 0 ? {} : { cipherSuites }),
	};
	return async (server) => {
		const listener = await listenDtls(options, (path) => server.accept(path));
		return { address: listener, close: () => listener.close() };
	};
}

function unpaired(message: string): EimError {
	return new EimError("EIM_FILES_UNPAIRED", message);
}

/** @throws ConfigError CONFIG_VALUE_INVALID for a name that is none */
export function cipherSuitesOf(names: readonly string[]): readonly DtlsCipherSuite[] {
	return names.map((name) => {
		if (Object.hasOwn(DTLS_CIPHER_SUITES, name)) return name as DtlsCipherSuite;
		const known = Object.keys(DTLS_CIPHER_SUITES).join(", ");
		throw new ConfigError("CONFIG_VALUE_INVALID", `coap.cipherSuites: "${name}" is none of ${known}`);
	});
}
