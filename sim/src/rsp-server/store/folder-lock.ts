import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { RspServerError } from "../errors.ts";
import { replaceFile } from "./durable-file.ts";

/** A process as the lock remembers it; the start tells it from another one that got the same number. */
export interface ProcessIdentity {
	readonly pid: number;
	readonly startedAt: string;
}

/**
 * Takes a state folder for this process; a lock whose process is gone is taken over.
 * @param isRunning tells whether the very process still runs
 * @returns a function that gives the folder back
 * @throws RspServerError RSP_SERVER_STATE_IN_USE
 */
export function lockFolder(
	folder: string,
	self: ProcessIdentity,
	isRunning: (other: ProcessIdentity) => boolean,
): () => void {
	mkdirSync(folder, { recursive: true });
	const path = join(folder, "lock");
	const owner = readLock(path);
	if (owner !== undefined && isRunning(owner)) {
		throw new RspServerError("RSP_SERVER_STATE_IN_USE", `process ${owner.pid} uses ${folder}`);
	}
	replaceFile(path, JSON.stringify(self));
	return () => rmSync(path, { force: true });
}

function readLock(path: string): ProcessIdentity | undefined {
	try {
		return JSON.parse(readFileSync(path, "utf8")) as ProcessIdentity;
	} catch {
		return undefined;
	}
}
