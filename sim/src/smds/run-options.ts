import type { Duration } from "@iot-esim/shared/util/duration";
import { RspServerError } from "../rsp-server/errors.ts";
import {
	durationOption,
	type OptionTexts,
	optionText,
	type ServerOptions,
	serverOptions,
} from "../rsp-server/options.ts";
import { isServerAddress } from "../rsp-server/server-address.ts";

/** `sim-smds run`, checked. */
export interface SmdsOptions extends ServerOptions {
	/** FQDN[:port] of the root SM-DS. */
	readonly root?: string;
	readonly rootCa?: string;
	readonly eventLifetime: Duration;
}

/** @throws RspServerError RSP_SERVER_OPTION */
export function smdsOptions(options: OptionTexts): SmdsOptions {
	const root = optionText(options, "root");
	const rootCa = optionText(options, "rootCa");
	if (root !== undefined && !isServerAddress(root)) {
		throw new RspServerError("RSP_SERVER_OPTION", `--root is FQDN[:port], not "${root}"`);
	}
	return {
		...serverOptions(options),
		...(root === undefined ? {} : { root }),
		...(rootCa === undefined ? {} : { rootCa }),
		eventLifetime: durationOption("--event-lifetime", optionText(options, "eventLifetime") ?? "30d"),
	};
}
