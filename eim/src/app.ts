import path from "node:path";
import { parseCurve } from "@iot-esim/shared/crypto/curve";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { type LabKeyLog, labKeyLogOf } from "@iot-esim/shared/transport/coap/lab-key-log";
import { createHttpClient } from "@iot-esim/shared/transport/http/client";
import { type HttpHandler, type ServerIdentity, serverTlsOptions } from "@iot-esim/shared/transport/http/server";
import { toHex } from "@iot-esim/shared/util/bytes";
import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { buildApi } from "./api/api.ts";
import type { EimConfiguration } from "./api/api-deps.ts";
import type { ApiServer } from "./api/server.ts";
import type { CoapFace } from "./bindings/coap-face.ts";
import { createEsipaFace } from "./bindings/esipa-face.ts";
import { createHttpInjector, injectorByScheme } from "./bindings/inject.ts";
import type { Lwm2mFace } from "./bindings/lwm2m/lwm2m-face.ts";
import type { MqttFace } from "./bindings/mqtt-face.ts";
import { cardConfiguration, eimIdOf, hostOf, type TlsIdentity } from "./card-configuration.ts";
import { coapInjectorOf } from "./coap-inject-parts.ts";
import { coapFaceOf } from "./coap-parts.ts";
import type { EimConfig } from "./config.ts";
import { API_KEY_RANDOM, makeApiKey } from "./domain/api-key.ts";
import type { ProfileClass } from "./domain/profile.ts";
import { EimError } from "./errors.ts";
import { createEs9PlusClient, type Es9PlusEncoding, type Es9PlusOptions } from "./es9plus/client.ts";
import { createHostPolicy } from "./es9plus/host-policy.ts";
import type { Es9PlusHttp } from "./es9plus/http.ts";
import { createEs11Client } from "./es9plus/smds.ts";
import type { EsipaContext, EsipaDeps, EsipaSettings } from "./esipa/esipa-deps.ts";
import { createEsipaHandler, type EsipaHandler, esipaContext } from "./esipa/handler.ts";
import { LONGEST_RUN, type PackageInjector } from "./esipa/inject-packages.ts";
import { SigningKeys } from "./esipa/signing-keys.ts";
import { guardedConnect, guardedHttp } from "./guarded-http.ts";
import { createHousekeeping, type Housekeeping } from "./jobs/housekeeping.ts";
import { JobRunner } from "./jobs/job-runner.ts";
import { jobWork } from "./jobs/job-work.ts";
import type { EimSigner } from "./keys/eim-signer.ts";
import { loadFileKey } from "./keys/file-key.ts";
import { lwm2mFaceOf } from "./lwm2m-parts.ts";
import { measuredEs9Plus, measuredEs11, measuredEsipa } from "./measured.ts";
import { mqttFaceOf } from "./mqtt-parts.ts";
import { connectionCheck, connectionsOf, type WatchedConnection } from "./observability/connections.ts";
import { type Health, makeHealth } from "./observability/health.ts";
import { type Metrics, makeMetrics } from "./observability/metrics.ts";
import { givenTlsIdentity, makeFolder, ownSigningKey, ownTlsIdentity } from "./own-keys.ts";
import { pskFileOf } from "./psk-file.ts";
import { openStore } from "./storage/open-store.ts";
import type { Store } from "./storage/store.ts";
import { TrustFolder } from "./trust-folder.ts";
import { longestWaking, type Waking, wakingOf } from "./wake-parts.ts";

/** What comes from outside. */
export interface EimDeps {
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
	readonly version: string;
	/** Towards SM-DP+ servers instead of HTTPS under the configured CIs, for tests in one process. */
	readonly es9PlusHttp?: Es9PlusHttp;
}

/** The whole eIM, wired and not listening. */
export interface Eim {
	readonly store: Store;
	readonly api: ApiServer;
	readonly esipa: EsipaHandler;
	/** ESipa over HTTPS in both bindings, for a listener with `tlsIdentity`. */
	readonly esipaHttp: HttpHandler;
	readonly tlsIdentity: ServerIdentity;
	/** By which devices know the eIM that have not been told of `tlsIdentity` yet; for a listener on `esipa.formerPort`. */
	readonly formerTlsIdentity?: ServerIdentity;
	/** ESipa over MQTT, not connected yet; absent without a broker in the settings. */
	readonly mqtt?: MqttFace;
	/** ESipa over CoAP, not listening yet; absent without a port in the settings. */
	readonly coap?: CoapFace;
	/** ESipa over LwM2M, not listening yet; absent without a port in the settings. */
	readonly lwm2m?: Lwm2mFace;
	/** The ways to devices that sleep, not connected yet. */
	readonly waking: Waking;
	readonly jobs: JobRunner;
	readonly housekeeping: Housekeeping;
	readonly health: Health;
	/** The secret of the first API key, on the very first start alone. */
	readonly firstApiKey?: string;
	/** Tells cards made from now on where this eIM listens, where eim.fqdn has no port. */
	setEsipaPort(port: number): void;
	/** Reads the revocation lists of trust.folder again. */
	reloadRevocationLists(): void;
	/** Ends everything that runs, the database last. */
	close(): Promise<void>;
}

