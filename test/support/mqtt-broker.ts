import net from "node:net";
import type { MqttConnection, MqttMessage, MqttVersion, OpenMqtt } from "@iot-esim/shared/transport/mqtt/connection";
import { Aedes, type AedesOptions } from "aedes";

/** A broker of this process on a free port: MQTT 3.1.1, no shared subscriptions. */
export async function startAedes(options: AedesOptions = {}, port = 0) {
	const aedes = await Aedes.createBroker(options);
	const sockets = new Set<net.Socket>();
	const server = net.createServer({ noDelay: true }, (socket) => {
		sockets.add(socket);
		socket.once("close", () => sockets.delete(socket));
		aedes.handle(socket);
	});
	await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
	const bound = (server.address() as net.AddressInfo).port;
	return {
		aedes,
		port: bound,
		url: `mqtt://127.0.0.1:${bound}`,
		/** Breaks every connection, as a network does. */
		cut: () => {
			for (const socket of sockets) socket.destroy();
		},
		stop: async () => {
			for (const socket of sockets) socket.destroy();
			await new Promise<void>((resolve) => server.close(() => resolve()));
			await new Promise<void>((resolve) => aedes.close(() => resolve()));
		},
	};
}

interface Subscriber {
	readonly filters: string[];
	readonly version: MqttVersion;
	readonly deliver: (message: MqttMessage) => void;
	readonly end: (cause?: Error) => void;
}

/** A broker without octets, for tests on a fake clock: topics, retained messages and shared subscriptions as in MQTT 5. */
export class MemoryBroker {
	readonly #subscribers = new Set<Subscriber>();
	readonly #retained = new Map<string, MqttMessage>();
	/** What was published, in order. */
	readonly seen: MqttMessage[] = [];
	/** Nobody can connect. */
	isDown = false;
	/** Called with each message before it is delivered; false loses it. */
	passes: (message: MqttMessage) => boolean = () => true;
	/** How often each message is delivered. */
	copies = 1;
	#turn = 0;

	opener(version: MqttVersion = "5"): OpenMqtt {
		return async (onMessage) => {
			if (this.isDown) throw new Error("the broker is down");
			return this.#connect(version, onMessage);
		};
	}

	/** Breaks every connection. */
	cut(): void {
		for (const { end } of [...this.#subscribers]) end(new Error("cut"));
	}

	retained(topic: string): MqttMessage | undefined {
		return this.#retained.get(topic);
	}

	#connect(version: MqttVersion, onMessage: (message: MqttMessage) => void): MqttConnection {
		let finish: (cause?: Error) => void = () => undefined;
		const closed = new Promise<Error | undefined>((resolve) => {
			finish = resolve;
		});
		const subscriber: Subscriber = {
			filters: [],
			version,
			deliver: (message) => void Promise.resolve().then(() => onMessage(forVersion(version, message))),
			end: (cause) => {
				this.#subscribers.delete(subscriber);
				finish(cause);
			},
		};
		this.#subscribers.add(subscriber);
		return {
			version,
			closed,
			publish: async (message) => {
				if (!this.#subscribers.has(subscriber)) throw new Error("the connection is over");
				return this.#publish(forVersion(version, message));
			},
			subscribe: async (filters) => {
				subscriber.filters.push(...filters);
				for (const [topic, message] of this.#retained) {
					if (filters.some((filter) => !filter.startsWith("$share/") && matches(filter, topic))) {
						subscriber.deliver({ ...message, retain: true });
					}
				}
			},
			close: async () => subscriber.end(),
		};
	}

	#publish(message: MqttMessage): boolean {
		this.seen.push(message);
		if (message.retain === true && message.payload.length === 0) this.#retained.delete(message.topic);
		else if (message.retain === true) this.#retained.set(message.topic, message);
		if (!this.passes(message)) return true;
		const { retain: _, ...delivered } = message;
		const takers = this.#takers(message.topic);
		for (let copy = 0; copy < this.copies; copy++) for (const one of takers) one.deliver(delivered);
		return takers.length > 0;
	}

	/** One of each share group, in turn. */
	#takers(topic: string): readonly Subscriber[] {
		const groups = new Map<string, Subscriber[]>();
		const takers = new Set<Subscriber>();
		for (const subscriber of this.#subscribers) {
			for (const filter of subscriber.filters) {
				const [, group, shared] = /^\$share\/([^/]+)\/(.*)$/.exec(filter) ?? [];
				if (!matches(shared ?? filter, topic)) continue;
				if (group === undefined) takers.add(subscriber);
				else groups.set(group, [...(groups.get(group) ?? []), subscriber]);
			}
		}
		for (const members of groups.values()) {
			const one = members[this.#turn++ % members.length];
			if (one !== undefined) takers.add(one);
		}
		return [...takers];
	}
}

/** MQTT 3.1.1 has no properties. */
function forVersion(version: MqttVersion, message: MqttMessage): MqttMessage {
	if (version === "5") return message;
	const { topic, payload, qos, retain } = message;
	return { topic, payload, qos, ...(retain === undefined ? {} : { retain }) };
}

/** MQTT 5 section 4.7. */
export function matches(filter: string, topic: string): boolean {
	const [levels, given] = [filter.split("/"), topic.split("/")];
	for (const [at, level] of levels.entries()) {
		if (level === "#") return true;
		if (given[at] === undefined || (level !== "+" && level !== given[at])) return false;
	}
	return levels.length === given.length;
}
