import type { EsipaLink } from "@iot-esim/ipa/esipa/esipa-link";
import { httpAsn1Link } from "@iot-esim/ipa/esipa/http-asn1";
import { httpJsonLink } from "@iot-esim/ipa/esipa/http-json";
import type { EsipaTarget } from "@iot-esim/ipa/esipa/http-link";
import { type Clock, systemClock } from "@iot-esim/shared/runtime/clock";
import type { HttpClient } from "@iot-esim/shared/transport/http/client";
import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { observeEsipa } from "../conformance/observation.ts";
import { type CoapTransport, coapFaceLink } from "./coap-face.ts";
import { lwm2mFaceLink } from "./lwm2m-face.ts";
import { mqttFaceLink } from "./mqtt-face.ts";

/** The forms of ESipa over HTTP. */
export const BINDINGS = ["asn1", "json"] as const;
export type Binding = (typeof BINDINGS)[number];

/** The curves that RSP allows. */
export const CURVES = ["P-256", "brainpoolP256r1"] as const;

/** Both bindings on both curves, for `describe.each`: `describe.each(BINDINGS_AND_CURVES)("... in %s on %s", (binding, curve) => ...)`. */
export const BINDINGS_AND_CURVES = BINDINGS.flatMap((binding) => CURVES.map((curve) => [binding, curve] as const));

/** What went over the line. */
export interface SeenExchange {
	readonly path: string;
	readonly requestHeaders: Readonly<Record<string, string | string[] | undefined>>;
	readonly request: Uint8Array;
	readonly status: number;
	readonly response: Uint8Array;
}

/** An HTTP client that hands requests to a handler of this process, as the listener would. */
export function faceClient(
	face: HttpHandler,
	seen?: (exchange: SeenExchange) => void,
	clientCertificate?: Uint8Array,
): HttpClient {
	const connection = {};
	return {
		async request({ method, url, headers = {}, body = new Uint8Array(0), signal }) {
			const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
			const path = new URL(url).pathname;
			observeEsipa(path, body);
			const answer = await face({
				method,
				path,
				headers: lower,
				body,
				remoteAddress: "192.0.2.1",
				connection,
				clientCertificate,
				signal: signal ?? new AbortController().signal,
			});
			const { status, body: given = new Uint8Array(0) } = answer;
			if (typeof given !== "string" && !(given instanceof Uint8Array)) throw new Error("a whole body is expected");
			const response = typeof given === "string" ? utf8(given) : given;
			seen?.({ path, requestHeaders: lower, request: body, status, response });
			const named = Object.entries(answer.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
			return { status, headers: Object.fromEntries(named), body: response };
		},
		close: () => undefined,
	};
}

/** What carries ESipa. */
export type Transport = "https" | "mqtt" | "lwm2m" | CoapTransport;
let transport: Transport = "https";

/** Runs a test in which every IPA has its links over `over`; the binding is ASN.1 then, which is all that CoAP, MQTT and LwM2M carry. */
export async function withTransport(over: Transport, test: () => Promise<void>): Promise<void> {
	transport = over;
	try {
		await test();
	} finally {
		transport = "https";
	}
}

/** The IPA's own link in a binding, to an eIM of this process. */
export function faceLink(
	binding: Binding,
	face: HttpHandler,
	options: {
		readonly clock?: Clock;
		readonly target?: Partial<EsipaTarget>;
		readonly seen?: (exchange: SeenExchange) => void;
	} = {},
): EsipaLink {
	if (transport === "mqtt") return mqttFaceLink(faceClient(face, options.seen));
	if (transport === "lwm2m") return lwm2mFaceLink(faceClient(face, options.seen));
	if (transport !== "https") return coapFaceLink(transport, faceClient(face, options.seen));
	const target = { eimId: "eim", eimFqdn: "eim.example.com", trustedTlsKey: { publicKey: new Uint8Array(1) } };
	return (binding === "json" ? httpJsonLink : httpAsn1Link)(
		{ ...target, ...options.target },
		{
			clock: options.clock ?? systemClock,
			timeout: Seconds(30),
			makeClient: () => faceClient(face, options.seen),
		},
	);
}