/**
 * Puts the eIM together: opens the database, makes what is missing (keys, TLS certificate, first API key), wires the
 * parts. Nothing listens and no job runs yet.
 */
export async function buildEim(config: EimConfig, deps: EimDeps): Promise<Eim> {
	const { clock, random, logger } = deps;
	const labKeyLog = labKeyLogOf(config, logger("eim.coap"));
	makeFolder(config.dataFolder);
	const { signer, formerSigners } = await signersOf(config, deps);
	const tls = tlsIdentityOf(config, deps);
	const formerTls = formerTlsIdentityOf(config);
	const card = cardConfiguration(config, new SigningKeys(signer, formerSigners), tls, formerTls);
	const trustFolder = trustFolderOf(config, logger);
	const store = await openStoreOf(config, logger);
	await store.noteEimKeys(card.eldest);
	const metrics = makeMetrics(() => store.countOpenOperations());
	const { es9plus, es11, outside } = es9PlusPartsOf(config, deps, trustFolder, metrics);
	const { trust, crls } = trustFolder;
	const own = { signer, formerSigners, ownEim: card.settings, settings: esipaSettingsOf(config) };
	const outer = { clock, random, logger, onUnregistered: metrics.unregisteredCame };
	const esipaDeps: EsipaDeps = { store, ...own, es9plus, es11, trust, crls, ...outer };
	const esipa = measuredEsipa(createEsipaHandler(esipaDeps), metrics, clock);
	const waking = wakingOf(config, { store, metrics, clock, random, logger });
	const context = esipaContext(esipaDeps);
	const ways = waysOf(config, deps, { esipa, context, store, tls, labKeyLog, metrics });
	const { mqtt, coap, lwm2m } = ways;
	const health = healthOf(store, connectionsOf(mqtt, waking), metrics, clock);
	const api = await apiOf(config, deps, { store, metrics, health, eimConfiguration: card, checkWakeUp: waking.check });
	const work = jobWork(context, injectorOf(config, tls, ways), waking.wake);
	const runner = { work, interval: config["jobs.interval"], ...leasesOf(config), onTried: metrics.jobTried };
	const jobs = new JobRunner({ store, clock, logger, ...runner });
	const housekeeping = housekeepingOf(config, store, deps);
	const firstApiKey = await makeFirstApiKey(config, store, deps);
	const stopWaking = store.onJobs(() => jobs.wake());
	return {
		store,
		api,
		esipa,
		esipaHttp: createEsipaFace({ handler: esipa, log: logger("eim.esipa") }),
		tlsIdentity: { key: tls.key, certificate: tls.certificate },
		...(formerTls && { formerTlsIdentity: { key: formerTls.key, certificate: formerTls.certificate } }),
		...(mqtt && { mqtt }),
		...(coap && { coap }),
		...(lwm2m && { lwm2m }),
		waking,
		jobs,
		housekeeping,
		health,
		...(firstApiKey === undefined ? {} : { firstApiKey }),
		setEsipaPort: card.setPort,
		reloadRevocationLists: () => trustFolder.reloadLists(),
		async close() {
			stopWaking();
			ways.coaps?.close();
			await mqtt?.stop();
			await Promise.all([coap?.close(), lwm2m?.close()]);
			await Promise.all([jobs.stop(), housekeeping.stop()]);
			await waking.stop();
			await api.close();
			outside.close();
			await store.close();
		},
	};
}

function healthOf(store: Store, connections: readonly WatchedConnection[], metrics: Metrics, clock: Clock): Health {
	for (const { name, isUp } of connections) metrics.watchConnection(name, isUp);
	const database = { name: "database", check: () => store.ping() };
	return makeHealth([database, ...connections.map(connectionCheck)], clock, Seconds(5));
}

/** How long jobs belong to who runs them. */
function leasesOf(config: EimConfig) {
	const exchange = config["es9plus.timeout"];
	return {
		// Most jobs are one exchange with an SM-DP+: what a killed process had under way is due again soon after.
		lease: Milliseconds(exchange + Seconds(10)),
		leases: {
			smdsPolling: Milliseconds(3 * exchange + Seconds(10)),
			deviceWakeUp: Milliseconds(longestWaking(config) + Seconds(10)),
			// The last package begins in time, and then goes there like its acknowledgement.
			packageInjection: Milliseconds(LONGEST_RUN + 2 * config["inject.timeout"] + exchange + Seconds(10)),
		},
	};
}

