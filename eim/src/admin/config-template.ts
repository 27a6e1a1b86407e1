import { configTemplate as templateOf } from "@iot-esim/shared/runtime/config-template";
import { eimConfig } from "../config.ts";

/** Every setting with its meaning, bounds and default, as a YAML file to begin from. */
export function configTemplate(): string {
	return templateOf(eimConfig).trimEnd();
}
