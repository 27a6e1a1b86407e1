import type { Socket } from "node:net";
import { mappedAddress } from "@iot-esim/shared/transport/http/connect";
import { connectTcp, type HostPort, printHostPort } from "@iot-esim/shared/transport/tcp";
import { NetworkError } from "./errors.ts";

/** What lies behind the radio: which servers may be reached, and where they really are. */
export class DataPath {
	readonly #allow: readonly string[];
	readonly #hosts: Readonly<Record<string, string>>;

	constructor(options: {
		/** Destinations that are allowed: "host:port", "host", "*.domain" or "*". */
		readonly allow: readonly string[];
		/** `name[:port]` → `host:port`. */
		readonly hosts: Readonly<Record<string, string>>;
	}) {
		this.#allow = options.allow;
		this.#hosts = options.hosts;
	}

	/** @throws NetworkError NETWORK_DESTINATION_REFUSED */
	expectAllowed(target: HostPort): void {
		if (isAllowed(this.#allow, target)) return;
		throw new NetworkError("NETWORK_DESTINATION_REFUSED", `${printHostPort(target)} is not on the allow list`);
	}

	/** Where a name really is. */
	whereIs(target: HostPort): HostPort {
		return mappedAddress(this.#hosts, target);
	}

	/** @throws NetworkError NETWORK_DESTINATION_REFUSED; TransportError */
	connect(target: HostPort, signal: AbortSignal): Promise<Socket> {
		this.expectAllowed(target);
		return connectTcp(this.whereIs(target), signal);
	}
}

/** True when the allow list names the destination; an empty list allows nothing. */
export function isAllowed(allow: readonly string[], target: HostPort): boolean {
	const host = target.host.toLowerCase();
	return allow.some((entry) => {
		const rule = entry.toLowerCase();
		if (rule === "*" || rule === host || rule === `${host}:${target.port}`) return true;
		return rule.startsWith("*.") && host.endsWith(rule.slice(1));
	});
}
