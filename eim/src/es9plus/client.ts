import { asn1Binding } from "./asn1-binding.ts";
import type { Es9PlusClient } from "./es9plus-client.ts";
import type { Es9PlusHttp } from "./http.ts";
import { jsonBinding } from "./json-binding.ts";

/** How messages are written to an SM-DP+; each has to take at least one of both. */
export type Es9PlusEncoding = "json" | "asn1";

export interface Es9PlusOptions {
	/** HTTP with TLS under the CI certificates; RSP names are mapped to hosts there. */
	readonly http: Es9PlusHttp;
	/** Names this eIM in JSON headers. */
	readonly requester: string;
	readonly newCallId: () => string;
	/** For SM-DP+ that `encodings` does not name; JSON when absent. */
	readonly defaultEncoding?: Es9PlusEncoding;
	/** By address as in orders, or by its name without port. */
	readonly encodings?: Readonly<Record<string, Es9PlusEncoding>>;
}

/** ES9+' of an eIM towards any number of SM-DP+, each in its own encoding. */
export function createEs9PlusClient(options: Es9PlusOptions): Es9PlusClient {
	const bindings = { json: jsonBinding(options), asn1: asn1Binding(options) };
	const encodingOf = encodingChoice(options);
	const bindingOf = (address: string): Es9PlusClient => bindings[encodingOf(address)];
	return {
		initiateAuthentication: (address, request) => bindingOf(address).initiateAuthentication(address, request),
		authenticateClient: (address, request) => bindingOf(address).authenticateClient(address, request),
		getBoundProfilePackage: (address, request) => bindingOf(address).getBoundProfilePackage(address, request),
		cancelSession: (address, request) => bindingOf(address).cancelSession(address, request),
		handleNotification: (address, notification) => bindingOf(address).handleNotification(address, notification),
	};
}

/** How messages to a server are written, by its address. */
export function encodingChoice({
	encodings = {},
	defaultEncoding = "json",
}: Pick<Es9PlusOptions, "encodings" | "defaultEncoding">): (address: string) => Es9PlusEncoding {
	const byAddress = new Map(Object.entries(encodings).map(([address, encoding]) => [address.toLowerCase(), encoding]));
	return (address) => {
		const whole = address.toLowerCase();
		return byAddress.get(whole) ?? byAddress.get(whole.replace(/:\d+$/, "")) ?? defaultEncoding;
	};
}
