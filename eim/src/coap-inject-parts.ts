/** What the eIM needs to bring packages to devices over CoAP, made of its settings. */

import { createHash, X509Certificate } from "node:crypto";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { exponentWithin } from "@iot-esim/shared/transport/coap/block";
import { DatagramChannel } from "@iot-esim/shared/transport/coap/datagram-channel";
import { CoapEndpoint } from "@iot-esim/shared/transport/coap/endpoint";
import type { LabKeyLog } from "@iot-esim/shared/transport/coap/lab-key-log";
import { COAPS_PORT } from "@iot-esim/shared/transport/coap/tls";
import { mappedAddress } from "@iot-esim/shared/transport/http/connect";
import type { ServerIdentity } from "@iot-esim/shared/transport/http/server";
import { connectDtls } from "@iot-esim/shared/transport/native/dtls/connect-dtls";
import { dtlsAvailable } from "@iot-esim/shared/transport/native/dtls/dtls-available";
import type { DtlsClientOptions } from "@iot-esim/shared/transport/native/dtls/options";
import type { DatagramNetwork } from "@iot-esim/shared/transport/native/dtls/udp-socket";
import { toHex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { CoapInjector, type CoapInjectorOptions, type InjectTarget } from "./bindings/coap-inject.ts";
import { InjectError } from "./bindings/errors.ts";
import type { EimConfig } from "./config.ts";
import type { PskFile } from "./psk-file.ts";

export interface CoapInjectorParts {
	/** By which devices know this eIM: it shows them its own TLS certificate. */
	readonly identity: ServerIdentity;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly keys: PskFile | undefined;
	/** This machine's UDP when absent. */
	readonly network?: DatagramNetwork;
	readonly labKeyLog?: LabKeyLog | undefined;
}

type TargetOf = CoapInjectorOptions["targetOf"];
type Address = Parameters<TargetOf>[0];
type DeviceEid = Parameters<TargetOf>[1];

/** Sessions of devices that were spoken to last can be resumed: it saves the proofs, and most octets. */
const RESUMABLE = 10_000;

/** Undefined where this machine has no DTLS. */
export function coapInjectorOf(config: EimConfig, parts: CoapInjectorParts): CoapInjector | undefined {
	if (!dtlsAvailable().available) return undefined;
	const { clock } = parts;
	return new CoapInjector({
		targetOf: targets(config, parts),
		timeout: config["inject.timeout"],
		idle: Seconds(30),
		maxSessions: 1000,
		clock,
	});
}

function targets(config: EimConfig, parts: CoapInjectorParts): TargetOf {
	const { clock, random, network, labKeyLog, keys } = parts;
	const blockExponent = exponentWithin(config["coap.blockSize"]);
	const resumable = new Map<string, Resumable>();
	return (address, eid) => {
		const { host, port } = placeOf(address);
		const proof = proofOf(address, eid, keys, parts.identity);
		const id = `${address.url} ${proof.id}`;
		const open: InjectTarget["open"] = async (signal, onClosed) => {
			const former = resumable.get(eid);
			const path = await connectDtls({
				...mappedAddress(config.hosts, { host, port }),
				serverName: host,
				clock,
				signal,
				handshakeTimeout: config["inject.timeout"],
				firstRetransmit: config["coap.dtlsRetransmit"],
				...proof.options,
				...(former?.id === id ? { session: former.session } : {}),
				...(network === undefined ? {} : { network }),
				...(labKeyLog && { labKeyLog }),
			});
			remember(resumable, eid, path.session && { id, session: path.session });
			const channel = new DatagramChannel(path, { clock, random, blockExponent });
			return new CoapEndpoint(channel, { clock, random, responseTimeout: config["inject.timeout"], onClosed });
		};
		return { id, open };
	};
}

/** A session that one device can be asked to go on with, at the place and with the credentials that `id` stands for. */
interface Resumable {
	readonly id: string;
	readonly session: Uint8Array;
}

function remember(sessions: Map<string, Resumable>, eid: DeviceEid, resumable: Resumable | undefined): void {
	sessions.delete(eid);
	if (resumable !== undefined) sessions.set(eid, resumable);
	for (const oldest of sessions.keys()) {
		if (sessions.size <= RESUMABLE) return;
		sessions.delete(oldest);
	}
}

/** What a device proves itself by: the certificate that is given for its address, else its key. */
function proofOf(
	address: Address,
	eid: DeviceEid,
	keys: PskFile | undefined,
	{ key, certificate }: ServerIdentity,
): { readonly id: string; readonly options: Pick<DtlsClientOptions, "trust" | "identity" | "key"> } {
	const shared = address.certificate === undefined ? keys?.keyOfDevice(eid) : undefined;
	if (shared !== undefined) {
		const id = digest(`${shared.identity} ${toHex(shared.key)}`);
		return { id, options: { trust: { kind: "none" }, key: shared } };
	}
	const trust = trustOf(address);
	return { id: digest(trust.der), options: { trust, identity: { key, certificate } } };
}

function digest(of: string | Uint8Array): string {
	return createHash("sha256").update(of).digest("hex");
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
