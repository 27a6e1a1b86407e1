import { createHash } from "node:crypto";
import { concatBytes, utf8 } from "@iot-esim/shared/util/bytes";
import { type DeviceEvent, type DeviceState, INITIAL_STATE, nextState } from "./device-state.ts";
import type { JournalStorage } from "./journal-storage.ts";

/** Above this size the journal is rewritten with its last record alone. */
const COMPACT_ABOVE = 128 * 1024;
const CHECKSUM_DIGITS = 16;
const LINE_FEED = 0x0a;

/** Keeps the state of the device so that a power cut at any octet loses nothing that was noted. */
export interface Journal {
	readonly state: DeviceState;
	/** True when the journal was empty or none of its records could be read. */
	readonly isNew: boolean;
	/** Notes an event; when the promise resolves, the state survives a power cut. */
	note(event: DeviceEvent): Promise<DeviceState>;
}

/**
 * Opens a journal. Each record is one line: a checksum, a space, and JSON with the event's name and the whole state
 * after it. The last line whose checksum is right counts; a torn tail is cut off.
 */
export async function openJournal(storage: JournalStorage): Promise<Journal> {
	const bytes = await storage.read();
	const found = lastRecord(bytes);
	// Replacing also makes a new file, name included, survive a power cut.
	if (found.end !== bytes.length || bytes.length === 0) await storage.replace(bytes.slice(found.start, found.end));
	return new StoredJournal(storage, found.state, found.end - found.start);
}

class StoredJournal implements Journal {
	readonly isNew: boolean;
	readonly #storage: JournalStorage;
	#state: DeviceState;
	#size: number;
	#tail: Promise<unknown> = Promise.resolve();
	/** After a failed write half a line may lie at the end, which would spoil the next one. */
	#mustReplace = false;

	constructor(storage: JournalStorage, state: DeviceState | undefined, size: number) {
		this.#storage = storage;
		this.#state = state ?? INITIAL_STATE;
		this.isNew = state === undefined;
		this.#size = size;
	}

	get state(): DeviceState {
		return this.#state;
	}

	note(event: DeviceEvent): Promise<DeviceState> {
		const noted = this.#tail.then(() => this.#note(event));
		this.#tail = noted.catch(() => undefined);
		return noted;
	}

	async #note(event: DeviceEvent): Promise<DeviceState> {
		const state = nextState(this.#state, event);
		if (state === this.#state) return state;
		const line = encodeRecord(event.type, state);
		const replaces = this.#mustReplace || this.#size > COMPACT_ABOVE;
		this.#mustReplace = true;
		await (replaces ? this.#storage.replace(line) : this.#storage.append(line));
		this.#mustReplace = false;
		this.#size = replaces ? line.length : this.#size + line.length;
		this.#state = state;
		return state;
	}
}

function encodeRecord(event: string, state: DeviceState): Uint8Array {
	const json = utf8(JSON.stringify({ event, state }));
	return concatBytes(utf8(`${checksum(json)} `), json, Uint8Array.of(LINE_FEED));
}

function checksum(json: Uint8Array): string {
	return createHash("sha256").update(json).digest("hex").slice(0, CHECKSUM_DIGITS);
}

interface FoundRecord {
	readonly state: DeviceState | undefined;
	readonly start: number;
	readonly end: number;
}

/** Searches from the end, so that damage in the middle does no harm. */
function lastRecord(bytes: Uint8Array): FoundRecord {
	let end = bytes.length;
	while (end > 0) {
		const lineEnd = bytes.lastIndexOf(LINE_FEED, end - 1);
		if (lineEnd < 0) break;
		const start = lineEnd === 0 ? 0 : bytes.lastIndexOf(LINE_FEED, lineEnd - 1) + 1;
		const state = decodeRecord(bytes.subarray(start, lineEnd));
		// Records before the last one stay where they are when nothing has to be cut off.
		if (state !== undefined) return { state, start: lineEnd + 1 === bytes.length ? 0 : start, end: lineEnd + 1 };
		end = start;
	}
	return { state: undefined, start: 0, end: 0 };
}

function decodeRecord(line: Uint8Array): DeviceState | undefined {
	const json = line.subarray(CHECKSUM_DIGITS + 1);
	const stated = new TextDecoder().decode(line.subarray(0, CHECKSUM_DIGITS));
	if (json.length === 0 || stated !== checksum(json)) return undefined;
	const record = JSON.parse(new TextDecoder().decode(json)) as { readonly state: DeviceState };
	// JSON has no undefined: members that are absent come back from the initial state.
	return { ...INITIAL_STATE, ...record.state };
}
