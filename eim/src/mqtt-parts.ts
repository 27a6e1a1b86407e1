/** What the eIM needs to speak MQTT, made of its settings. */

import { Eid } from "@iot-esim/shared/ids/eid";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { TlsTrust } from "@iot-esim/shared/transport/http/client";
import { mqttBroker } from "@iot-esim/shared/transport/mqtt/broker-client";
import type { MqttVersion } from "@iot-esim/shared/transport/mqtt/connection";
import { toHex } from "@iot-esim/shared/util/bytes";
import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import type { WaitingDevices } from "./bindings/device-rounds.ts";
import { MqttFace } from "./bindings/mqtt-face.ts";
import type { EimConfig } from "./config.ts";
import type { EventType } from "./domain/event.ts";
import { withoutHeld } from "./domain/operation.ts";
import { EimError } from "./errors.ts";
import type { EsipaHandler } from "./esipa/handler.ts";
import { givenCertificates, readGiven } from "./given-files.ts";
import type { EventStore, OperationStore } from "./storage/store.ts";

/** The largest packet that a device has reason to send: an ESipa message and its topic. */
const LARGEST_PACKET = 300 * 1024;

interface Parts {
	readonly handler: EsipaHandler;
	readonly store: EventStore & OperationStore;
	/** The CA above the eIM's own TLS server, by which a broker under its name is known. */
	readonly ownCa: Uint8Array;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
}

/**
 * ESipa over MQTT; undefined when no broker is configured.
 * @throws EimError EIM_FILE_UNREADABLE, EIM_FILES_UNPAIRED; TransportError TRANSPORT_OPTIONS_INVALID
 */
export function mqttFaceOf(config: EimConfig, parts: Parts): MqttFace | undefined {
	const { clock, random, logger, handler, store } = parts;
	const url = config["mqtt.url"];
	if (url === undefined) return undefined;
	const username = config["mqtt.username"];
	const password = config["mqtt.password"]?.reveal();
	const identity = identityOf(config);
	const open = mqttBroker({
		url,
		tls: trustOf(config, parts.ownCa),
		...(identity === undefined ? {} : { identity }),
		// One name for each connection: a broker ends the older one of two with the same.
		clientId: `${config["mqtt.clientId"]}-${toHex(random.bytes(4)).toLowerCase()}`,
		...(username === undefined ? {} : { username }),
		...(password === undefined ? {} : { password }),
		version: config["mqtt.version"] as MqttVersion,
		keepalive: config["mqtt.keepalive"],
		timeout: Seconds(30),
		largestPacket: LARGEST_PACKET,
		hosts: config.hosts,
		clock,
	});
	return new MqttFace({
		handler,
		broker: url,
		open,
		prefix: config["mqtt.prefix"],
		shareGroup: config["mqtt.shareGroup"],
		concurrency: config["mqtt.concurrency"],
		injectTimeout: config["inject.timeout"],
		waiting: config["mqtt.hints"] ? waitingDevices(store, clock) : undefined,
		clock,
		random,
		log: logger("eim.mqtt"),
	});
}

function trustOf(config: EimConfig, ownCa: Uint8Array): TlsTrust {
	const file = config["mqtt.caFile"];
	if (file === undefined) return { kind: "pinned-certificate", der: ownCa };
	return { kind: "ca", certificates: givenCertificates("mqtt.caFile", file) };
}

function identityOf(config: EimConfig): { readonly certificate: string; readonly key: string } | undefined {
	const [certificate, key] = [config["mqtt.certificate"], config["mqtt.key"]];
	if (certificate === undefined && key === undefined) return undefined;
	if (certificate === undefined || key === undefined) {
		throw new EimError("EIM_FILES_UNPAIRED", "mqtt.certificate and mqtt.key: only one of them is configured");
	}
	const textOf = (setting: string, file: string) => new TextDecoder().decode(readGiven(setting, file));
	return { certificate: textOf("mqtt.certificate", certificate), key: textOf("mqtt.key", key) };
}

