import { ipaConfig, settingsOf } from "@iot-esim/ipa/index";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import { loadConfig } from "@iot-esim/shared/runtime/config";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { InCardApplication } from "../in-card-application.ts";
import { createIpae } from "./ipae.ts";

/**
 * The IPAe with the settings of a file as `ipa` has it; their defaults where there is none.
 * @throws ConfigError
 */
export function configuredIpae(options: {
	/** YAML. */
	readonly file: string | undefined;
	/** IPv4 address of the name server. */
	readonly dnsServer: string;
	readonly clock: Clock;
	readonly logger: LoggerFactory;
}): InCardApplication {
	const { file, dnsServer, clock, logger } = options;
	const config = loadConfig(ipaConfig, file === undefined ? {} : { file });
	const settings = settingsOf(config, "modem");
	const { "eim.binding": usual, "eim.bindings": bindings } = config;
	const bindingOf = (eimId: string) => ((bindings[eimId] ?? usual) === "json" ? "json" : "asn1");
	return createIpae({ settings, bindingOf, dnsServer, clock, random: systemRandom, logger });
}
