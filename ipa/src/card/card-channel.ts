/**
 * The way to one physical card, without logical channels: the driver moves command and response APDUs.
 * Each method rejects with a CardError: CARD_UNREACHABLE when there is no card, CARD_LINK_LOST when it goes away.
 */
export interface CardDriver {
	/** What to call this card in logs: `vpcd://127.0.0.1:35963`. */
	readonly name: string;
	/** Connects and powers the card on; does nothing when already connected. */
	open(): Promise<void>;
	/** Cold or warm reset of the card; every logical channel is gone afterwards. Resolves with the ATR. */
	reset(): Promise<Uint8Array>;
	/** One command APDU in, one response APDU (data, SW1, SW2) out. */
	transmit(apdu: Uint8Array): Promise<Uint8Array>;
	/** Lets go of the card; `open` may follow. */
	close(): Promise<void>;
}