/** After these a hint may have to come or go. */
const TURNS: readonly EventType[] = [
	"operationQueued",
	"operationSucceeded",
	"operationFailed",
	"operationRolledBack",
	"operationExpired",
	"operationCancelled",
	"operationAwaitingVerification",
];
const WAITING = ["queued", "sent"] as const;
const AT_ONCE = 500;

/** Follows the event stream, which tells what every replica does. */
export function waitingDevices(store: EventStore & OperationStore, clock: Clock): WaitingDevices {
	let after: number | undefined;
	/** Read, but not told yet: the reading of more has failed. */
	const found = new Set<string>();
	const held = new HeldDevices(clock);
	return {
		async changed() {
			if (after === undefined) {
				const last = await store.lastEventId();
				for (const eid of await allWaiting(store)) found.add(eid);
				after = last;
			} else {
				for (let isMore = true; isMore; ) {
					const events = await store.listEvents({ after, limit: AT_ONCE, types: TURNS });
					for (const { eid } of events) if (eid !== undefined) found.add(eid);
					after = events.at(-1)?.id ?? after;
					isMore = events.length === AT_ONCE;
				}
			}
			for (const eid of held.takeDue()) found.add(eid);
			const all = [...found];
			found.clear();
			return all;
		},
		async isWaiting(eid) {
			const { items } = await store.listOperations({ eid: Eid(eid), states: WAITING, limit: AT_ONCE });
			const now = clock.now();
			const open = items.filter(({ expiresAt }) => expiresAt > now);
			const { free, nextAt } = withoutHeld(open, now);
			if (free.length === 0 && nextAt !== undefined) held.note(eid, nextAt);
			return free.length > 0;
		},
		onChange(listener) {
			const stops = [store.onEvents(listener), held.onDue(listener)];
			return () => {
				for (const stop of stops) stop();
			};
		},
	};
}

/** How soon listeners are told again that have not asked which devices are due. */
const TOLD_AGAIN = Seconds(1);

/** Devices for which nothing waits but what is held: the end of a pause is no event, so it is waited for here. */
class HeldDevices {
	readonly #clock: Clock;
	readonly #until = new Map<string, number>();
	readonly #listeners = new Set<() => void>();
	#cancel: (() => void) | undefined;
	/** When listeners are told; later or never is planned anew. */
	#plannedFor = Number.POSITIVE_INFINITY;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	note(eid: string, until: number): void {
		this.#until.set(eid, until);
		// A whole fleet may be held: what is planned already is not looked for again.
		if (until < this.#plannedFor) this.#plan();
	}

	/** The devices of which the pause is over, each once. */
	takeDue(): readonly string[] {
		const now = this.#clock.now();
		const due = [...this.#until].filter(([, until]) => until <= now).map(([eid]) => eid);
		for (const eid of due) this.#until.delete(eid);
		return due;
	}

	onDue(listener: () => void): () => void {
		this.#listeners.add(listener);
		this.#plan();
		return () => {
			this.#listeners.delete(listener);
			if (this.#listeners.size === 0) this.#plan();
		};
	}

	#plan(): void {
		this.#cancel?.();
		this.#plannedFor = Number.POSITIVE_INFINITY;
		if (this.#listeners.size === 0 || this.#until.size === 0) return;
		let next = Number.POSITIVE_INFINITY;
		for (const until of this.#until.values()) next = Math.min(next, until);
		const wait = next - this.#clock.now();
		this.#plannedFor = next;
		this.#cancel = this.#clock.schedule(wait > 0 ? Milliseconds(wait) : TOLD_AGAIN, () => {
			if (this.#until.size > 0) for (const listener of this.#listeners) listener();
			this.#plan();
		});
	}
}

async function allWaiting(store: OperationStore): Promise<ReadonlySet<string>> {
	const eids = new Set<string>();
	let cursor: string | undefined;
	do {
		const page = await store.listOperations({ states: WAITING, limit: AT_ONCE, cursor });
		for (const { eid } of page.items) eids.add(eid);
		cursor = page.next;
	} while (cursor !== undefined);
	return eids;
}
