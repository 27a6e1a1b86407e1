import { toHex } from "@iot-esim/shared/util/bytes";
import type { CardDriver } from "../card/card-channel.ts";

/** The same card, with each APDU given to `write` as a line that `eim inspect` reads: `> ` a command, `< ` a response. */
export function tracedDriver(driver: CardDriver, write: (line: string) => void): CardDriver {
	return {
		name: driver.name,
		open: () => driver.open(),
		reset: () => driver.reset(),
		close: () => driver.close(),
		async transmit(apdu) {
			write(`> ${toHex(apdu)}`);
			const response = await driver.transmit(apdu);
			write(`< ${toHex(response)}`);
			return response;
		},
	};
}
