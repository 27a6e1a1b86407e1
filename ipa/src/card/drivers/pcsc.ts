import type { CardDriver } from "../card-channel.ts";
import { CardError } from "../errors.ts";

/** The parts of the package `smartcard` that this driver uses. */
export interface PcscModule {
	readonly Context: new () => PcscContext;
	readonly SCARD_SHARE_EXCLUSIVE: number;
	readonly SCARD_PROTOCOL_T0: number;
	readonly SCARD_PROTOCOL_T1: number;
	readonly SCARD_RESET_CARD: number;
}

export interface PcscContext {
	listReaders(): readonly PcscReader[];
	close(): void;
}

export interface PcscReader {
	readonly name: string;
	connect(shareMode: number, protocol: number): Promise<PcscCard>;
}

export interface PcscCard {
	transmit(command: Buffer, options: { maxRecvLength: number }): Promise<Uint8Array>;
	reconnect(shareMode: number, protocol: number, initialization: number): Promise<number>;
	getStatus(): { readonly atr: Uint8Array };
	disconnect(disposition: number): void;
}

export interface PcscDriverOptions {
	/** Part of the reader's name; the first reader when absent. */
	readonly reader?: string;
	/** Where the package comes from; the installed `smartcard` when absent. */
	readonly load?: () => Promise<PcscModule>;
}

/** Longest answer of one command that is accepted: extended length under T=1. */
const LONGEST_RESPONSE = 65_538;

/** A card in a PC/SC reader, held exclusively so that no other program mixes in its commands. */
export function pcscDriver(options: PcscDriverOptions = {}): CardDriver {
	const name = `pcsc:${options.reader ?? ""}`;
	let session: { pcsc: PcscModule; context: PcscContext; card: PcscCard } | undefined;
	const release = () => {
		const held = session;
		session = undefined;
		try {
			held?.card.disconnect(held.pcsc.SCARD_RESET_CARD);
		} finally {
			held?.context.close();
		}
	};
	const withCard = async <T>(step: string, call: (held: NonNullable<typeof session>) => Promise<T>): Promise<T> => {
		if (session === undefined) throw new CardError("CARD_UNREACHABLE", `${name}: ${step} before open()`);
		try {
			return await call(session);
		} catch (cause) {
			try {
				release();
			} catch {
				// The reader that failed the command also failed to let go; the first error is the one to report.
			}
			throw new CardError("CARD_LINK_LOST", `${name}: the reader failed at ${step}: ${String(cause)}`, { cause });
		}
	};
	return {
		name,
		open: async () => {
			session ??= await connect(name, options);
		},
		reset: () =>
			withCard("reset", async ({ pcsc, card }) => {
				await card.reconnect(pcsc.SCARD_SHARE_EXCLUSIVE, protocols(pcsc), pcsc.SCARD_RESET_CARD);
				return new Uint8Array(card.getStatus().atr);
			}),
		transmit: (apdu) =>
			withCard("a command", async ({ card }) => {
				return new Uint8Array(await card.transmit(Buffer.from(apdu), { maxRecvLength: LONGEST_RESPONSE }));
			}),
		close: async () => release(),
	};
}

async function connect(name: string, options: PcscDriverOptions) {
	const pcsc = await (options.load ?? loadSmartcard)();
	let context: PcscContext;
	try {
		context = new pcsc.Context();
	} catch (cause) {
		throw new CardError("CARD_UNREACHABLE", `${name}: the PC/SC service does not answer; is pcscd running?`, { cause });
	}
	try {
		const readers = context.listReaders();
		const reader = readers.find((one) => one.name.includes(options.reader ?? ""));
		if (reader === undefined) {
			const there = readers.length === 0 ? "there is none" : `there are ${readers.map((one) => one.name).join(", ")}`;
			throw new CardError("CARD_UNREACHABLE", `${name}: no such reader; ${there}`);
		}
		return { pcsc, context, card: await reader.connect(pcsc.SCARD_SHARE_EXCLUSIVE, protocols(pcsc)) };
	} catch (cause) {
		context.close();
		if (cause instanceof CardError) throw cause;
		throw new CardError("CARD_UNREACHABLE", `${name}: no card in the reader: ${String(cause)}`, { cause });
	}
}

function protocols(pcsc: PcscModule): number {
	return pcsc.SCARD_PROTOCOL_T0 | pcsc.SCARD_PROTOCOL_T1;
}

async function loadSmartcard(): Promise<PcscModule> {
	// A name in a variable keeps the compiler from asking for an optional package.
	const packageName = "smartcard";
	try {
		const loaded: { default?: PcscModule } & PcscModule = await import(packageName);
		return loaded.default ?? loaded;
	} catch (cause) {
		throw new CardError(
			"CARD_PCSC_MISSING",
			"PC/SC readers need the package smartcard: run `npm install smartcard` (with a compiler and libpcsclite-dev; npm 12 also wants `npm install-scripts approve smartcard` and `npm rebuild smartcard`)",
			{ cause },
		);
	}
}
