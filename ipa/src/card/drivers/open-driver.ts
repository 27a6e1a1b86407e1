import type { Clock } from "@iot-esim/shared/runtime/clock";
import { parseHostPort } from "@iot-esim/shared/transport/tcp";
import type { Duration } from "@iot-esim/shared/util/duration";
import type { CardDriver } from "../card-channel.ts";
import { CardError } from "../errors.ts";
import type { ProactiveDuty } from "../isd-r-channel.ts";
import { pcscDriver } from "./pcsc.ts";
import { vpcdDriver, vpcdListenDriver } from "./vpcd-tcp.ts";

/** A driver, and who serves the card's proactive commands when this driver is used. */
export interface DriverChoice {
	readonly driver: CardDriver;
	readonly proactive: ProactiveDuty;
}

/**
 * The driver for the address of a card: `vpcd://host:port` (a modem or a card server), `vpcd+listen://host:port` (a
 * bare card connects to us), `pcsc:` or `pcsc:READER`.
 * @throws CardError CARD_ADDRESS_INVALID
 */
export function driverFor(
	address: string,
	options: { readonly clock: Clock; readonly timeout: Duration },
): DriverChoice {
	const match = /^(vpcd|vpcd\+listen):\/\/(.+?)\/?$/.exec(address);
	if (match !== null) {
		const target = { ...options, address: hostPortOf(address, match[2] as string) };
		if (match[1] === "vpcd") return { driver: vpcdDriver(target), proactive: "modem" };
		return { driver: vpcdListenDriver(target), proactive: "agent" };
	}
	if (address.startsWith("pcsc:")) {
		const reader = address.slice("pcsc:".length);
		return { driver: pcscDriver(reader === "" ? {} : { reader }), proactive: "agent" };
	}
	throw invalid(address);
}

function hostPortOf(address: string, text: string) {
	try {
		return parseHostPort(text);
	} catch (cause) {
		throw invalid(address, cause);
	}
}

function invalid(address: string, cause?: unknown): CardError {
	const forms = "vpcd://host:port, vpcd+listen://host:port, pcsc: or pcsc:READER";
	return new CardError("CARD_ADDRESS_INVALID", `"${address}" is not the address of a card; give ${forms}`, { cause });
}
