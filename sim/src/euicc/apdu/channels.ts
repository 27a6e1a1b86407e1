import type { FileSession } from "../profile-files.ts";
import { ResponseChain } from "./response-chain.ts";
import { StoreDataAssembler } from "./store-data.ts";

/** The highest logical channel (ETSI TS 102 221 section 10.1.1). */
export const HIGHEST_CHANNEL = 19;

/** What is selected on a channel. */
export type SelectedApplication = "files" | "isd-r" | "ecasd";

/** One logical channel: what is selected, and what is half sent in either direction. */
export class Channel {
	application: SelectedApplication = "files";
	files: FileSession;
	readonly storeData = new StoreDataAssembler();
	readonly response = new ResponseChain();

	constructor(files: FileSession) {
		this.files = files;
	}
}

/** The open channels of a powered card; the basic channel 0 is always open. */
export class Channels {
	readonly #open = new Map<number, Channel>();
	readonly #openFiles: () => FileSession;

	constructor(openFiles: () => FileSession) {
		this.#openFiles = openFiles;
		this.#open.set(0, new Channel(openFiles()));
	}

	get(number: number): Channel | undefined {
		return this.#open.get(number);
	}

	/** The lowest channel that is free; undefined when all are open. */
	get lowestFree(): number | undefined {
		for (let number = 1; number <= HIGHEST_CHANNEL; number++) if (!this.#open.has(number)) return number;
		return undefined;
	}

	/** Opens a channel with what is selected on the one that the command came on; the basic channel gives the MF. */
	open(number: number, from: Channel): void {
		const channel = new Channel(this.#openFiles());
		if (from !== this.#open.get(0)) channel.application = from.application;
		this.#open.set(number, channel);
	}

	/** @returns false when the channel was not open */
	close(number: number): boolean {
		return this.#open.delete(number);
	}

	/** Another profile is enabled: every channel starts at its master file. */
	reopenFiles(): void {
		for (const channel of this.#open.values()) channel.files = this.#openFiles();
	}
}
