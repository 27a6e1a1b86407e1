import { readFileSync } from "node:fs";
import type { ProcessIdentity } from "./store/folder-lock.ts";

/** Field of /proc/PID/stat with the start of the process in clock ticks, counted behind the name in brackets. */
const START_FIELD = 19;

/** Number and start of a process; the start is empty where there is no /proc. */
export function processIdentity(pid: number): ProcessIdentity {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
		return { pid, startedAt: fields[START_FIELD] ?? "" };
	} catch {
		return { pid, startedAt: "" };
	}
}

/** True while the process runs that had this number and this start. */
export function isProcessRunning(identity: ProcessIdentity): boolean {
	try {
		process.kill(identity.pid, 0);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
	}
	return processIdentity(identity.pid).startedAt === identity.startedAt;
}
