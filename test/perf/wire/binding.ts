import type { Eim } from "@iot-esim/eim/app";
import type { OpenLink } from "./scene.ts";

/** One way of ESipa messages between device and eIM, as the bench sees it. */
export interface WireBinding {
	readonly name: string;
	readonly carrier: "udp" | "tcp";
	/** How many tickets the server gives at the end of a resumed handshake of TLS 1.3; a server on Node gives none. */
	readonly ticketsOfResumed?: number;
	/** What has to be there before the eIM, and the rest of the binding. */
	start(): Promise<StartedBinding> | StartedBinding;
}

export interface StartedBinding {
	/** Settings of the eIM that the binding needs. */
	readonly eimSettings?: Readonly<Record<string, string>>;
	/** Starts what really listens for devices, on a port of 127.0.0.1. */
	listen(eim: Eim): Promise<{ readonly port: number; close(): Promise<void> }>;
	/** The IPA's real link; `relayPort` is where it has to go instead of the eIM's name. */
	link(relayPort: number): OpenLink;
}

/** A binding that this checkout or this machine does not have, and why. */
export interface AbsentBinding {
	readonly name: string;
	readonly absent: string;
}
