import { AddressType, CatTag } from "@iot-esim/shared/messages/cat/cat-objects";
import type { ProactiveCommand } from "../proactive-command.ts";

/** What an OPEN CHANNEL for a packet bearer asks for. */
export interface OpenChannel {
	readonly transport: number;
	readonly port: number;
	/** IPv4 or IPv6, by its length. */
	readonly address: Uint8Array;
	readonly bufferSize: number;
	/** Bearer description as received, which is given back. */
	readonly bearer: Uint8Array;
}

/** Undefined when the command names no destination that a client could connect to. */
export function parseOpenChannel(command: ProactiveCommand): OpenChannel | undefined {
	const [transport, high, low] = command.objects.get(CatTag.transportLevel) ?? [];
	const [kind, ...address] = destination(command) ?? [];
	const bearer = command.objects.get(CatTag.bearerDescription) ?? new Uint8Array(0);
	const [sizeHigh = 0, sizeLow = 0] = command.objects.get(CatTag.bufferSize) ?? [];
	if (transport === undefined || high === undefined || low === undefined) return undefined;
	const length = kind === AddressType.ipv4 ? 4 : kind === AddressType.ipv6 ? 16 : 0;
	if (length === 0 || address.length !== length) return undefined;
	return {
		transport,
		port: (high << 8) | low,
		address: Uint8Array.from(address),
		bufferSize: (sizeHigh << 8) | sizeLow,
		bearer,
	};
}

/** A local address may stand before the one of the destination: the last one counts (section 6.6.27.4). */
function destination(command: ProactiveCommand): Uint8Array | undefined {
	return command.otherAddresses.at(-1);
}

/** As people write it. */
export function addressText(address: Uint8Array): string {
	if (address.length === 4) return address.join(".");
	const groups = Array.from({ length: 8 }, (_, i) => ((address[2 * i] ?? 0) << 8) | (address[2 * i + 1] ?? 0));
	return groups.map((group) => group.toString(16)).join(":");
}
