import type { Socket } from "node:net";
import {
	CatDevice,
	CatEvent,
	CatTag,
	CatTemplate,
	CommandType,
	catTlv,
	TransportLevel,
	template,
} from "@iot-esim/shared/messages/cat/cat-objects";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { resetSocket } from "@iot-esim/shared/transport/reset-socket";
import { printHostPort } from "@iot-esim/shared/transport/tcp";
import { concatBytes } from "@iot-esim/shared/util/bytes";
import type { DataPath } from "../data-path.ts";
import { NetworkError } from "../errors.ts";
import type { DeviceEvent } from "../events.ts";
import { BipCause, GeneralResult, type ProactiveCommand, terminalResponse } from "../proactive-command.ts";
import { NAME_SERVER_ADDRESS, type NameServer } from "./name-server.ts";
import { addressText, type OpenChannel, parseOpenChannel } from "./open-channel.ts";

/** Channels that TERMINAL PROFILE offers. */
export const MAX_CHANNELS = 7;

/** Data in one TERMINAL RESPONSE to RECEIVE DATA: all of it has to fit into 255 octets. */
const LARGEST_ANSWER = 237;

/** A card that does not read is not sent more than this. */
const MAX_BUFFER = 1 << 16;

const DNS_PORT = 53;

interface Channel {
	readonly number: number;
	readonly destination: string;
	socket?: Socket;
	/** Came from the network, not read by the card yet. */
	buffer: Uint8Array;
	/** The card was told of the data in the buffer. */
	isAnnounced: boolean;
	isDropped: boolean;
}

export interface BipOptions {
	readonly path: DataPath;
	readonly names: NameServer;
	/** True while the device is attached: without a network there is no channel. */
	readonly isAttached: () => boolean;
	/** Brings an EVENT DOWNLOAD to the card. */
	readonly tell: (event: Uint8Array) => void;
	readonly onEvent: (event: DeviceEvent) => void;
	readonly log: Logger;
}

/**
 * The terminal's side of the bearer independent protocol (ETSI TS 102 223 sections 6.4.27 to 6.4.31) for one powered card:
 * TCP over the device's data path, UDP to the name server of the network.
 */
export class BipChannels {
	readonly #options: BipOptions;
	readonly #channels = new Map<number, Channel>();
	/** Events that the card wants to be told of (SET UP EVENT LIST). */
	#wantedEvents: Uint8Array = new Uint8Array(0);
	/** Ends connections that are being opened. */
	#giveUp = new AbortController();

	constructor(options: BipOptions) {
		this.#options = options;
	}

	/** Whether a command is for this. */
	static serves({ type }: ProactiveCommand): boolean {
		return type >= CommandType.openChannel && type <= CommandType.getChannelStatus;
	}

	/** SET UP EVENT LIST: takes the place of the list before. */
	noteEventList(command: ProactiveCommand): void {
		this.#wantedEvents = command.objects.get(CatTag.eventList) ?? new Uint8Array(0);
	}

