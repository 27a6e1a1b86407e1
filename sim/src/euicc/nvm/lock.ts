import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { EuiccError } from "../errors.ts";

/** Lock files of this very process. */
const held = new Set<string>();

/**
 * Keeps a second process from the same card memory. The file names the process, so that one left behind by kill -9 is
 * recognised and taken over.
 * @returns a function that gives the memory free
 * @throws EuiccError EUICC_MEMORY_IN_USE
 */
export function lockMemory(directory: string): () => void {
	const path = resolve(directory, "lock");
	for (let attempt = 0; attempt < 2; attempt++) {
		try {
			const descriptor = openSync(path, "wx");
			writeSync(descriptor, String(process.pid));
			closeSync(descriptor);
			held.add(path);
			return () => {
				held.delete(path);
				rmSync(path, { force: true });
			};
		} catch (error) {
			if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
			const owner = Number(readFileSync(path, "utf8"));
			// In a container a restarted process often gets the number of the one that was killed.
			if (owner === process.pid ? held.has(path) : isRunning(owner)) {
				throw new EuiccError("EUICC_MEMORY_IN_USE", `process ${owner} uses the card in ${directory}`);
			}
			rmSync(path, { force: true });
		}
	}
	throw new EuiccError("EUICC_MEMORY_IN_USE", `another process has just taken the card in ${directory}`);
}

function isRunning(pid: number): boolean {
	if (!Number.isInteger(pid) || pid <= 0) return false;
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return error instanceof Error && "code" in error && error.code === "EPERM";
	}
}
