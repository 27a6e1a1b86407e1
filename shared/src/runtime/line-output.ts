import { pino } from "pino";

/** What waits in memory for a full disk to have room again; what comes on top is lost. */
const LONGEST_WAITING = 256 * 1024;

/** A standard stream of a program that must go on when nobody can take what it says. */
export interface LineOutput {
	write(text: string): void;
}

/**
 * Standard output (1) or error (2), written at once. A full disk or a closed pipe behind it never ends the program:
 * some text is kept for later, the rest is dropped.
 */
export function outputTo(fileDescriptor: 1 | 2): LineOutput {
	const destination = pino.destination({ dest: fileDescriptor, sync: true, maxLength: LONGEST_WAITING });
	destination.on("error", () => undefined);
	return destination;
}
