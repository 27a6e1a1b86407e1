import { appendFileSync } from "node:fs";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import { fileTrouble } from "@iot-esim/shared/util/errors";
import { driverFor } from "../card/drivers/open-driver.ts";
import { Es10 } from "../card/es10.ts";
import { Es10Commands } from "../card/es10-commands.ts";
import { IsdRChannel } from "../card/isd-r-channel.ts";
import { type IpaConfig, settingsOf } from "../config.ts";
import { IpaCliError } from "./errors.ts";
import { tracedDriver } from "./traced-driver.ts";

/** A card in hand for one command. */
export interface CardSession {
	readonly es10: Es10;
	readonly commands: Es10Commands;
	readonly channel: IsdRChannel;
	/** One APDU as it is, on whatever channel its class names. */
	transmit(apdu: Uint8Array): Promise<Uint8Array>;
}

/** Opens the card of the configuration, lets `use` work with it, and lets go of it. */
export async function withCard<T>(
	config: IpaConfig,
	effects: { readonly clock: Clock; readonly logger: LoggerFactory },
	use: (card: CardSession) => Promise<T>,
): Promise<T> {
	const { driver, proactive } = driverOf(config, effects.clock);
	const settings = settingsOf(config, proactive);
	const channel = new IsdRChannel(driver, { ...settings.card, logger: effects.logger("ipa.card") });
	const transmit = async (apdu: Uint8Array) => {
		await driver.open();
		return driver.transmit(apdu);
	};
	try {
		return await use({ es10: new Es10(channel), commands: new Es10Commands(channel), channel, transmit });
	} finally {
		await channel.close();
	}
}

/**
 * The driver of the configured card.
 * @throws IpaCliError IPA_CARD_ADDRESS_MISSING, IPA_SETTING_INVALID when the file of card.trace cannot be written
 */
export function driverOf(config: IpaConfig, clock: Clock) {
	const address = config["card.address"];
	if (address === undefined) {
		throw new IpaCliError(
			"IPA_CARD_ADDRESS_MISSING",
			"no card: give --card ADDRESS, or card.address in the configuration",
		);
	}
	const found = driverFor(address, { clock, timeout: config["card.timeout"] });
	const file = config["card.trace"];
	return file === undefined ? found : { ...found, driver: tracedDriver(found.driver, traceTo(file)) };
}

/** Known to be writable before the card is used; a disk that fills up later costs lines of the trace, not the agent. */
function traceTo(file: string): (line: string) => void {
	const add = (text: string) => appendFileSync(file, text, { mode: 0o600 });
	try {
		add("");
	} catch (cause) {
		throw new IpaCliError("IPA_SETTING_INVALID", `card.trace ${file} cannot be written: ${fileTrouble(cause)}`, {
			cause,
		});
	}
	return (line) => {
		try {
			add(`${line}\n`);
		} catch {
			return;
		}
	};
}
