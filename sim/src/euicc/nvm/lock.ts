import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { EuiccError } from "../errors.ts";

/** Lock files of this very process. */
const held = new Set<string>();

/**
 * Keeps a second process from the same card memory. The file names the process and its start, so that one left behind
 * by kill -9 is recognised and taken over, also when its number belongs to another process by now.
 * @returns a function that gives the memory free
 * @throws EuiccError EUICC_MEMORY_IN_USE
 */
export function lockMemory(directory: string): () => void {
	const path = resolve(directory, "lock");
	for (let attempt = 0; attempt < 2; attempt++) {
		try {
			const descriptor = openSync(path, "wx");
			writeSync(descriptor, `${process.pid} ${startOf(process.pid) ?? ""}`);
			closeSync(descriptor);
			held.add(path);
			return () => {
				held.delete(path);
				rmSync(path, { force: true });
			};
		} catch (error) {
			if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
			const [owner, start] = readFileSync(path, "utf8").split(" ");
			// In a container a restarted process often gets the number of the one that was killed.
			const isHeld = Number(owner) === process.pid ? held.has(path) : isRunning(Number(owner), start);
			if (isHeld) throw new EuiccError("EUICC_MEMORY_IN_USE", `process ${owner} uses the card in ${directory}`);
			rmSync(path, { force: true });
		}
	}
	throw new EuiccError("EUICC_MEMORY_IN_USE", `another process has just taken the card in ${directory}`);
}

function isRunning(pid: number, start: string | undefined): boolean {
	if (!Number.isInteger(pid) || pid <= 0) return false;
	try {
		process.kill(pid, 0);
	} catch (error) {
		return error instanceof Error && "code" in error && error.code === "EPERM";
	}
	const actual = startOf(pid);
	return actual === undefined || !start || actual === start;
}

/** Clock ticks from boot to the start of a process, where the system tells (Linux: field 22 of /proc/PID/stat). */
function startOf(pid: number): string | undefined {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
	} catch {
		// Systems without /proc: the number of the process has to do.
		return undefined;
	}
}
