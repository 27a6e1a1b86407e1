import { loadConfig } from "@iot-esim/shared/runtime/config";
import { type EimConfig, eimConfig } from "../config.ts";

/** The settings that the server would run with: file, environment, and flags as `--data-folder x`. */
export function serverConfig(given: {
	readonly file: string | undefined;
	readonly environment: Readonly<Record<string, string | undefined>>;
	readonly flags: readonly string[];
}): EimConfig {
	const { DATABASE_URL, EIM_CONFIG, ...rest } = given.environment;
	const environment = { ...(DATABASE_URL ? { EIM_DATABASE_URL: DATABASE_URL } : {}), ...rest };
	const file = given.file ?? EIM_CONFIG;
	return loadConfig(eimConfig, { environment, flags: given.flags, ...(file === undefined ? {} : { file }) });
}
