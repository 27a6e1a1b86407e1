import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { CoapHandler } from "@iot-esim/shared/transport/coap/coap-face";
import { type CoapServer, createCoapServer } from "@iot-esim/shared/transport/coap/server";
import { type HostPort, printHostPort } from "@iot-esim/shared/transport/tcp";
import { LARGEST_ESIPA_REQUEST } from "./http-asn1.ts";

export interface CoapFaceOptions {
	readonly handler: CoapHandler;
	readonly clock: Clock;
	readonly random: RandomSource;
	/** Where devices are taken, over DTLS and over TLS. */
	readonly listeners: Readonly<Partial<Record<CoapListenerName, CoapListen>>>;
	/** Largest block over datagrams, as its exponent: 6 for 1024 octets. */
	readonly blockExponent: number;
	/** What goes on beside the listeners, ended with them. */
	readonly hints: { stop(): Promise<void> };
	readonly onError: (error: unknown) => void;
}

/** Over DTLS and over TLS, for all devices and for those that prove themselves; over DTLS by raw public keys too. */
const SCHEMES = {
	coap: "coaps",
	coapTcp: "coaps+tcp",
	provenCoap: "coaps",
	provenCoapTcp: "coaps+tcp",
	rawKeyCoap: "coaps",
} as const;

export type CoapListenerName = keyof typeof SCHEMES;

/** Opens a listener whose sessions go to the server. */
export type CoapListen = (server: CoapServer) => Promise<CoapListener>;

export interface CoapListener {
	readonly address: HostPort;
	close(): Promise<void>;
}

/** Where devices reach the eIM over CoAP. */
export type CoapAddresses = Readonly<Partial<Record<CoapListenerName, string>>>;

/** All that devices reach over CoAP: DTLS and TLS, each with its own listener, behind one server. */
export class CoapFace {
	readonly #options: CoapFaceOptions;
	readonly #server: CoapServer;
	readonly #open: CoapListener[] = [];

	constructor(options: CoapFaceOptions) {
		const { clock, random, handler, blockExponent, onError } = options;
		this.#options = options;
		this.#server = createCoapServer({
			clock,
			random,
			handler,
			blockExponent,
			maxBody: LARGEST_ESIPA_REQUEST,
			onError,
		});
	}

	/**
	 * @param around says of each listener what fails when it is opened
	 * @throws TransportError TRANSPORT_LISTEN_FAILED; DtlsError DTLS_ADDON_MISSING
	 */
	async listen(
		around: (name: CoapListenerName, open: () => Promise<CoapListener>) => Promise<CoapListener> = (_name, open) =>
			open(),
	): Promise<CoapAddresses> {
		const addresses: Partial<Record<CoapListenerName, string>> = {};
		for (const name of Object.keys(SCHEMES) as CoapListenerName[]) {
			const listen = this.#options.listeners[name];
			if (listen === undefined) continue;
			const listener = await around(name, () => listen(this.#server));
			this.#open.push(listener);
			addresses[name] = `${SCHEMES[name]}://${printHostPort(listener.address)}`;
		}
		return addresses;
	}

	async close(): Promise<void> {
		const listeners = this.#open.splice(0);
		this.#server.close();
		await this.#options.hints.stop();
		await Promise.all(listeners.map((listener) => listener.close()));
	}
}