/** The clients of SM-DP+ and SM-DS, and what they leave open. */
function es9PlusPartsOf(config: EimConfig, deps: EimDeps, trustFolder: TrustFolder, metrics: Metrics) {
	const outside = deps.es9PlusHttp
		? { http: deps.es9PlusHttp, close: () => undefined }
		: es9PlusHttpOf(config, trustFolder);
	const options = es9PlusOptionsOf(config, outside.http, deps.random);
	const es9plus = measuredEs9Plus(createEs9PlusClient(options), metrics);
	return { es9plus, es11: measuredEs11(createEs11Client(options), metrics), outside };
}

function housekeepingOf(config: EimConfig, store: Store, { clock, logger }: EimDeps): Housekeeping {
	const kept = {
		eventsKept: config["events.kept"],
		operationsKept: config["operations.kept"],
		idempotencyKept: config["idempotency.kept"],
	};
	return createHousekeeping({ store, clock, logger, ...kept });
}

function trustFolderOf(config: EimConfig, logger: LoggerFactory): TrustFolder {
	const folder = config["trust.folder"] ?? path.join(config.dataFolder, "trust");
	const trustFolder = new TrustFolder(folder);
	if (trustFolder.trust.certificates.length === 0) {
		logger("eim").warn("no CI certificate: no SM-DP+ can be reached and no result verified", { folder });
	}
	return trustFolder;
}

function esipaSettingsOf(config: EimConfig): EsipaSettings {
	return {
		eimId: eimIdOf(config),
		enrolment: config["esipa.enrolment"],
		seenUnknownBound: config["esipa.seenUnknown"],
		ownOperationLifetime: config["operations.ownLifetime"],
		sessionLifetime: config["sessions.lifetime"],
		smdsAddress: config["smds.address"],
		offers: config["operations.offers"],
		offerAgainAfter: config["operations.offerAgainAfter"],
		download: {
			profileClasses: config["download.profileClasses"].split(",") as ProfileClass[],
			largestMetadata: config["download.largestMetadata"],
			isConsentGranted: config["download.consentGranted"],
		},
	};
}

async function signersOf(
	config: EimConfig,
	{ random, clock }: EimDeps,
): Promise<{ readonly signer: EimSigner; readonly formerSigners: readonly EimSigner[] }> {
	const curve = parseCurve(config["keys.curve"]);
	const made = () => ownSigningKey({ folder: config.dataFolder, curve, random, now: clock.now() });
	const signer = await loadFileKey({
		keyFile: config["keys.signingKey"] ?? made(),
		certificateFile: config["keys.signingCertificate"],
	});
	const formerSigners = config["keys.formerSigningKeys"].map((keyFile) => loadFileKey({ keyFile }));
	return { signer, formerSigners: await Promise.all(formerSigners) };
}

function tlsIdentityOf(config: EimConfig, { random, clock }: EimDeps): ServerIdentity & { readonly ca: Uint8Array } {
	const key = config["tls.key"];
	const certificate = config["tls.certificate"];
	if (key !== undefined && certificate !== undefined) return givenTlsIdentity(key, certificate);
	if (key !== undefined || certificate !== undefined) {
		throw new EimError("EIM_FILES_UNPAIRED", "tls.key and tls.certificate: only one of them is configured");
	}
	const curve = parseCurve(config["keys.curve"]);
	const host = hostOf(config["eim.fqdn"]);
	return ownTlsIdentity({ folder: config.dataFolder, curve, random, now: clock.now(), host });
}

function formerTlsIdentityOf(config: EimConfig): TlsIdentity | undefined {
	const [key, certificate, port] = [
		config["tls.formerKey"],
		config["tls.formerCertificate"],
		config["esipa.formerPort"],
	];
	if (key === undefined && certificate === undefined && port === undefined) return undefined;
	if (key !== undefined && certificate !== undefined && port !== undefined) return givenTlsIdentity(key, certificate);
	const message = "tls.formerKey, tls.formerCertificate and esipa.formerPort: not all three are configured";
	throw new EimError("EIM_FILES_UNPAIRED", message);
}

function openStoreOf(config: EimConfig, logger: LoggerFactory): Promise<Store> {
	return openStore({
		databaseUrl: config["database.url"]?.reveal(),
		file: config["database.file"] ?? path.join(config.dataFolder, "eim.db"),
		isExclusive: true,
		connections: config["database.connections"],
		onConnectionLost: (error) => logger("eim.storage").warn("database connection lost", { error }),
	});
}

interface WaysParts {
	readonly esipa: EsipaHandler;
	readonly context: EsipaContext;
	readonly store: Store;
	readonly tls: ServerIdentity & { readonly ca: Uint8Array };
	readonly labKeyLog: LabKeyLog | undefined;
	readonly metrics: Metrics;
}

