import type { Socket } from "node:net";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { type HostPort, listenTcp, type TcpListener } from "@iot-esim/shared/transport/tcp";
import { keepVpcdCardConnected, serveVpcdCard, VpcdReaderSide } from "@iot-esim/shared/transport/vpcd";
import type { Duration } from "@iot-esim/shared/util/duration";
import type { Device } from "./device.ts";
import type { DeviceEvent } from "./events.ts";

export interface DevicePorts {
	/** Where the card connects. */
	readonly card: HostPort;
	/** Where the IPA connects, in the role of the reader. */
	readonly ipa: HostPort;
	close(): Promise<void>;
}

/**
 * Offers the IPA's side of a device to a vpcd daemon that listens, in the role of the card: programs that know only PC/SC
 * (lpac, say) then use the card through the modem.
 */
export function offerToReader(
	device: Device,
	options: { readonly address: HostPort; readonly clock: Clock; readonly onEvent: (event: DeviceEvent) => void },
): { stop(): Promise<void> } {
	const { address, clock, onEvent } = options;
	let isConnected = false;
	return keepVpcdCardConnected({
		address,
		card: device.openIpaSession(),
		clock,
		isReady: () => device.modem.hasCard,
		onConnected: () => {
			isConnected = true;
			onEvent({ type: "ipa-connected" });
		},
		onDisconnected: (error) => {
			// A daemon that is not there yet is tried every second, without a word.
			if (isConnected) onEvent({ type: "ipa-disconnected", reason: error.message });
			isConnected = false;
		},
	});
}

/**
 * Opens the two vpcd ports of a device. One card and one IPA at a time: a newcomer takes the place of the one before,
 * whose process may have died without a word.
 * @throws TransportError TRANSPORT_LISTEN_FAILED
 */
export async function openDevicePorts(
	device: Device,
	options: {
		readonly card: HostPort;
		readonly ipa: HostPort;
		readonly clock: Clock;
		readonly log: Logger;
		readonly cardTimeout: Duration;
		readonly onEvent: (event: DeviceEvent) => void;
	},
): Promise<DevicePorts> {
	const card = await listenForCard(device, options);
	try {
		const ipa = await listenForIpa(device, options);
		return {
			card: card.address,
			ipa: ipa.address,
			close: async () => {
				await Promise.all([card.close(), ipa.close()]);
			},
		};
	} catch (error) {
		await card.close();
		throw error;
	}
}

function listenForCard(
	device: Device,
	options: { card: HostPort; clock: Clock; log: Logger; cardTimeout: Duration },
): Promise<TcpListener> {
	let current: VpcdReaderSide | undefined;
	const vpcd = { clock: options.clock, timeout: options.cardTimeout };
	return VpcdReaderSide.listen(options.card, vpcd, (card) => {
		current?.close();
		current = card;
		void card.closed.then((error) => {
			if (current !== card) return;
			current = undefined;
			device.modem.removeCard(error.message);
		});
		device.insertCard(card).catch((error) => options.log.warn("card failed", { error }));
	});
}

function listenForIpa(
	device: Device,
	options: { ipa: HostPort; clock: Clock; log: Logger; onEvent: (event: DeviceEvent) => void },
): Promise<TcpListener> {
	let current: Socket | undefined;
	return listenTcp(options.ipa, (socket) => {
		current?.destroy();
		current = socket;
		const session = device.openIpaSession();
		options.onEvent({ type: "ipa-connected" });
		void serveVpcdCard(socket, session).closed.then(async (error) => {
			await session.end().catch((failure) => options.log.debug("closing channels failed", { error: failure }));
			options.onEvent({ type: "ipa-disconnected", reason: error.message });
		});
	});
}
