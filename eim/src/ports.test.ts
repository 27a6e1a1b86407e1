import { readConfig } from "@iot-esim/shared/runtime/config";
import { describe, expect, it } from "vitest";
import { eimConfig } from "./config.ts";
import { requireOwnPorts } from "./ports.ts";

const check = (...flags: string[]) => requireOwnPorts(readConfig(eimConfig, { flags }));

describe("two listeners of the eIM", () => {
	it.each([
		[["--coap-port", "5684", "--lwm2m-port", "5684"], "lwm2m.port and coap.port are both 5684"],
		[["--esipa-port", "8443", "--coap-tcp-port", "8443"], "coap.tcpPort and esipa.port are both 8443"],
		[
			["--coap-tcp-port", "5684", "--coap-proven-tcp-port", "5684"],
			"coap.provenTcpPort and coap.tcpPort are both 5684",
		],
		[["--coap-port", "5684", "--coap-raw-key-port", "5684"], "coap.rawKeyPort and coap.port are both 5684"],
		[["--coap-proven-port", "5685", "--lwm2m-port", "5685"], "lwm2m.port and coap.provenPort are both 5685"],
		[["--api-host", "127.0.0.1", "--api-port", "8443", "--esipa-port", "8443"], "esipa.port and api.port"],
	])("with the same port are refused by the names of both settings: %j", (flags, message) => {
		expect(() => check(...flags)).toThrow(message);
	});

	it("may share a number over UDP and TCP, on different addresses, and as any free port", () => {
		check("--coap-port", "5684", "--coap-tcp-port", "5684");
		check("--coap-port", "0", "--lwm2m-port", "0", "--api-port", "0", "--esipa-port", "0");
		check("--api-host", "::1", "--api-port", "8443", "--esipa-host", "0.0.0.0", "--esipa-port", "8443");
		check("--coap-host", "10.0.0.1", "--lwm2m-host", "10.0.0.2", "--coap-port", "5684", "--lwm2m-port", "5684");
	});
});
