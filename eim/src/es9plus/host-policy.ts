import { BlockList, isIP } from "node:net";
import { Es9PlusError } from "./errors.ts";

/**
 * Which servers the eIM may be sent to. Their addresses come from orders, from events of an SM-DS and from notifications, so
 * that whoever writes one could have the eIM reach into the network that it stands in.
 */
export interface HostPolicy {
	/** @throws Es9PlusError ES9PLUS_HOST_REFUSED for a name that is not allowed, or a private address in the place of one */
	checkName(host: string): void;
	/**
	 * What a name was resolved to, or where the configuration sends it.
	 * @throws Es9PlusError ES9PLUS_HOST_REFUSED
	 */
	checkResolved(host: string, ipAddress: string): void;
}

export interface HostPolicyOptions {
	/** Names, or `*.example.com` for all below one; any public name when empty. What is named may be private. */
	readonly allowed: readonly string[];
	/** `name[:port]` to `host:port`: both sides are named by whoever runs the eIM. */
	readonly hosts: Readonly<Record<string, string>>;
}

export function createHostPolicy({ allowed, hosts }: HostPolicyOptions): HostPolicy {
	const mapped = new Set(Object.keys(hosts).map(hostOf));
	const targets = new Set(Object.values(hosts).map(hostOf));
	const isAllowed = (host: string) => allowed.some((pattern) => fits(pattern.toLowerCase(), host));
	return {
		checkName(given) {
			const host = given.toLowerCase();
			if (mapped.has(host) || isAllowed(host)) return;
			if (allowed.length > 0) throw refused(host, "es9plus.allowedHosts does not name it");
			if (host === "localhost" || host.endsWith(".localhost") || isPrivate(host)) {
				throw refused(host, "it is no public name");
			}
		},
		checkResolved(given, ipAddress) {
			const host = given.toLowerCase();
			if (targets.has(host) || isAllowed(host) || !isPrivate(ipAddress)) return;
			throw refused(host, `it leads to ${ipAddress}, which is no public address`);
		},
	};
}

function refused(host: string, why: string): Es9PlusError {
	return new Es9PlusError("ES9PLUS_HOST_REFUSED", `${host.slice(0, 80)} is not contacted: ${why}`, {
		context: { host },
	});
}

/** The name of `name[:port]`; an IPv6 address without its brackets. */
function hostOf(address: string): string {
	return address
		.toLowerCase()
		.replace(/:\d+$/, "")
		.replace(/^\[(.*)\]$/, "$1");
}

function fits(pattern: string, host: string): boolean {
	return pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) : pattern === host;
}

const PRIVATE = new BlockList();
for (const [net, prefix] of [
	["0.0.0.0", 8],
	["10.0.0.0", 8],
	["100.64.0.0", 10],
	["127.0.0.0", 8],
	["169.254.0.0", 16],
	["172.16.0.0", 12],
	["192.168.0.0", 16],
	["224.0.0.0", 3],
] as const) {
	PRIVATE.addSubnet(net, prefix, "ipv4");
	// The same addresses written in IPv6.
	PRIVATE.addSubnet(`::ffff:${net}`, 96 + prefix, "ipv6");
}
for (const [net, prefix] of [
	["::", 127],
	["fc00::", 7],
	["fe80::", 10],
	["ff00::", 8],
] as const) {
	PRIVATE.addSubnet(net, prefix, "ipv6");
}

/** Loopback, private, link-local and multicast addresses; a name is none. */
function isPrivate(host: string): boolean {
	const family = isIP(host);
	return family !== 0 && PRIVATE.check(host, family === 6 ? "ipv6" : "ipv4");
}
