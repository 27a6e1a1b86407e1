import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { HostPort } from "@iot-esim/shared/transport/tcp";
import { printHostPort } from "@iot-esim/shared/transport/tcp";
import { keepVpcdCardConnected } from "@iot-esim/shared/transport/vpcd";
import type { Duration } from "@iot-esim/shared/util/duration";
import { Card } from "./card.ts";
import type { InCardApplication } from "./in-card-application.ts";
import type { Nvm } from "./nvm/nvm.ts";
import type { ProfileFileSystems } from "./profile-files.ts";

/** Puts a card behind a reader that listens (vpcd, the modem) and keeps it there until it is stopped. */
export function runCard(options: {
	readonly nvm: Nvm;
	readonly fileSystems: ProfileFileSystems;
	readonly address: HostPort;
	readonly clock: Clock;
	readonly log: (line: string) => void;
	/** The IPA inside of the card, where there is one. */
	readonly ipae?: InCardApplication;
	/** Pause before another attempt to connect; 1 s when absent. */
	readonly retryAfter?: Duration;
}): { stop(): Promise<void> } {
	const { nvm, fileSystems, address, clock, log, retryAfter, ipae } = options;
	const onError = (error: unknown) => log(`error in the card: ${textOf(error)}`);
	const card = new Card({ nvm, fileSystems, onError, ...(ipae === undefined ? {} : { ipae }) });
	const reader = printHostPort(address);
	let lastReason = "";
	return keepVpcdCardConnected({
		address,
		card,
		clock,
		...(retryAfter === undefined ? {} : { retryAfter }),
		onConnected: () => {
			lastReason = "";
			log(`card ${card.eid} is in the reader ${reader}`);
		},
		onDisconnected: (error) => {
			// A reader that is down is tried again every second; one line says so.
			if (error.message !== lastReason) log(`no reader at ${reader}: ${error.message}`);
			lastReason = error.message;
		},
	});
}

function textOf(error: unknown): string {
	return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
