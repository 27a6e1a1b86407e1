import { X509Certificate } from "node:crypto";
import { Asn1Error } from "@iot-esim/shared/asn1/errors";
import { EsipaJsonError } from "@iot-esim/shared/messages/sgp32/json/errors";
import { esipaRequestToJson, esipaResponseFromJson } from "@iot-esim/shared/messages/sgp32/json/esipa-json";
import type { HttpClient, TlsTrust } from "@iot-esim/shared/transport/http/client";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { PackageInjector } from "../esipa/inject-packages.ts";
import { InjectError } from "./errors.ts";

/** The part of an address that this needs; structurally the device's own. */
type Address = Parameters<PackageInjector["transfer"]>[0];

/** The injector for each scheme of addresses that this eIM has a way for. */
export function injectorByScheme(injectors: Readonly<Record<string, PackageInjector>>): PackageInjector {
	return {
		async transfer(address, message, eid) {
			const injector = injectors[/^[a-z][a-z0-9+.-]*:/.exec(address.url)?.[0] ?? ""];
			if (injector !== undefined) return injector.transfer(address, message, eid);
			const ways = Object.keys(injectors).join(" ");
			const why = `this eIM has no way to "${address.url}", only ${ways}; mqtt: needs mqtt.url, lwm2m: needs lwm2m.port`;
			throw new InjectError("INJECT_UNREACHABLE", why);
		},
	};
}

const FUNCTION = "transferEimPackage";

/** Path, media type and form of a message in each binding. */
const bindings = {
	asn1: {
		path: "/gsma/rsp2/asn1",
		mediaType: "application/x-gsma-rsp-asn1",
		write: (message: Uint8Array) => message,
		read: (body: Uint8Array) => body,
	},
	json: {
		path: `/gsma/rsp2/esipa/${FUNCTION}`,
		mediaType: "application/json;charset=UTF-8",
		write: (message: Uint8Array) => utf8(JSON.stringify(esipaRequestToJson(FUNCTION, message))),
		read: (body: Uint8Array) => esipaResponseFromJson(FUNCTION, JSON.parse(new TextDecoder().decode(body))),
	},
} as const;

/**
 * ESipa.TransferEimPackage over HTTPS: here the eIM is the client and shows its own TLS certificate, by which the IPA
 * knows it. `makeClient` makes an HTTP client that trusts a device and has the eIM's identity.
 */
export function createHttpInjector(makeClient: (tls: TlsTrust) => HttpClient): {
	transfer(address: Address, message: Uint8Array): Promise<Uint8Array>;
} {
	return {
		async transfer(address, message) {
			const { path, mediaType, write, read } = bindings[address.binding];
			const url = `${address.url.replace(/\/$/, "")}${path}`;
			const client = makeClient(trustOf(address));
			try {
				const headers = { "Content-Type": mediaType, Accept: mediaType, "X-Admin-Protocol": "gsma/rsp/v2.5.0" };
				const answer = await client.request({ method: "POST", url, headers, body: write(message) });
				if (answer.status < 200 || answer.status >= 300) {
					const said = new TextDecoder().decode(answer.body).trim().slice(0, 200);
					throw new InjectError("INJECT_REFUSED", `${url} answered with HTTP status ${answer.status}: ${said}`);
				}
				return read(answer.body);
			} catch (cause) {
				throw injectErrorOf(url, cause);
			} finally {
				// Devices are many and are seldom spoken to.
				client.close();
			}
		},
	};
}

function injectErrorOf(url: string, cause: unknown): unknown {
	if (cause instanceof InjectError) return cause;
	if (cause instanceof EsipaJsonError || cause instanceof Asn1Error || cause instanceof SyntaxError) {
		return new InjectError("INJECT_ANSWER_INVALID", `${url}: ${cause.message}`, { cause });
	}
	return cause instanceof EsimError
		? new InjectError("INJECT_UNREACHABLE", `${url}: ${cause.message}`, { cause })
		: cause;
}

function trustOf({ url, certificate }: Address): TlsTrust {
	if (certificate === undefined) throw new InjectError("INJECT_UNREACHABLE", `no certificate is given for ${url}`);
	try {
		return { kind: "pinned-certificate", der: new Uint8Array(new X509Certificate(certificate).raw) };
	} catch (cause) {
		throw new InjectError("INJECT_UNREACHABLE", `the certificate given for ${url} cannot be read`, { cause });
	}
}
