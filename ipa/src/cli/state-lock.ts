import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import { IpaCliError } from "./errors.ts";

/** What tells processes apart; looked up by the main program. */
export interface ProcessTable {
	readonly ownPid: number;
	/** Something that changes when a process id is used anew; undefined when no such process runs. */
	identityOf(pid: number): string | undefined;
}

/**
 * Keeps a second agent away from a state folder. The lock of an agent that was killed does not count.
 * @returns lets the folder go
 * @throws IpaCliError IPA_CARD_IN_USE, IPA_STATE_UNWRITABLE
 */
export function lockState(folder: string, processes: ProcessTable): () => void {
	try {
		mkdirSync(folder, { recursive: true });
	} catch (cause) {
		throw unwritable(folder, cause);
	}
	const file = path.join(folder, "agent.lock");
	const mine = `${processes.ownPid} ${processes.identityOf(processes.ownPid) ?? ""}`;
	const holder = readLock(file);
	if (holder !== undefined && holder !== mine) {
		const pid = Number(holder.split(" ")[0]);
		if (`${pid} ${processes.identityOf(pid) ?? "gone"}` === holder) {
			throw new IpaCliError("IPA_CARD_IN_USE", `process ${pid} already works with ${folder}`);
		}
		rmSync(file, { force: true });
	}
	writeLock(file, mine, folder);
	return () => rmSync(file, { force: true });
}

function readLock(file: string): string | undefined {
	try {
		return readFileSync(file, "utf8").trim();
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
}

function writeLock(file: string, text: string, folder: string): void {
	let handle: number;
	try {
		handle = openSync(file, "wx");
	} catch (cause) {
		if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw unwritable(folder, cause);
		if (readLock(file) === text) return;
		throw new IpaCliError("IPA_CARD_IN_USE", `another agent has just begun to work with ${folder}`, { cause });
	}
	writeSync(handle, `${text}\n`);
	closeSync(handle);
}

function unwritable(folder: string, cause: unknown): IpaCliError {
	return new IpaCliError("IPA_STATE_UNWRITABLE", `${folder} cannot be written: ${(cause as Error).message}`, { cause });
}
