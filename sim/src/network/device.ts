import type { Clock } from "@iot-esim/shared/runtime/clock";
import { sleep } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { toHex } from "@iot-esim/shared/util/bytes";
import { type Duration, Milliseconds } from "@iot-esim/shared/util/duration";
import type { ModemCard } from "./card-line.ts";
import type { DataPath } from "./data-path.ts";
import type { DeviceEvent } from "./events.ts";
import { IpaSession } from "./ipa-session.ts";
import { Modem } from "./modem.ts";
import type { Network } from "./network.ts";
import type { ShortMessage } from "./smsc/smsc.ts";

/** The way out of a device: open while it is attached. A `ConnectProxy` is one. */
export interface Bearer {
	open(): Promise<void>;
	/** Breaks every connection at once and gives their number. */
	shut(): number;
}

export interface DeviceOptions {
	readonly name: string;
	readonly place: string;
	readonly clock: Clock;
	readonly log: Logger;
	readonly network: Network;
	readonly bearer: Bearer;
	/** Where channels that the card opens by itself lead; it can open none when absent. */
	readonly dataPath?: DataPath;
	/** Whether the card is offered timers; true when absent. */
	readonly hasTimers?: boolean;
	readonly onEvent: (event: DeviceEvent) => void;
	readonly pin?: string;
	readonly pollInterval: Duration;
	readonly searchInterval: Duration;
	/** What registration takes on the air, in addition to the card's own time. */
	readonly attachTime: Duration;
}

/** What the control face shows of a device. Times are milliseconds since 1970. */
export interface DeviceStatus {
	readonly device: string;
	readonly place: string;
	readonly power: "on" | "off";
	readonly attached: boolean;
	readonly plmn: string | null;
	readonly since: number | null;
	readonly imsi: string | null;
	readonly iccid: string | null;
	readonly lastReject: {
		readonly plmn: string;
		readonly code: number;
		readonly name: string;
		readonly at: number;
	} | null;
}

/** A modem with its card, at a place, in a network. */
export class Device {
	readonly name: string;
	readonly modem: Modem;
	readonly #options: DeviceOptions;
	#place: string;

	constructor(options: DeviceOptions) {
		this.name = options.name;
		this.#options = options;
		this.#place = options.place;
		const { clock, log, network, bearer, onEvent, pollInterval, searchInterval, attachTime, pin, dataPath, hasTimers } =
			options;
		this.modem = new Modem({
			clock,
			log,
			onEvent,
			pollInterval,
			searchInterval,
			...(pin === undefined ? {} : { pin }),
			...(dataPath === undefined ? {} : { dataPath }),
			...(hasTimers === undefined ? {} : { hasTimers }),
			onAttached: () => bearer.open(),
			onDetached: () => bearer.shut(),
			radio: {
				available: (identity) => network.available(identity, this.#place, clock.now()),
				attach: async ({ plmn, identity, challenge }) => {
					if (attachTime > 0) await sleep(clock, Milliseconds(attachTime));
					return network.attach({ plmn, imsi: identity.imsi, challenge });
				},
			},
		});
	}

	get place(): string {
		return this.#place;
	}

	get isAttached(): boolean {
		return this.modem.registration.attachment !== undefined;
	}

	insertCard(card: ModemCard): Promise<void> {
		return this.modem.insertCard(card);
	}

	/** The card as one IPA gets it: logical channels, shared with the modem. */
	openIpaSession(): IpaSession {
		return new IpaSession(this.modem, this.#options.clock);
	}

	/** Carries the device to another place. */
	moveTo(place: string): void {
		this.#place = place;
		this.#options.onEvent({ type: "place-changed", place });
		this.modem.registration.reconsider();
	}

	setPower(isOn: boolean): Promise<void> {
		return this.modem.setPower(isOn);
	}

	stop(): Promise<void> {
		return this.modem.stop();
	}

	/** A short message of the network; false while the device is out of reach. */
	receive({ from, port, octets }: ShortMessage): boolean {
		if (!this.isAttached) return false;
		const event = { type: "short-message-received", from, octetsHex: toHex(octets) } as const;
		this.#options.onEvent(port === undefined ? event : { ...event, port });
		return true;
	}

	status(): DeviceStatus {
		const { registration, iccid, isOn } = this.modem;
		const { attachment, identity, lastReject } = registration;
		return {
			device: this.name,
			place: this.#place,
			power: isOn ? "on" : "off",
			attached: attachment !== undefined,
			plmn: attachment?.plmn ?? null,
			since: attachment?.since ?? null,
			imsi: identity?.imsi ?? null,
			iccid: iccid ?? null,
			lastReject: lastReject ? { plmn: lastReject.plmn, ...lastReject.cause, at: lastReject.at } : null,
		};
	}
}
