/** What an application inside the card, such as an IPAe, sees of the card and of the terminal. */
export interface InCardInterface {
	/** Data of TERMINAL PROFILE (ETSI TS 102 223 section 5.2). */
	readonly terminalProfile: Uint8Array;
	/** CIs under which the card trusts servers (DER). */
	readonly ciCertificates: readonly Uint8Array[];
	/** One command APDU on logical channels of the application's own; durable when it returns. */
	transmit(apdu: Uint8Array): Uint8Array;
	/** Puts a proactive command to the terminal; gives the data of its TERMINAL RESPONSE. Never settles after a reset. */
	request(command: Uint8Array): Promise<Uint8Array>;
	/** True while a proactive command waits for the terminal to fetch it. */
	readonly isCommandWaiting: boolean;
	/** A file of the application in the card's memory. */
	readFile(name: string): Uint8Array | undefined;
	/** Durable when it returns. */
	writeFile(name: string, contents: Uint8Array): void;
}

export interface RunningApplication {
	/** ENVELOPE of the terminal, its whole data. */
	envelope(data: Uint8Array): void;
	/**
	 * The card has nothing but the time of a command of the terminal: the application goes on until it waits for the
	 * terminal again. Called before STATUS, ENVELOPE, TERMINAL PROFILE and TERMINAL RESPONSE are answered.
	 */
	settle(): Promise<void>;
	/** The card was reset, lost its power, or switched the application off. */
	stop(): void;
}

/** An application that runs between a TERMINAL PROFILE and the next reset, while the card is switched to it. */
export interface InCardApplication {
	start(card: InCardInterface): RunningApplication;
}
