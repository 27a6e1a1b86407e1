import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { CoapHandler } from "@iot-esim/shared/transport/coap/coap-face";
import { type CoapServer, createCoapServer } from "@iot-esim/shared/transport/coap/server";
import { type CoapTlsListenOptions, listenCoapTls } from "@iot-esim/shared/transport/coap/tls";
import type { DatagramPath, DatagramServer } from "@iot-esim/shared/transport/datagram";
import { printHostPort, type TcpListener } from "@iot-esim/shared/transport/tcp";
import { LARGEST_ESIPA_REQUEST } from "./http-asn1.ts";

export interface CoapFaceOptions {
	readonly handler: CoapHandler;
	readonly clock: Clock;
	readonly random: RandomSource;
	/** For DTLS; absent where no datagrams are taken. */
	readonly listenDatagrams?: ((onPath: (path: DatagramPath) => void) => Promise<DatagramServer>) | undefined;
	/** For TLS; absent where no connections are taken. */
	readonly tls?: CoapTlsListenOptions | undefined;
	/** Largest block over datagrams, as its exponent: 6 for 1024 octets. */
	readonly blockExponent: number;
	/** What goes on beside the listeners, ended with them. */
	readonly hints: { stop(): Promise<void> };
	readonly onError: (error: unknown) => void;
}

/** Where devices reach the eIM over CoAP. */
export interface CoapAddresses {
	readonly coap?: string;
	readonly coapTcp?: string;
}

/** All that devices reach over CoAP: DTLS and TLS, each with its own listener, behind one server. */
export class CoapFace {
	readonly #options: CoapFaceOptions;
	readonly #server: CoapServer;
	#datagrams: DatagramServer | undefined;
	#connections: TcpListener | undefined;

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

	/** @throws TransportError TRANSPORT_LISTEN_FAILED; DtlsError DTLS_ADDON_MISSING */
	async listen(): Promise<CoapAddresses> {
		const { listenDatagrams, tls } = this.#options;
		this.#datagrams = await listenDatagrams?.((path) => this.#server.accept(path));
		if (tls !== undefined) {
			this.#connections = await listenCoapTls(tls, (stream, peer) => this.#server.acceptStream(stream, peer));
		}
		return {
			...(this.#datagrams && { coap: `coaps://${printHostPort(this.#datagrams)}` }),
			...(this.#connections && { coapTcp: `coaps+tcp://${printHostPort(this.#connections.address)}` }),
		};
	}

	async close(): Promise<void> {
		const listeners = [this.#datagrams, this.#connections];
		this.#datagrams = undefined;
		this.#connections = undefined;
		this.#server.close();
		await this.#options.hints.stop();
		await Promise.all(listeners.map((listener) => listener?.close()));
	}
}
