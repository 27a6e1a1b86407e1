import { concatBytes, hex } from "@iot-esim/shared/util/bytes";
import type { InCardInterface } from "../in-card-application.ts";
import {
	CommandType,
	catObjects,
	catTlv,
	channelDevice,
	Event,
	envelopeContents,
	proactiveCommand,
	Tag,
} from "./cat-tlv.ts";
import { IpaeError } from "./errors.ts";

const EVENT_DOWNLOAD = 0xd6;

/** Of an IPv4 address in Other Address (section 8.58). */
const IPV4 = 0x21;

/** UICC in client mode, remote connection (section 8.59). */
export const Transport = { udp: 0x01, tcp: 0x02 } as const;

/** The bearer that the terminal is set up with (section 8.52). */
const DEFAULT_BEARER = hex`03`;

/** Octets that the card asks the terminal to keep for it. */
const BUFFER_SIZE = 1400;

/** Data in one SEND DATA: the command has to fit into 255 octets. */
export const LARGEST_PIECE = 230;

/** Data asked for in one RECEIVE DATA: the TERMINAL RESPONSE has to fit into 255 octets. */
const LARGEST_ANSWER = 230;

const Result = { performedWithModification: 0x07, lastSuccess: 0x0f } as const;

/** Told of what happens on a channel. */
export interface ChannelListener {
	/** Data waits at the terminal. */
	onData(): void;
	/** The link was dropped; data that came before may still wait. */
	onDropped(): void;
}

/** The bearer independent protocol (ETSI TS 102 223 section 6.4.27 and following) as the card speaks it to its terminal. */
export class BipTerminal {
	readonly #card: InCardInterface;
	readonly #listeners = new Map<number, ChannelListener>();

	constructor(card: InCardInterface) {
		this.#card = card;
	}

	/** SET UP EVENT LIST and POLL INTERVAL: the card lives from what the terminal sends. */
	async begin(pollSeconds: number): Promise<void> {
		const events = catTlv(Tag.eventList, Uint8Array.of(Event.dataAvailable, Event.channelStatus));
		await this.#ask({ type: CommandType.setUpEventList }, events);
		const duration = catTlv(Tag.duration, Uint8Array.of(0x01, pollSeconds));
		// A terminal that polls at its own pace will do.
		await this.#ask({ type: CommandType.pollInterval }, duration).catch((error) => {
			if (!(error instanceof IpaeError)) throw error;
		});
	}

	/**
	 * Opens a channel to an IPv4 address.
	 * @returns its number
	 * @throws IpaeError IPAE_CHANNEL_REFUSED
	 */
	async open(
		to: { readonly address: Uint8Array; readonly port: number; readonly transport: number },
		listener: ChannelListener,
	): Promise<number> {
		const answer = await this.#ask(
			{ type: CommandType.openChannel, qualifier: 0x01 },
			catTlv(Tag.bearerDescription, DEFAULT_BEARER),
			catTlv(Tag.bufferSize, twoOctets(BUFFER_SIZE)),
			catTlv(Tag.transportLevel, Uint8Array.of(to.transport), twoOctets(to.port)),
			catTlv(Tag.otherAddress, Uint8Array.of(IPV4), to.address),
		);
		const [status = 0] = answer.get(Tag.channelStatus) ?? [];
		const channel = status & 0x07;
		if (channel === 0) throw new IpaeError("IPAE_CHANNEL_REFUSED", "OPEN CHANNEL was answered without a channel");
		this.#listeners.set(channel, listener);
		return channel;
	}

	/** At most LARGEST_PIECE octets. @throws IpaeError IPAE_CHANNEL_REFUSED */
	async send(channel: number, piece: Uint8Array): Promise<void> {
		const command = { type: CommandType.sendData, qualifier: 0x01, to: channelDevice(channel) };
		await this.#ask(command, catTlv(Tag.channelData, piece));
	}

	/** What has come, up to one answer. @throws IpaeError IPAE_CHANNEL_REFUSED */
	async receive(channel: number): Promise<{ readonly data: Uint8Array; readonly hasMore: boolean }> {
		const command = { type: CommandType.receiveData, to: channelDevice(channel) };
		const answer = await this.#ask(command, catTlv(Tag.channelDataLength, Uint8Array.of(LARGEST_ANSWER)));
		const [left = 0] = answer.get(Tag.channelDataLength) ?? [];
		return { data: answer.get(Tag.channelData) ?? new Uint8Array(0), hasMore: left > 0 };
	}

	/** Also of a channel that the terminal has given up already. */
	async close(channel: number): Promise<void> {
		this.#listeners.delete(channel);
		const command = { type: CommandType.closeChannel, to: channelDevice(channel) };
		await this.#ask(command).catch(() => undefined);
	}

	/** EVENT DOWNLOAD of data available or channel status; other envelopes are not for the IPAe. */
	envelope(data: Uint8Array): void {
		const contents = envelopeContents(data, EVENT_DOWNLOAD);
		if (contents === undefined) return;
		const objects = catObjects(contents);
		const [event] = objects.get(Tag.eventList) ?? [];
		const [status = 0] = objects.get(Tag.channelStatus) ?? [];
		const listener = this.#listeners.get(status & 0x07);
		if (event === Event.dataAvailable) listener?.onData();
		if (event === Event.channelStatus && (status & 0x80) === 0) listener?.onDropped();
	}

	async #ask(
		command: Parameters<typeof proactiveCommand>[0],
		...objects: readonly Uint8Array[]
	): Promise<ReadonlyMap<number, Uint8Array>> {
		const answer = catObjects(await this.#card.request(proactiveCommand(command, ...objects)));
		const result = answer.get(Tag.result) ?? new Uint8Array(0);
		const [general, additional] = result;
		if (general === undefined) {
			throw new IpaeError("IPAE_TERMINAL_ANSWER_INVALID", "a TERMINAL RESPONSE has no result");
		}
		if (general <= Result.lastSuccess) return answer;
		const octets = [...result].map((octet) => octet.toString(16).padStart(2, "0")).join("");
		const why = additional === undefined ? octets : `${octets} (${reasonOf(general, additional)})`;
		throw new IpaeError("IPAE_CHANNEL_REFUSED", `command ${command.type.toString(16)} was answered with result ${why}`);
	}
}

/** Section 8.12.2 and 8.12.11. */
function reasonOf(general: number, additional: number): string {
	if (general === 0x20 || general === 0x21) return additional === 0x04 ? "no service" : `cause ${additional}`;
	const causes = ["no specific cause", "no channel", "channel closed", "unknown channel", "buffer size", "security"];
	causes.push("transport level", "remote device not reachable");
	return causes[additional] ?? `cause ${additional}`;
}

function twoOctets(value: number): Uint8Array {
	return concatBytes(Uint8Array.of(value >> 8, value & 0xff));
}
