import type { InProcessCard } from "@iot-esim/ipa/card/drivers/in-process";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { Milliseconds, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { Device } from "@iot-esim/sim/network/device";
import type { Network } from "@iot-esim/sim/network/network";
import type { CardSlot } from "./card-slot.ts";
import type { DeviceModel } from "./factory.ts";
import type { Timeline } from "./timeline.ts";

/** The card as an IPA gets it, until the IPA has gone. */
export interface CardSession {
	readonly card: InProcessCard;
	end(): void;
}

/** What a device is made of below its IPA. */
export interface Hardware {
	/** The network that it is registered in. */
	readonly plmn: string | undefined;
	openSession(): CardSession;
	insertCard(): void;
	removeCard(): void;
	setPower(isOn: boolean): void;
	onCoverageChange(): void;
}

export interface HardwareOptions {
	readonly name: string;
	readonly card: CardSlot;
	readonly model: DeviceModel;
	readonly timeline: Timeline;
	readonly network: Network;
	readonly isCovered: (plmn: string) => boolean;
	readonly log: Logger;
	readonly note: (what: string) => void;
	readonly onAttached: (plmn: string) => void;
	/** The device has left its network: connections break. */
	readonly onDetached: () => number;
}

/** The simulated modem with its registration, authentication and searches. */
export function modemHardware(options: HardwareOptions): Hardware {
	const { name, card, timeline, network, log, note, onAttached, onDetached } = options;
	const device = new Device({
		name,
		place: "home",
		clock: timeline,
		log,
		network,
		bearer: { open: async () => undefined, shut: onDetached },
		onEvent: (event) => {
			if (event.type === "detached") note(`detached: ${event.reason}`);
			if (event.type !== "attached") return;
			note(`attached to ${event.plmn}`);
			onAttached(event.plmn);
		},
		pollInterval: Minutes(10),
		searchInterval: Seconds(20),
		attachTime: Milliseconds(1_500),
	});
	const failed = (error: unknown) => note(`fails: ${error}`);
	return {
		get plmn() {
			return device.modem.registration.attachment?.plmn;
		},
		openSession: () => {
			const session = device.openIpaSession();
			return {
				card: {
					powerOn: () => session.powerOn(),
					powerOff: () => session.powerOff(),
					reset: () => session.reset(),
					transmit: (apdu) => session.transmit(apdu),
				},
				end: () => void session.end().catch(() => undefined),
			};
		},
		insertCard: () => void device.insertCard(card).catch(failed),
		removeCard: () => device.modem.removeCard("its power was cut"),
		setPower: (isOn) => void device.setPower(isOn).catch(failed),
		onCoverageChange: () => device.modem.registration.reconsider(),
	};
}

/** A card reader: the IPA is alone with the card, and online wherever the enabled profile has coverage. */
export function bareHardware(options: HardwareOptions): Hardware {
	const { card, model, isCovered, onAttached, onDetached, note } = options;
	const profiles = [model.bootstrap, ...model.ordered];
	let isOn = true;
	let isCardIn = false;
	let attached: string | undefined;
	const registered = () => {
		const plmn = profiles.find(({ iccid }) => iccid === card.enabledIccid())?.plmn;
		const now = isOn && isCardIn && plmn !== undefined && isCovered(plmn) ? plmn : undefined;
		if (now === attached) return now;
		const before = attached;
		attached = now;
		if (before !== undefined) onDetached();
		note(now === undefined ? "is in no network" : `is in ${now}`);
		if (now !== undefined) onAttached(now);
		return now;
	};
	const powered = async <T>(act: () => Promise<T>): Promise<T> => {
		if (!isOn || !isCardIn) throw new Error("there is no card with power");
		return act();
	};
	return {
		get plmn() {
			return registered();
		},
		openSession: () => ({
			card: {
				powerOn: () => powered(() => card.powerOn()),
				powerOff: () => card.powerOff(),
				reset: () => powered(() => card.reset()),
				transmit: (apdu) => powered(() => card.transmit(apdu)),
			},
			end: () => undefined,
		}),
		insertCard: () => {
			isCardIn = true;
		},
		removeCard: () => {
			isCardIn = false;
			registered();
		},
		setPower: (next) => {
			isOn = next;
			if (!isOn) void card.powerOff();
			registered();
		},
		onCoverageChange: () => void registered(),
	};
}
