import { duplexPair } from "node:stream";
import { createCoapBinding } from "@iot-esim/eim/bindings/coap";
import { type CoapSession, coapLink } from "@iot-esim/ipa/esipa/coap-link";
import { EsipaLinkError } from "@iot-esim/ipa/esipa/errors";
import type { EsipaLink } from "@iot-esim/ipa/esipa/esipa-link";
import { type Clock, systemClock } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { DatagramChannel } from "@iot-esim/shared/transport/coap/datagram-channel";
import { CoapEndpoint } from "@iot-esim/shared/transport/coap/endpoint";
import { type CoapServer, createCoapServer } from "@iot-esim/shared/transport/coap/server";
import { StreamChannel } from "@iot-esim/shared/transport/coap/stream-channel";
import type { HttpClient } from "@iot-esim/shared/transport/http/client";
import { Seconds } from "@iot-esim/shared/util/duration";
import { EsimError } from "@iot-esim/shared/util/errors";
import { DatagramLine, type LineRule } from "./datagram-line.ts";

/** What carries ESipa besides HTTPS. */
export type CoapTransport = "coap" | "coaps+tcp";

/**
 * Whoever answers at the other end, by its HTTP face: what CoAP takes and gives is handed through octet by octet. Where
 * nobody is, the line goes dead.
 */
export function handlerOver(client: HttpClient, goDead: () => void) {
	return {
		async handle(message: Uint8Array): Promise<Uint8Array | null> {
			const headers = { "Content-Type": "application/x-gsma-rsp-asn1" };
			const url = "https://eim.example.com/gsma/rsp2/asn1";
			const { status, body } = await client.request({ method: "POST", url, headers, body: message }).catch((error) => {
				if (!(error instanceof EsipaLinkError)) throw error;
				goDead();
				return new Promise<never>(() => undefined);
			});
			if (status === 204) return null;
			if (status === 200) return body;
			throw new FaceError(status, new TextDecoder().decode(body));
		},
	};
}

class FaceError extends EsimError {
	readonly #status: number;

	constructor(status: number, said: string) {
		super("TEST_FACE_STATUS", said);
		this.#status = status;
	}

	override get httpStatus(): number {
		return this.#status;
	}
}

/** Next turn of the event loop: a line that takes no time. */
export const noTime: Clock = {
	now: () => 0,
	schedule: (_delay, task) => {
		const immediate = setImmediate(task);
		return () => clearImmediate(immediate);
	},
};

/**
 * The IPA's link over CoAP to whoever answers `client`, with the eIM's binding between them: datagrams or a connection in
 * memory, without DTLS and TLS.
 * @param rule what becomes of each datagram
 */
export function coapFaceLink(transport: CoapTransport, client: HttpClient, rule?: LineRule): EsipaLink {
	const parts = { clock: systemClock, random: systemRandom };
	const log = memoryLogger().logger("test.coap");
	let goDead = () => {};
	const handler = handlerOver(client, () => goDead());
	const binding = createCoapBinding({ handler, shortPath: "e", log });
	const server: CoapServer = createCoapServer({ ...parts, handler: binding });
	const open = async (): Promise<CoapSession> => {
		if (transport === "coap") {
			const line = new DatagramLine(noTime);
			if (rule !== undefined) line.rule = rule;
			server.accept(line.server);
			goDead = () => line.client.close();
			return new CoapEndpoint(new DatagramChannel(line.client, parts), parts);
		}
		const [near, far] = duplexPair();
		goDead = () => near.destroy();
		server.acceptStream(far, { remoteAddress: "192.0.2.1:40000" });
		const channel = new StreamChannel(near, {
			clock: systemClock,
			remoteAddress: "192.0.2.2:5684",
			maxMessage: 300_000,
		});
		return new CoapEndpoint(channel, parts);
	};
	const link = coapLink({ name: transport, open, path: ["e"], timeout: Seconds(30), clock: systemClock });
	// Benches spread links.
	return { name: transport, exchange: (message, signal) => link.exchange(message, signal), close: () => link.close() };
}
