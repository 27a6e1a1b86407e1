import type { Duration } from "../../util/duration.ts";

/** An application message, as a broker takes and delivers it. */
export interface MqttMessage {
	readonly topic: string;
	readonly payload: Uint8Array;
	readonly qos: 0 | 1;
	readonly retain?: boolean;
	/** Correlation Data, where both ends speak MQTT 5. */
	readonly correlation?: Uint8Array;
	/** Response Topic, where both ends speak MQTT 5. */
	readonly responseTopic?: string;
	/** How long the broker may keep it for a client that is away; MQTT 5 alone. */
	readonly expiry?: Duration;
}

/** MQTT 3.1.1 or 5. */
export type MqttVersion = "3.1.1" | "5";

/** One connection to a broker, from CONNACK to its end. */
export interface MqttConnection {
	readonly version: MqttVersion;
	/**
	 * Resolves when the message has gone out, with QoS 1 when the broker has acknowledged it; false when the broker says
	 * that nobody is subscribed to it (MQTT 5 says so of QoS 1, MQTT 3.1.1 never).
	 * @throws TransportError
	 */
	publish(message: MqttMessage): Promise<boolean>;
	/** @throws TransportError TRANSPORT_BROKER_REFUSED when one of the filters is refused */
	subscribe(filters: readonly string[]): Promise<void>;
	/** Resolves when the connection is over, with the reason unless it was closed on this side. */
	readonly closed: Promise<Error | undefined>;
	/** Says goodbye to the broker. */
	close(): Promise<void>;
}

/** Opens a connection; every message that the broker delivers goes to `onMessage`. */
export type OpenMqtt = (onMessage: (message: MqttMessage) => void, signal?: AbortSignal) => Promise<MqttConnection>;
