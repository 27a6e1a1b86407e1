import { Duplex } from "node:stream";
import { TransportLevel } from "@iot-esim/shared/messages/cat/cat-objects";
import { type BipTerminal, LARGEST_PIECE } from "./bip-terminal.ts";
import { IpaeError } from "./errors.ts";

/** A TCP connection of the terminal's as a stream of octets. */
export class BipStream extends Duplex {
	readonly #terminal: BipTerminal;
	#channel = 0;
	#isReading = false;
	#isReceiving = false;
	#hasData = false;
	#isDropped = false;

	private constructor(terminal: BipTerminal) {
		super({ allowHalfOpen: false });
		this.#terminal = terminal;
	}

	/** @throws IpaeError IPAE_CHANNEL_REFUSED */
	static async open(terminal: BipTerminal, address: Uint8Array, port: number): Promise<BipStream> {
		const stream = new BipStream(terminal);
		const listener = { onData: () => stream.#onData(), onDropped: () => stream.#onDropped() };
		stream.#channel = await terminal.open({ address, port, transport: TransportLevel.tcpClient }, listener);
		return stream;
	}

	override _read(): void {
		this.#isReading = true;
		void this.#receive();
	}

	override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
		this.#send(chunk).then(() => done(), done);
	}

	override _final(done: () => void): void {
		this.#close().then(done, done);
	}

	override _destroy(error: Error | null, done: (error: Error | null) => void): void {
		void this.#close();
		done(error);
	}

	async #send(chunk: Uint8Array): Promise<void> {
		for (let start = 0; start < chunk.length; start += LARGEST_PIECE) {
			if (this.#channel === 0) throw new IpaeError("IPAE_CHANNEL_REFUSED", "the channel was closed");
			await this.#terminal.send(this.#channel, chunk.slice(start, start + LARGEST_PIECE));
		}
	}

	#onData(): void {
		this.#hasData = true;
		void this.#receive();
	}

	/** What came before the link was dropped is read first. */
	#onDropped(): void {
		this.#isDropped = true;
		this.#hasData = true;
		this.#isReading = true;
		void this.#receive();
	}

	async #receive(): Promise<void> {
		if (this.#isReceiving) return;
		this.#isReceiving = true;
		try {
			while (this.#isReading && this.#hasData && this.#channel !== 0) {
				const { data, hasMore } = await this.#terminal.receive(this.#channel);
				this.#hasData = hasMore;
				if (data.length > 0) this.#isReading = this.push(data);
			}
			if (this.#isDropped && !this.#hasData) this.push(null);
		} catch (error) {
			// A terminal that has given the channel up with the link has nothing more to tell.
			if (this.#isDropped) this.push(null);
			else this.destroy(error instanceof Error ? error : new Error(String(error)));
		} finally {
			this.#isReceiving = false;
		}
	}

	async #close(): Promise<void> {
		const channel = this.#channel;
		this.#channel = 0;
		if (channel !== 0) await this.#terminal.close(channel);
	}
}
