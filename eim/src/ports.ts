/** Ports that settings give to the listeners of the eIM. */

import { isIPv6 } from "node:net";
import { ConfigError } from "@iot-esim/shared/runtime/errors";
import type { EimConfig } from "./config.ts";

/** @throws ConfigError CONFIG_VALUE_INVALID naming both settings, when two listeners would have the same port */
export function requireOwnPorts(config: EimConfig): void {
	const esipaHost = config["esipa.host"];
	const [coapHost, lwm2mHost] = [config["coap.host"], config["lwm2m.host"]];
	const udp: readonly Listener[] = [
		["coap.port", coapHost, config["coap.port"]],
		["coap.provenPort", coapHost, config["coap.provenPort"]],
		["coap.rawKeyPort", coapHost, config["coap.rawKeyPort"]],
		["lwm2m.port", lwm2mHost, config["lwm2m.port"]],
	];
	const tcp: readonly Listener[] = [
		["api.port", config["api.host"], config["api.port"]],
		["esipa.port", esipaHost, config["esipa.port"]],
		["esipa.formerPort", esipaHost, config["esipa.formerPort"]],
		["coap.tcpPort", coapHost, config["coap.tcpPort"]],
		["coap.provenTcpPort", coapHost, config["coap.provenTcpPort"]],
	];
	for (const listeners of [udp, tcp]) {
		for (const [index, [setting, host, port]] of listeners.entries()) {
			const other = listeners.slice(0, index).find((one) => one[2] === port && isSamePlace(one[1], host));
			// Any free one is another one each time.
			if (!port || other === undefined) continue;
			const message = `${setting} and ${other[0]} are both ${port}: each needs a port of its own`;
			throw new ConfigError("CONFIG_VALUE_INVALID", message);
		}
	}
}

/** Setting, host, port. */
type Listener = readonly [string, string, number | undefined];

/** `::` takes the port of IPv4 too, `0.0.0.0` only that; what a name stands for is not known here. */
function isSamePlace(one: string, other: string): boolean {
	if (one === other || one === "::" || other === "::") return true;
	const isAllOf4 = (host: string) => host === "0.0.0.0";
	return (isAllOf4(one) && !isIPv6(other)) || (isAllOf4(other) && !isIPv6(one));
}
