import type { Eim } from "@iot-esim/eim/app";
import type { OpenLink } from "./scene.ts";

/** One way of ESipa messages between device and eIM, as the bench sees it. */
export interface WireBinding {
	readonly name: string;
	readonly carrier: "udp" | "tcp";
	/** Settings of the eIM that its listener needs. */
	readonly eimSettings?: Readonly<Record<string, string>>;
	/** Starts the eIM's real listener, on a port of 127.0.0.1. */
	listen(eim: Eim): Promise<{ readonly port: number; close(): Promise<void> }>;
	/** The IPA's real link; `relayPort` is where it has to go instead of the eIM's name. */
	link(relayPort: number): OpenLink;
}

/** A binding that this checkout or this machine does not have, and why. */
export interface AbsentBinding {
	readonly name: string;
	readonly absent: string;
}
