/** What the eIM needs to be an LwM2M server, made of its settings. */

import { Eid } from "@iot-esim/shared/ids/eid";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger, LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { exponentWithin } from "@iot-esim/shared/transport/coap/block";
import type { LabKeyLog } from "@iot-esim/shared/transport/coap/lab-key-log";
import { listenUdp } from "@iot-esim/shared/transport/coap/udp";
import { failedHandshakes } from "@iot-esim/shared/transport/failed-handshakes";
import type { ServerIdentity } from "@iot-esim/shared/transport/http/server";
import { requireAddon } from "@iot-esim/shared/transport/native/dtls/dtls-available";
import { listenDtls } from "@iot-esim/shared/transport/native/dtls/listen-dtls";
import { EsimError } from "@iot-esim/shared/util/errors";
import { eidInName } from "./bindings/lwm2m/endpoint-identity.ts";
import { Lwm2mFace, type Lwm2mFaceOptions } from "./bindings/lwm2m/lwm2m-face.ts";
import { cipherSuitesOf } from "./coap-parts.ts";
import type { EimConfig } from "./config.ts";
import { deviceProofs } from "./device-proofs.ts";
import { afterWaking } from "./domain/awake.ts";
import type { Device } from "./domain/device.ts";
import type { EsipaContext } from "./esipa/esipa-deps.ts";
import type { EsipaHandler } from "./esipa/handler.ts";
import { injectPackages } from "./esipa/inject-packages.ts";
import { waitingDevices } from "./mqtt-parts.ts";
import type { Metrics } from "./observability/metrics.ts";
import type { PskFile } from "./psk-file.ts";
import type { Store } from "./storage/store.ts";

/** The tag of a device that registers under a name which does not say its EID. */
export const ENDPOINT_TAG = "lwm2m.endpoint";

interface Parts {
	readonly handler: EsipaHandler;
	readonly context: EsipaContext;
	readonly store: Store;
	readonly identity: ServerIdentity;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
	readonly labKeyLog?: LabKeyLog | undefined;
	readonly metrics?: Pick<Metrics, "handshakeFailed">;
	readonly keys: PskFile | undefined;
}

/** Messages of devices that are worked on at once. */
const MESSAGES = 64;

/**
 * ESipa over LwM2M, not listening yet; undefined when no port is configured.
 * @throws DtlsError DTLS_ADDON_MISSING; EimError EIM_FILE_UNREADABLE, EIM_FILES_UNPAIRED, EIM_KEYS_INVALID; ConfigError
 */
export function lwm2mFaceOf(config: EimConfig, parts: Parts): Lwm2mFace | undefined {
	const port = config["lwm2m.port"];
	if (port === undefined) return undefined;
	const { handler, store, clock, random, logger } = parts;
	const log = logger("eim.lwm2m");
	const labMode = config["lwm2m.labMode"];
	if (labMode !== undefined) log.warn("lab mode: LwM2M devices prove nothing", { labMode });
	const face: Lwm2mFace = new Lwm2mFace({
		handler,
		clock,
		random,
		log,
		listen: labMode === undefined ? dtlsListener(config, port, parts, log) : udpListener(config, port, clock),
		takesUnproven: labMode !== undefined,
		eidOf: endpointDirectory(store, log),
		objectId: config["lwm2m.objectId"],
		maxRegistrations: config["lwm2m.maxRegistrations"],
		awakeFor: config["lwm2m.awakeFor"],
		injectTimeout: config["inject.timeout"],
		blockExponent: exponentWithin(config["coap.blockSize"]),
		load: { active: 0, max: MESSAGES },
		waiting: waitingDevices(store, clock),
		noteContact: (eid) => noteContact(store, eid, clock.now()),
		isBrought: async (eid) => isBrought(await store.loadDevice(Eid(eid))),
		bring: (eid) => bring(parts.context, face, eid, log),
	});
	return face;
}

/** What an operator has noted comes first; else the name has to end with the EID. */
function endpointDirectory(store: Pick<Store, "listDevices">, log: Logger): Lwm2mFaceOptions["eidOf"] {
	return async (endpoint) => {
		const { items } = await store.listDevices({ tags: { [ENDPOINT_TAG]: endpoint }, limit: 2 });
		if (items.length > 1) log.warn("several devices have the same endpoint name", { endpoint });
		return items.length === 0 ? eidInName(endpoint) : items.length === 1 ? items[0]?.eid : undefined;
	};
}

/** A device that registers has come, as one that polls. Whether it has ever polled stays to be said by its first poll. */
async function noteContact(store: Pick<Store, "loadDevice" | "changeDevice">, eid: Eid, at: number): Promise<void> {
	const device = await store.loadDevice(eid);
	if (device?.lastPollAt === undefined) return;
	await store.changeDevice(eid, { lastPollAt: at, wakings: afterWaking(device, at) });
}

function isBrought(device: Device | undefined): device is Device {
	return device?.inject?.url === "lwm2m:" && device.releasedAt === undefined;
}

/** What stays open comes with the next contact, and with the tries of the job that was made of the order. */
async function bring(context: EsipaContext, face: Lwm2mFace, eid: Eid, log: Logger): Promise<void> {
	const device = await context.store.loadDevice(eid);
	if (!isBrought(device)) return;
	try {
		await injectPackages(context, face, device);
	} catch (error) {
		if (!(error instanceof EsimError)) throw error;
		log.info("not all is brought", { eid, error });
	}
}

function udpListener(config: EimConfig, port: number, clock: Clock): Lwm2mFaceOptions["listen"] {
	const idleTimeout = config["lwm2m.idleTimeout"];
	return (onPath) => listenUdp({ host: config["lwm2m.host"], port, clock, idleTimeout }, onPath);
}

function dtlsListener(
	config: EimConfig,
	port: number,
	{ identity, clock, labKeyLog, metrics, keys }: Parts,
	log: Logger,
): Lwm2mFaceOptions["listen"] {
	requireAddon();
	const proofs = deviceProofs(config, "lwm2m.port", "lwm2m.clientCa", { identity, keys });
	const cipherSuites = cipherSuitesOf(config["coap.cipherSuites"]);
	const count = (reason: string) => metrics?.handshakeFailed("lwm2m", reason);
	const onHandshakeFailed = failedHandshakes({ log, clock, count });
	return (onPath) =>
		listenDtls(
			{
				host: config["lwm2m.host"],
				port,
				clock,
				...proofs,
				maxSessions: config["lwm2m.maxRegistrations"],
				idleTimeout: config["lwm2m.idleTimeout"],
				firstRetransmit: config["coap.dtlsRetransmit"],
				...(labKeyLog && { labKeyLog }),
				...(cipherSuites.length === 0 ? {} : { cipherSuites }),
				onHandshakeFailed,
			},
			onPath,
		);
}
