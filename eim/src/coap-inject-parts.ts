/** What the eIM needs to bring packages to devices over CoAP, made of its settings. */

import { X509Certificate } from "node:crypto";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { exponentWithin } from "@iot-esim/shared/transport/coap/block";
import { DatagramChannel } from "@iot-esim/shared/transport/coap/datagram-channel";
import { CoapEndpoint } from "@iot-esim/shared/transport/coap/endpoint";
import { COAPS_PORT } from "@iot-esim/shared/transport/coap/tls";
import { mappedAddress } from "@iot-esim/shared/transport/http/connect";
import type { ServerIdentity } from "@iot-esim/shared/transport/http/server";
import { connectDtls } from "@iot-esim/shared/transport/native/dtls/connect-dtls";
import { dtlsAvailable } from "@iot-esim/shared/transport/native/dtls/dtls-available";
import type { DatagramNetwork } from "@iot-esim/shared/transport/native/dtls/udp-socket";
import { Seconds } from "@iot-esim/shared/util/duration";
import { CoapInjector, type CoapInjectorOptions } from "./bindings/coap-inject.ts";
import { InjectError } from "./bindings/errors.ts";
import type { EimConfig } from "./config.ts";
import { PskFile } from "./psk-file.ts";

export interface CoapInjectorParts {
	/** By which devices know this eIM: it shows them its own TLS certificate. */
	readonly identity: ServerIdentity;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
	/** This machine's UDP when absent. */
	readonly network?: DatagramNetwork;
}

type Open = CoapInjectorOptions["open"];
type Address = Parameters<Open>[0];

/** Sessions of devices that were spoken to last can be resumed: it saves the proofs, and most octets. */
const RESUMABLE = 10_000;

/** Undefined where this machine has no DTLS. @throws EimError EIM_FILE_UNREADABLE, EIM_KEYS_INVALID */
export function coapInjectorOf(config: EimConfig, parts: CoapInjectorParts): CoapInjector | undefined {
	if (!dtlsAvailable().available) return undefined;
	const { clock, logger } = parts;
	return new CoapInjector({
		open: opener(config, parts, logger),
		timeout: config["inject.timeout"],
		idle: Seconds(30),
		maxSessions: 1000,
		clock,
	});
}

function opener(config: EimConfig, parts: CoapInjectorParts, logger: LoggerFactory): Open {
	const { identity, clock, random, network } = parts;
	const file = config["coap.pskFile"];
	const keys = file === undefined ? undefined : new PskFile(file, logger("eim.coap"));
	const blockExponent = exponentWithin(config["coap.blockSize"]);
	const resumable = new Map<string, Uint8Array>();
	return async (address, eid, signal, onClosed) => {
		const { host, port } = placeOf(address);
		const session = resumable.get(address.url);
		const key = address.certificate === undefined ? keys?.keyOf(eid) : undefined;
		const path = await connectDtls({
			...mappedAddress(config.hosts, { host, port }),
			serverName: host,
			clock,
			signal,
			handshakeTimeout: config["inject.timeout"],
			...(key === undefined
				? { trust: trustOf(address), identity: { key: identity.key, certificate: identity.certificate } }
				: { trust: { kind: "none" } as const, key: { identity: eid, key } }),
			...(session === undefined ? {} : { session }),
			...(network === undefined ? {} : { network }),
		});
		remember(resumable, address.url, path.session);
		const channel = new DatagramChannel(path, { clock, random, blockExponent });
		return new CoapEndpoint(channel, { clock, random, responseTimeout: config["inject.timeout"], onClosed });
	};
}

function remember(sessions: Map<string, Uint8Array>, url: string, session: Uint8Array | undefined): void {
	sessions.delete(url);
	if (session !== undefined) sessions.set(url, session);
	for (const oldest of sessions.keys()) {
		if (sessions.size <= RESUMABLE) return;
		sessions.delete(oldest);
	}
}

function placeOf({ url }: Address): { readonly host: string; readonly port: number } {
	const { hostname, port } = new URL(url.replace(/^coaps:/, "https:"));
	// A port that is the one of HTTPS is left out of the URL that is read in its place.
	const named = /:(\d{1,5})\/?$/.exec(url)?.[1];
	return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || named || COAPS_PORT) };
}

function trustOf({ url, certificate }: Address) {
	if (certificate === undefined) {
		throw new InjectError("INJECT_UNREACHABLE", `neither a certificate nor a key in coap.pskFile is there for ${url}`);
	}
	try {
		return { kind: "pinned-certificate", der: new Uint8Array(new X509Certificate(certificate).raw) } as const;
	} catch (cause) {
		throw new InjectError("INJECT_UNREACHABLE", `the certificate given for ${url} cannot be read`, { cause });
	}
}
