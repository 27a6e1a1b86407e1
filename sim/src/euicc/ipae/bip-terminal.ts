import {
	AddressType,
	CatEvent,
	CatTag,
	CatTemplate,
	CommandType,
	catTlv,
	TimerAction,
	timerValue,
} from "@iot-esim/shared/messages/cat/cat-objects";
import { concatBytes, hex } from "@iot-esim/shared/util/bytes";
import type { InCardInterface } from "../in-card-application.ts";
import { catObjects, channelDevice, envelopeContents, proactiveCommand } from "./cat-tlv.ts";
import { IpaeError } from "./errors.ts";

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

	/** SET UP EVENT LIST: the card lives from what the terminal tells it. */
	async wantEvents(): Promise<void> {
		const events = catTlv(CatTag.eventList, Uint8Array.of(CatEvent.dataAvailable, CatEvent.channelStatus));
		await this.#ask({ type: CommandType.setUpEventList }, events);
	}

	/** TIMER MANAGEMENT "start"; a timer that runs begins anew. @throws IpaeError IPAE_CHANNEL_REFUSED */
	async startTimer(timer: number, seconds: number): Promise<void> {
		const command = { type: CommandType.timerManagement, qualifier: TimerAction.start };
		const identifier = catTlv(CatTag.timerIdentifier, Uint8Array.of(timer));
		await this.#ask(command, identifier, catTlv(CatTag.timerValue, timerValue(seconds)));
	}

	/** POLL INTERVAL: the card gets to do something at every STATUS. */
	async wantPolls(pollSeconds: number): Promise<void> {
		const duration = catTlv(CatTag.duration, Uint8Array.of(0x01, pollSeconds));
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
			catTlv(CatTag.bearerDescription, DEFAULT_BEARER),
			catTlv(CatTag.bufferSize, twoOctets(BUFFER_SIZE)),
			catTlv(CatTag.transportLevel, Uint8Array.of(to.transport), twoOctets(to.port)),
			catTlv(CatTag.otherAddress, Uint8Array.of(AddressType.ipv4), to.address),
		);
		const [status = 0] = answer.get(CatTag.channelStatus) ?? [];
		const channel = status & 0x07;
		if (channel === 0) throw new IpaeError("IPAE_CHANNEL_REFUSED", "OPEN CHANNEL was answered without a channel");
		this.#listeners.set(channel, listener);
		return channel;
	}

	/** At most LARGEST_PIECE octets. @throws IpaeError IPAE_CHANNEL_REFUSED */
	async send(channel: number, piece: Uint8Array): Promise<void> {
		const command = { type: CommandType.sendData, qualifier: 0x01, to: channelDevice(channel) };
		await this.#ask(command, catTlv(CatTag.channelData, piece));
	}

	/** What has come, up to one answer. @throws IpaeError IPAE_CHANNEL_REFUSED */
	async receive(channel: number): Promise<{ readonly data: Uint8Array; readonly hasMore: boolean }> {
		const command = { type: CommandType.receiveData, to: channelDevice(channel) };
		const answer = await this.#ask(command, catTlv(CatTag.channelDataLength, Uint8Array.of(LARGEST_ANSWER)));
		const [left = 0] = answer.get(CatTag.channelDataLength) ?? [];
		return { data: answer.get(CatTag.channelData) ?? new Uint8Array(0), hasMore: left > 0 };
	}

	/** Also of a channel that the terminal has given up already. */
	async close(channel: number): Promise<void> {
		this.#listeners.delete(channel);
		const command = { type: CommandType.closeChannel, to: channelDevice(channel) };
		await this.#ask(command).catch(() => undefined);
	}

	/** The timer whose TIMER EXPIRATION this is; undefined for any other envelope. @throws IpaeError IPAE_TERMINAL_ANSWER_INVALID */
	static expiredTimer(data: Uint8Array): number | undefined {
		const contents = envelopeContents(data, CatTemplate.timerExpiration);
		return contents && catObjects(contents).get(CatTag.timerIdentifier)?.[0];
	}

	/** EVENT DOWNLOAD of data available or channel status; other envelopes are not for channels. */
	envelope(data: Uint8Array): void {
		const contents = envelopeContents(data, CatTemplate.eventDownload);
		if (contents === undefined) return;
		const objects = catObjects(contents);
		const [event] = objects.get(CatTag.eventList) ?? [];
		const [status = 0] = objects.get(CatTag.channelStatus) ?? [];
		const listener = this.#listeners.get(status & 0x07);
		if (event === CatEvent.dataAvailable) listener?.onData();
		if (event === CatEvent.channelStatus && (status & 0x80) === 0) listener?.onDropped();
	}

	async #ask(
		command: Parameters<typeof proactiveCommand>[0],
		...objects: readonly Uint8Array[]
	): Promise<ReadonlyMap<number, Uint8Array>> {
		const answer = catObjects(await this.#card.request(proactiveCommand(command, ...objects)));
		const result = answer.get(CatTag.result) ?? new Uint8Array(0);
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
