import { readFileSync } from "node:fs";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { exponentWithin } from "@iot-esim/shared/transport/coap/block";
import type { LabKeyLog } from "@iot-esim/shared/transport/coap/lab-key-log";
import { createCoapServer } from "@iot-esim/shared/transport/coap/server";
import type { DatagramServer, ProvenPeer } from "@iot-esim/shared/transport/datagram";
import { failedHandshakes } from "@iot-esim/shared/transport/failed-handshakes";
import type { ClientIdentity } from "@iot-esim/shared/transport/http/trust";
import { requireAddon } from "@iot-esim/shared/transport/native/dtls/dtls-available";
import { listenDtls } from "@iot-esim/shared/transport/native/dtls/listen-dtls";
import type { DatagramNetwork } from "@iot-esim/shared/transport/native/dtls/udp-socket";
import { parseHostPort, printHostPort } from "@iot-esim/shared/transport/tcp";
import { fromHex } from "@iot-esim/shared/util/bytes";
import { Minutes } from "@iot-esim/shared/util/duration";
import { fileTrouble } from "@iot-esim/shared/util/errors";
import type { Ipa } from "../agent.ts";
import type { IpaConfig } from "../config.ts";
import { createCoapTransferFace } from "../esipa/coap-transfer-face.ts";
import { isCertificateOf } from "../esipa/eim-certificate.ts";
import type { EsipaTarget } from "../esipa/http-link.ts";
import { LARGEST_TRANSFER } from "../esipa/transfer-face.ts";
import { IpaCliError } from "./errors.ts";

export interface CoapInjectEffects {
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly log: Logger;
	readonly fallbackCa: readonly string[];
	/** This machine's UDP when absent. */
	readonly network?: DatagramNetwork;
	readonly labKeyLog?: LabKeyLog | undefined;
}

/** A device has few eIMs and little memory; anybody may reach this port. */
const MAX_SESSIONS = 8;

/**
 * Listens over CoAP and DTLS for what eIMs bring; undefined when the configuration names no address for it. An eIM shows
 * the certificate by which the card knows it, or has the key that the device shares with its one eIM.
 * @throws IpaCliError IPA_FILE_INVALID, IPA_SETTING_INVALID; DtlsError DTLS_ADDON_MISSING; TransportError TRANSPORT_LISTEN_FAILED
 */
export async function openCoapInjectListener(
	config: IpaConfig,
	ipa: Pick<Ipa, "transferEimPackage" | "events">,
	effects: CoapInjectEffects,
): Promise<DatagramServer | undefined> {
	const { clock, random, log, network, labKeyLog } = effects;
	const address = config["inject.coapListen"];
	if (address === undefined) return undefined;
	requireAddon();
	const identity = identityOf(config);
	const shared = sharedKey(config, ipa);
	if (identity === undefined && shared === undefined) {
		const message = "inject.coapListen needs inject.certificate and inject.key, or coap.pskKey";
		throw new IpaCliError("IPA_SETTING_INVALID", message);
	}
	const face = createCoapTransferFace({
		log,
		transfer: (message, peer) => ipa.transferEimPackage(message, (eim) => isShownBy(eim, peer, effects, shared)),
	});
	const server = createCoapServer({
		clock,
		random,
		handler: face,
		blockExponent: exponentWithin(config["coap.blockSize"]),
		maxBody: LARGEST_TRANSFER,
		maxBodies: 2 * LARGEST_TRANSFER,
		takesAnyKey: true,
		onError: (error) => log.error("request failed", { error }),
	});
	const listener = await listenDtls(
		{
			...parseHostPort(address, "inject.coapListen"),
			clock,
			// Whoever holds the key of a certificate may come this far; the card's eIMs are told apart by `transfer`.
			trust: identity === undefined ? { kind: "none" } : { kind: "asked", isTrusted: () => true, takesAnyKey: true },
			...(identity === undefined ? {} : { identity }),
			...(shared === undefined ? {} : { keyOf: shared.keyOf }),
			maxSessions: MAX_SESSIONS,
			maxHandshakes: MAX_SESSIONS,
			idleTimeout: Minutes(5),
			firstRetransmit: config["coap.dtlsRetransmit"],
			...(network === undefined ? {} : { network }),
			...(labKeyLog && { labKeyLog }),
			onHandshakeFailed: failedHandshakes({ log, clock }),
		},
		(path) => server.accept(path),
	);
	log.info("listening for packages of eIMs", { address: `coaps://${printHostPort(listener)}` });
	return {
		host: listener.host,
		port: listener.port,
		close: () => {
			server.close();
			return listener.close();
		},
	};
}

interface SharedKey {
	readonly keyOf: (identity: string) => Uint8Array | undefined;
	/** The one eIM that has the key. */
	readonly eimId: () => string | undefined;
}

/** The device's own key belongs to one eIM: with several on the card nobody could say which one has come. */
function sharedKey(config: IpaConfig, ipa: Pick<Ipa, "events">): SharedKey | undefined {
	const key = config["coap.pskKey"];
	if (key === undefined) return undefined;
	const octets = fromHex(key.reveal());
	let started: { readonly eid: string; readonly eimIds: readonly string[] } | undefined;
	ipa.events.on("started", (event) => {
		started = event;
	});
	const eimId = () => (started?.eimIds.length === 1 ? started.eimIds[0] : undefined);
	const expected = () => config["coap.pskIdentity"] ?? started?.eid;
	return { eimId, keyOf: (identity) => (eimId() !== undefined && identity === expected() ? octets : undefined) };
}

function isShownBy(
	eim: EsipaTarget,
	{ certificate, pskIdentity }: ProvenPeer,
	{ clock, fallbackCa }: CoapInjectEffects,
	shared: SharedKey | undefined,
): boolean {
	if (certificate !== undefined) return isCertificateOf(eim, certificate, { now: clock.now(), fallbackCa });
	return pskIdentity !== undefined && eim.eimId === shared?.eimId();
}

function identityOf(config: IpaConfig): ClientIdentity | undefined {
	const { "inject.certificate": certificate, "inject.key": key } = config;
	if (certificate === undefined || key === undefined) return undefined;
	return { certificate: textOf("inject.certificate", certificate), key: textOf("inject.key", key) };
}

function textOf(setting: string, file: string): string {
	try {
		return readFileSync(file, "utf8");
	} catch (cause) {
		throw new IpaCliError("IPA_FILE_INVALID", `${setting} ${file} cannot be read: ${fileTrouble(cause)}`, { cause });
	}
}
