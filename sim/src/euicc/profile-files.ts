import type { Command } from "./apdu/command.ts";
import type { Answer } from "./apdu/status.ts";

/** The files and applications of one profile as one logical channel sees them: a current file, a verified PIN. */
export interface FileSession {
	/** Any command that is not the card's own: SELECT, READ BINARY, VERIFY PIN, AUTHENTICATE, STATUS ... */
	transmit(command: Command): Answer;
}

/** The files of an installed profile. Changes reach the non-volatile memory with the APDU that makes them. */
export interface ProfileFiles {
	openSession(): FileSession;
}
