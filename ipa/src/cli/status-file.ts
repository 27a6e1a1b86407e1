import { readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { IpaEvent } from "../procedures/ipa-event.ts";

/** What `ipa status` shows beside the journal: the last facts of each kind. Nothing depends on it after a power cut. */
export interface AgentStatus {
	readonly pid: number;
	readonly startedAt: string;
	readonly stoppedAt?: string;
	readonly eid?: string;
	readonly eimIds?: readonly string[];
	readonly lastPoll?: { readonly at: string; readonly eimId: string; readonly outcome: string };
	readonly lastFailure?: { readonly at: string; readonly reason: string };
	readonly lastResult?: { readonly at: string; readonly eimId: string; readonly results: readonly string[] };
	readonly lastInstallation?: { readonly at: string; readonly iccid: string | undefined };
	readonly nextPollAt?: string;
	/** By eimId, where the device chooses among several links. */
	readonly links?: Readonly<Record<string, LinkStatus>>;
}

export interface LinkStatus {
	readonly at: string;
	/** Absent where none works. */
	readonly link?: string | undefined;
	readonly others: readonly { readonly link: string; readonly reason: string; readonly retryAt?: string }[];
}

/** The status after an event; the same object when the event leaves no trace in it. */
export function nextStatus(status: AgentStatus, event: IpaEvent, now: number): AgentStatus {
	const at = new Date(now).toISOString();
	switch (event.type) {
		case "started":
			return { ...status, eid: event.eid, eimIds: event.eimIds };
		case "link-changed": {
			const others = event.others.map(({ retryAt, ...rest }) => ({
				...rest,
				...(retryAt === undefined ? {} : { retryAt: new Date(retryAt).toISOString() }),
			}));
			return { ...status, links: { ...status.links, [event.eimId]: { at, link: event.link, others } } };
		}
		case "polled":
			return { ...status, lastPoll: { at, eimId: event.eimId, outcome: event.outcome } };
		case "poll-failed":
		case "card-lost":
		case "download-failed":
		case "download-postponed":
		case "result-waiting":
			return { ...status, lastFailure: { at, reason: event.reason } };
		case "package-executed":
			return { ...status, lastResult: { at, eimId: event.eimId, results: event.results } };
		case "profile-installed":
			return { ...status, lastInstallation: { at, iccid: event.iccid } };
		case "sleeping":
			return { ...status, nextPollAt: new Date(now + event.ms).toISOString() };
		case "stopped":
			return { ...status, stoppedAt: at };
		default:
			return status;
	}
}

/** Writes the status beside the journal as events come in; a full disk must not stop the agent. */
export function statusWriter(folder: string, pid: number, clock: Clock, onFailure: (error: unknown) => void) {
	let status: AgentStatus = { pid, startedAt: new Date(clock.now()).toISOString() };
	const write = () => {
		try {
			const file = statusPath(folder);
			writeFileSync(`${file}.next`, JSON.stringify(status));
			renameSync(`${file}.next`, file);
		} catch (error) {
			onFailure(error);
		}
	};
	write();
	return (event: IpaEvent) => {
		const next = nextStatus(status, event, clock.now());
		if (next === status) return;
		status = next;
		write();
	};
}

/** The status that an agent has left; undefined when none ever ran here or the file is damaged. */
export function readStatus(folder: string): AgentStatus | undefined {
	try {
		return JSON.parse(readFileSync(statusPath(folder), "utf8")) as AgentStatus;
	} catch {
		return undefined;
	}
}

function statusPath(folder: string): string {
	return path.join(folder, "status.json");
}
