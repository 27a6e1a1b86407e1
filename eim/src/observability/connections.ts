/** The connections to servers of others that shall always be there: each is retried by itself, and the rest goes on. */

import type { HealthCheck } from "./health.ts";

export interface WatchedConnection {
	readonly name: "mqtt" | "smsc";
	/** To whom, with the setting that says so. */
	readonly to: string;
	readonly isUp: () => boolean;
}

/** Those that are configured. */
export function connectionsOf(
	mqtt: { readonly isConnected: boolean } | undefined,
	{ smsc }: { readonly smsc: { readonly isBound: boolean } | undefined },
): readonly WatchedConnection[] {
	const all: WatchedConnection[] = [];
	if (mqtt) all.push({ name: "mqtt", to: "the MQTT broker (mqtt.url)", isUp: () => mqtt.isConnected });
	if (smsc) all.push({ name: "smsc", to: "the SMSC (smpp.url)", isUp: () => smsc.isBound });
	return all;
}

/** Whoever asks need not have a key: what failed, with names and addresses, stands in the log alone. */
export function connectionCheck({ name, to, isUp }: WatchedConnection): HealthCheck {
	return {
		name,
		isPartial: true,
		async check() {
			if (!isUp()) throw new Error(`no connection to ${to}; it is tried again, and the log says why`);
		},
	};
}
