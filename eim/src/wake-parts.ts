/** What the eIM needs to wake devices, made of its settings. */

import type { Duplex } from "node:stream";
import tls from "node:tls";
import type { Eid } from "@iot-esim/shared/ids/eid";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger, LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { createHttpClient } from "@iot-esim/shared/transport/http/client";
import { openConnection } from "@iot-esim/shared/transport/http/connect";
import { prepareTrust } from "@iot-esim/shared/transport/http/trust";
import { parseHostPort } from "@iot-esim/shared/transport/tcp";
import { type Duration, Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { eimIdOf } from "./card-configuration.ts";
import type { EimConfig } from "./config.ts";
import type { WakeUpAddress } from "./domain/wake-up.ts";
import { givenCertificates } from "./given-files.ts";
import { measuredReceipts, measuredWakers } from "./measured.ts";
import type { Metrics } from "./observability/metrics.ts";
import type { Store } from "./storage/store.ts";
import { SmppLink } from "./wake/smpp-link.ts";
import { receiptTaker, smsWaker } from "./wake/sms-waker.ts";
import { checkWakeUpAddress, type WakeLater, wakeDevice } from "./wake/wake-device.ts";
import type { Wakers } from "./wake/waker.ts";
import { webhookWaker } from "./wake/webhook-waker.ts";

interface Parts {
	readonly store: Store;
	readonly metrics: Metrics;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
}

/** The ways to devices that sleep. */
export interface Waking {
	/** Wakes a device for which something waits; when to look again. */
	wake(eid: Eid): Promise<WakeLater | undefined>;
	/** @throws WakeError for an address that this eIM cannot use */
	check(address: WakeUpAddress): void;
	/** Undefined where no SMSC is configured. */
	readonly smsc: { readonly isBound: boolean } | undefined;
	/** Opens the connections that stay open. */
	start(): void;
	stop(): Promise<void>;
}

/** How long a message waits for its turn at an SMSC at most, and then for the answer. */
const ANSWER_WITHIN = Seconds(10);

/** How long waking a device takes at most, whichever way. */
export function longestWaking(config: EimConfig): Duration {
	return Milliseconds(Math.max(2 * ANSWER_WITHIN, config["wake.webhook.timeout"]));
}

/** @throws EimError EIM_FILE_UNREADABLE; WakeError WAKE_SECRET_INVALID; TransportError TRANSPORT_OPTIONS_INVALID */
export function wakingOf(config: EimConfig, parts: Parts): Waking {
	const { store, clock, random, logger } = parts;
	const link = smppLinkOf(config, parts);
	const webhook = webhookOf(config, logger("eim.wake"));
	const wakers: Wakers = measuredWakers(
		{
			...(webhook && { webhook: webhook.waker }),
			...(link && { sms: smsWaker({ smsc: link, source: config["smpp.source"], payload: config["smpp.payload"] }) }),
		},
		parts.metrics,
	);
	const limits = {
		perHour: config["wake.perHour"],
		repeatAfter: config["wake.repeatAfter"],
		patience: config["wake.patience"],
	};
	return {
		wake: (eid) => wakeDevice({ store, clock, random, logger, wakers, limits }, eid),
		check: (address) => checkWakeUpAddress(wakers, address),
		smsc: link,
		start: () => link?.start(),
		async stop() {
			webhook?.close();
			await link?.stop();
		},
	};
}

function webhookOf(config: EimConfig, log: Logger) {
	const secret = config["wake.webhook.secret"]?.reveal();
	const url = config["wake.webhook.url"];
	if (secret === undefined) {
		if (url !== undefined) log.warn("wake.webhook.url needs wake.webhook.secret: without it nothing is sent");
		return undefined;
	}
	if (url?.startsWith("http:")) log.warn("wake.webhook.url has no TLS: use https outside of a lab");
	const http = createHttpClient({
		tls: { kind: "ca", certificates: trusted("wake.webhook.ca", config["wake.webhook.ca"]) },
		hosts: config.hosts,
		timeout: config["wake.webhook.timeout"],
		maxResponseBytes: 64 * 1024,
	});
	const waker = webhookWaker({
		http,
		secret,
		url,
		allow: config["wake.webhook.allow"],
		eimId: eimIdOf(config),
	});
	return { waker, close: () => http.close() };
}

function smppLinkOf(config: EimConfig, { store, metrics, clock, logger }: Parts): SmppLink | undefined {
	const url = config["smpp.url"];
	if (url === undefined) return undefined;
	const log = logger("eim.wake");
	return new SmppLink({
		name: url,
		settings: {
			systemId: config["smpp.systemId"],
			password: config["smpp.password"]?.reveal() ?? "",
			systemType: config["smpp.systemType"],
			window: config["smpp.window"],
			perSecond: config["smpp.perSecond"],
			enquireEvery: config["smpp.enquireEvery"],
			answerWithin: ANSWER_WITHIN,
		},
		open: smscOpener(url, config),
		clock,
		log,
		onDelivered: receiptTaker(measuredReceipts(store, metrics), clock, log),
	});
}

function smscOpener(url: string, config: EimConfig): (signal: AbortSignal) => Promise<Duplex> {
	const target = parseHostPort(url.slice(url.indexOf("//") + 2), "smpp.url");
	const isSecure = url.startsWith("smpps:");
	const route = {
		hosts: config.hosts,
		proxy: undefined,
		trust: isSecure ? prepareTrust({ kind: "ca", certificates: trusted("smpp.ca", config["smpp.ca"]) }) : undefined,
		alpn: [],
	};
	return (signal) => openConnection(target, isSecure, route, signal);
}

/** PEM of the file's certificates, or of the public CAs that Node.js carries. */
function trusted(setting: string, file: string | undefined): readonly string[] {
	return file === undefined ? tls.rootCertificates : givenCertificates(setting, file);
}
