import type { TlsOptions } from "node:tls";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { Duration } from "@iot-esim/shared/util/duration";
import type { EimToldToCard } from "../domain/euicc-command.ts";
import type { WakeUpAddress } from "../domain/wake-up.ts";
import type { Health } from "../observability/health.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { Store } from "../storage/store.ts";

/** What the API needs; nothing in it listens or reads the environment. */
export interface ApiDeps {
	readonly store: Store;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly log: Logger;
	readonly metrics: Metrics;
	readonly health: Health;
	readonly eimConfiguration: EimConfiguration;
	/** @throws EsimError for an address by which this eIM cannot wake a device */
	readonly checkWakeUp: (address: WakeUpAddress) => void;
	/** Version of the program, for the OpenAPI document. */
	readonly version: string;
	readonly limits: ApiLimits;
	/** Options of node:tls to serve HTTPS; plain HTTP when absent. */
	readonly tls?: TlsOptions;
}

export interface ApiLimits {
	/** Per client address. */
	readonly requestsPerMinute: number;
	/** Event streams at once. */
	readonly streams: number;
	/** How long an operation may wait when the request does not say. */
	readonly operationExpiry: Duration;
	/** How often an idle event stream gets a sign of life; also how soon events of other replicas are seen. */
	readonly streamHeartbeat: Duration;
}

/** This eIM as cards know it. */
export interface EimConfiguration {
	readonly eimId: string;
	/** The keys that cards may know it by (`Device.signingKeyId`), the one that new cards are told first. */
	readonly signingKeyIds: readonly string[];
	/** What new cards are told of its TLS server (`Device.tlsTrustId`); undefined when they are told nothing. */
	readonly tlsTrustId: string | undefined;
	/** AddInitialEimRequest, DER: what a card must be given to belong to this eIM, at the moment of the call. */
	der(): Uint8Array;
	/** The same in words, for people. */
	describe(): Readonly<Record<string, unknown>>;
	/**
	 * Reads what another eIM gives out for cards.
	 * @throws EsimError ESIPA_CONFIGURATION_INVALID
	 */
	read(octets: Uint8Array): EimToldToCard & { readonly counterValue?: number };
}
