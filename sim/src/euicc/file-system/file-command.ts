import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { Position } from "./file-selection.ts";
import type { FileAnswer } from "./file-status.ts";
import type { FileSystem, FileSystemChange } from "./file-system.ts";

/** A command as far as files are concerned; the class octet and the logical channel are the card's. */
export interface FileCommand {
	readonly cla: number;
	readonly ins: number;
	readonly p1: number;
	readonly p2: number;
	readonly data: Uint8Array;
	/** Octets that the terminal expects, 256 for a length octet of 00; undefined without one. */
	readonly le?: number | undefined;
}

/** What a command works on; `position` and `fs` are changed in place, and every change of `fs` is noted. */
export interface CommandContext {
	readonly fs: FileSystem;
	readonly position: Position;
	/** PINs that were given in this card session, by their index. */
	readonly verified: Set<number>;
	readonly random: RandomSource;
	note(change: FileSystemChange): void;
}

export type CommandHandler = (context: CommandContext, command: FileCommand) => FileAnswer;