/** The ways between devices and this eIM besides HTTPS, as far as they are configured. */
function waysOf(config: EimConfig, { clock, random, logger }: EimDeps, ways: WaysParts) {
	const { esipa, context, store, tls, labKeyLog, metrics } = ways;
	const keys = pskFileOf(config, logger("eim.coap"));
	const parts = { handler: esipa, store, clock, random, logger, metrics, keys };
	return {
		mqtt: mqttFaceOf(config, { ...parts, ownCa: tls.ca }),
		coap: coapFaceOf(config, { ...parts, identity: tls, labKeyLog }),
		lwm2m: lwm2mFaceOf(config, { ...parts, context, identity: tls, labKeyLog }),
		coaps: coapInjectorOf(config, { identity: tls, clock, random, keys, labKeyLog }),
	};
}

/**
 * Towards IPAs that take packages: over HTTPS and CoAP they know this eIM by its TLS certificate, over MQTT by the broker,
 * over LwM2M by their registration.
 */
function injectorOf(
	config: EimConfig,
	{ key, certificate }: ServerIdentity,
	{ mqtt, lwm2m, coaps }: ReturnType<typeof waysOf>,
): PackageInjector {
	const https = createHttpInjector((tls) =>
		createHttpClient({
			tls,
			identity: { key, certificate },
			hosts: config.hosts,
			timeout: config["inject.timeout"],
			keepAlive: false,
		}),
	);
	return injectorByScheme({
		"https:": https,
		...(coaps && { "coaps:": coaps }),
		...(mqtt && { "mqtt:": mqtt }),
		...(lwm2m && { "lwm2m:": lwm2m }),
	});
}

function es9PlusHttpOf(config: EimConfig, folder: TrustFolder): { http: Es9PlusHttp; close: () => void } {
	const certificates = folder.certificatesPem;
	if (certificates.length === 0) {
		const refuse = async () => {
			throw new EimError("EIM_TRUST_EMPTY", "no CI certificate is configured to trust an SM-DP+ by");
		};
		return { http: { request: refuse }, close: () => undefined };
	}
	const policy = createHostPolicy({ allowed: config["es9plus.allowedHosts"], hosts: config.hosts });
	const client = createHttpClient({
		tls: { kind: "ca", certificates },
		hosts: config.hosts,
		connect: guardedConnect(policy),
		timeout: config["es9plus.timeout"],
	});
	return { http: guardedHttp(client, policy), close: () => client.close() };
}

function es9PlusOptionsOf(config: EimConfig, http: Es9PlusHttp, random: RandomSource): Es9PlusOptions {
	return {
		http,
		requester: eimIdOf(config),
		newCallId: () => toHex(random.bytes(8)),
		defaultEncoding: config["es9plus.encoding"] as Es9PlusEncoding,
		encodings: config["es9plus.encodings"] as Readonly<Record<string, Es9PlusEncoding>>,
	};
}

function apiOf(
	config: EimConfig,
	deps: EimDeps,
	parts: {
		store: Store;
		metrics: Metrics;
		health: Health;
		eimConfiguration: EimConfiguration;
		checkWakeUp: Waking["check"];
	},
): Promise<ApiServer> {
	const key = config["api.tlsKey"];
	const certificate = config["api.tlsCertificate"];
	if ((key === undefined) !== (certificate === undefined)) {
		throw new EimError("EIM_FILES_UNPAIRED", "api.tlsKey and api.tlsCertificate: only one of them is configured");
	}
	return buildApi({
		...parts,
		clock: deps.clock,
		random: deps.random,
		log: deps.logger("eim.api"),
		version: deps.version,
		...(key && certificate ? { tls: serverTlsOptions(givenTlsIdentity(key, certificate)) } : {}),
		limits: {
			requestsPerMinute: config["api.requestsPerMinute"],
			streams: config["api.streams"],
			operationExpiry: config["operations.expiry"],
			streamHeartbeat: config["api.streamHeartbeat"],
		},
	});
}

/** Undefined when there is a key already, or when the operator has given the first one. */
async function makeFirstApiKey(config: EimConfig, store: Store, deps: EimDeps): Promise<string | undefined> {
	const at = deps.clock.now();
	const given = config["api.firstKey"]?.reveal();
	const { secret, key } = makeApiKey(
		{ name: "first", readOnly: false, at, secret: given },
		deps.random.bytes(API_KEY_RANDOM),
	);
	const audit = { at, actor: "eim", action: "apiKey.made", subject: key.id, facts: { name: key.name } };
	const isFirst = await store.saveFirstApiKey(key, audit);
	return isFirst && given === undefined ? secret : undefined;
}