	/** The body of the TERMINAL RESPONSE. */
	async answer(command: ProactiveCommand): Promise<Uint8Array> {
		switch (command.type) {
			case CommandType.openChannel:
				return this.#open(command);
			case CommandType.closeChannel:
				return this.#close(command);
			case CommandType.sendData:
				return this.#send(command);
			case CommandType.receiveData:
				return this.#receive(command);
			default:
				return terminalResponse(command, GeneralResult.performed, ...[...this.#channels.values()].map(statusOf));
		}
	}

	/** The network is gone: every channel is dropped, and the card told. Gives their number. */
	drop(): number {
		const broken = this.#channels.size;
		this.#giveUp.abort();
		this.#giveUp = new AbortController();
		for (const channel of this.#channels.values()) {
			if (channel.socket) resetSocket(channel.socket);
			this.#dropped(channel);
		}
		return broken;
	}

	/** The card was reset: its channels are closed and it is told nothing. */
	end(): void {
		this.#giveUp.abort();
		for (const channel of this.#channels.values()) {
			channel.isDropped = true;
			channel.socket?.destroy();
		}
		this.#channels.clear();
	}

	async #open(command: ProactiveCommand): Promise<Uint8Array> {
		const wanted = parseOpenChannel(command);
		if (wanted === undefined) return terminalResponse(command, GeneralResult.commandDataNotUnderstood);
		if (!this.#options.isAttached()) return terminalResponse(command, GeneralResult.terminalUnable, NO_SERVICE);
		const number = this.#freeNumber();
		if (number === undefined) return refused(command, BipCause.noChannel);
		const host = this.#options.names.nameOf(wanted.address) ?? addressText(wanted.address);
		const destination = printHostPort({ host, port: wanted.port });
		const channel: Channel = {
			number,
			destination,
			buffer: new Uint8Array(0),
			isAnnounced: false,
			isDropped: false,
		};
		const cause = await this.#connect(channel, wanted, host);
		if (cause !== undefined) return refused(command, cause);
		this.#channels.set(number, channel);
		this.#options.onEvent({ type: "channel-opened", channel: number, destination });
		const size = Uint8Array.of(wanted.bufferSize >> 8, wanted.bufferSize & 0xff);
		const given = [catTlv(CatTag.bearerDescription, wanted.bearer), catTlv(CatTag.bufferSize, size)];
		return terminalResponse(command, GeneralResult.performed, statusOf(channel), ...given);
	}

	/** @returns the cause of a refusal */
	async #connect(channel: Channel, { transport, port }: OpenChannel, host: string): Promise<number | undefined> {
		const isNameServer = host === NAME_SERVER_ADDRESS && port === DNS_PORT;
		if (transport === TransportLevel.udpClient && isNameServer) return undefined;
		if (transport !== TransportLevel.tcpClient) return BipCause.transportLevel;
		try {
			const socket = await this.#options.path.connect({ host, port }, this.#giveUp.signal);
			socket.setNoDelay(true);
			channel.socket = socket;
			socket.on("data", (data) => this.#arrived(channel, data));
			socket.on("error", () => undefined);
			socket.on("close", () => this.#dropped(channel));
			return undefined;
		} catch (error) {
			const reason = error instanceof Error ? error.message : String(error);
			this.#options.onEvent({ type: "channel-refused", destination: channel.destination, reason });
			const isForbidden = error instanceof NetworkError && error.code === "NETWORK_DESTINATION_REFUSED";
			return isForbidden ? BipCause.security : BipCause.notReachable;
		}
	}

	#close(command: ProactiveCommand): Uint8Array {
		const channel = this.#named(command);
		if (channel === undefined) return refused(command, BipCause.unknownChannel);
		this.#channels.delete(channel.number);
		const wasDropped = channel.isDropped;
		channel.isDropped = true;
		channel.socket?.end();
		if (!wasDropped) this.#options.onEvent({ type: "channel-closed", channel: channel.number });
		return terminalResponse(command, GeneralResult.performed);
	}

	#send(command: ProactiveCommand): Uint8Array {
		const channel = this.#named(command);
		const data = command.objects.get(CatTag.channelData);
		if (channel === undefined) return refused(command, BipCause.unknownChannel);
		if (channel.isDropped) return refused(command, BipCause.channelClosed);
		if (data === undefined) return terminalResponse(command, GeneralResult.commandDataNotUnderstood);
		if (channel.socket !== undefined) channel.socket.write(data);
		else this.#arrived(channel, this.#options.names.answer(data) ?? new Uint8Array(0));
		return terminalResponse(command, GeneralResult.performed, catTlv(CatTag.channelDataLength, Uint8Array.of(0xff)));
	}

	#receive(command: ProactiveCommand): Uint8Array {
		const channel = this.#named(command);
		const [wanted] = command.objects.get(CatTag.channelDataLength) ?? [];
		if (channel === undefined) return refused(command, BipCause.unknownChannel);
		if (wanted === undefined) return terminalResponse(command, GeneralResult.commandDataNotUnderstood);
		const size = Math.min(wanted, LARGEST_ANSWER, channel.buffer.length);
		const data = channel.buffer.slice(0, size);
		channel.buffer = channel.buffer.slice(size);
		channel.isAnnounced = channel.buffer.length > 0;
		if (channel.buffer.length < MAX_BUFFER) channel.socket?.resume();
		const left = catTlv(CatTag.channelDataLength, Uint8Array.of(Math.min(0xff, channel.buffer.length)));
		// Less than was asked for is said as such (section 6.8).
		const result = size < wanted && size === 0 ? GeneralResult.missingInformation : GeneralResult.performed;
		return terminalResponse(command, result, catTlv(CatTag.channelData, data), left);
	}

	#arrived(channel: Channel, data: Uint8Array): void {
		channel.buffer = concatBytes(channel.buffer, data);
		if (channel.buffer.length >= MAX_BUFFER) channel.socket?.pause();
		if (channel.isAnnounced) return;
		channel.isAnnounced = true;
		const length = Uint8Array.of(Math.min(0xff, channel.buffer.length));
		this.#tell(CatEvent.dataAvailable, statusOf(channel), catTlv(CatTag.channelDataLength, length));
	}

	#dropped(channel: Channel): void {
		if (channel.isDropped) return;
		channel.isDropped = true;
		this.#options.onEvent({ type: "channel-closed", channel: channel.number });
		if (this.#channels.get(channel.number) === channel) this.#tell(CatEvent.channelStatus, statusOf(channel));
	}

	/** EVENT DOWNLOAD (section 7.5): event, terminal to UICC, status of the channel, and more. */
	#tell(event: number, ...objects: readonly Uint8Array[]): void {
		if (!this.#wantedEvents.includes(event)) return;
		const identities = catTlv(CatTag.deviceIdentities, Uint8Array.of(CatDevice.terminal, CatDevice.uicc));
		const list = catTlv(CatTag.eventList, Uint8Array.of(event));
		this.#options.tell(template(CatTemplate.eventDownload, list, identities, ...objects));
	}

	/** The channel by the destination among the device identities, 21 to 27. */
	#named(command: ProactiveCommand): Channel | undefined {
		const [, device = 0] = command.objects.get(CatTag.deviceIdentities) ?? [];
		return (device & 0xf0) === 0x20 ? this.#channels.get(device & 0x0f) : undefined;
	}

	#freeNumber(): number | undefined {
		for (let number = 1; number <= MAX_CHANNELS; number++) if (!this.#channels.has(number)) return number;
		return undefined;
	}
}

/** Additional information "no service" of 20, terminal currently unable (section 8.12.2). */
const NO_SERVICE = 0x04;
const LINK_DROPPED = 0x05;

/** Section 8.56: established or not, the number; whether the link was dropped. */
function statusOf({ number, isDropped }: Channel): Uint8Array {
	return catTlv(CatTag.channelStatus, Uint8Array.of(isDropped ? number : 0x80 | number, isDropped ? LINK_DROPPED : 0));
}

function refused(command: ProactiveCommand, cause: number): Uint8Array {
	return terminalResponse(command, GeneralResult.bipError, cause);
}
