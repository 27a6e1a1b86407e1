import type { WireDialect } from "@iot-esim/shared/messages/sgp32/dialect/encode-in";
import { BASE_VERSION } from "@iot-esim/shared/messages/sgp32/dialect/version";
import type { Euicc } from "../euicc.ts";

/** The forms in which this card writes. */
export function dialectOf({ card }: Pick<Euicc, "card">): WireDialect {
	return { version: card.iotVersion ?? BASE_VERSION };
}
