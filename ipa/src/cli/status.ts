import type { DeviceState, Work } from "../state/device-state.ts";
import { facts, type Output, print } from "./output.ts";
import type { AgentStatus } from "./status-file.ts";

export interface StatusReport {
	readonly folder: string;
	readonly isRunning: boolean;
	readonly state: DeviceState;
	readonly status: AgentStatus | undefined;
}

/** `ipa status`: what the device is doing, in words or as JSON. */
export function printStatus(report: StatusReport, output: Output): void {
	const { isRunning, state, status } = report;
	const doing = doingNow(state.work);
	const value = {
		running: isRunning,
		eid: state.eid,
		doing,
		phase: state.work.phase,
		eimIds: status?.eimIds,
		links: status?.links,
		lastPoll: status?.lastPoll,
		nextPollAt: isRunning ? status?.nextPollAt : undefined,
		lastResult: status?.lastResult,
		lastInstallation: status?.lastInstallation,
		lastFailure: status?.lastFailure,
		fallback: state.fallback.state,
		unreachable: state.unreachable,
		untoldStateChanges: state.stateChanges,
		waitingNotifications: state.waitingNotifications,
		resultsWaitingOnCard: state.hasWaitingResults,
	};
	print(output, value, () =>
		facts([
			["Agent", isRunning ? `running (process ${status?.pid})` : "not running"],
			[
				"EID",
				state.eid ??
					`no card seen yet by an agent of ${report.folder}; --config or IPA_STATE_FOLDER name another folder`,
			],
			["Doing", doing],
			["eIMs", status?.eimIds?.join(", ")],
			["Link", linkText(status?.links)],
			["Last poll", status?.lastPoll && `${status.lastPoll.at} ${status.lastPoll.eimId}: ${status.lastPoll.outcome}`],
			["Next poll", isRunning ? status?.nextPollAt : undefined],
			["Last result", status?.lastResult && `${status.lastResult.at} ${status.lastResult.results.join(", ")}`],
			["Last profile", status?.lastInstallation && `${status.lastInstallation.at} ${status.lastInstallation.iccid}`],
			["Last failure", status?.lastFailure && `${status.lastFailure.at} ${status.lastFailure.reason}`],
			["Fallback", fallbackText(state)],
			["Not yet told", Object.keys(state.stateChanges).join(", ") || undefined],
		]),
	);
}

/** The link in use to each eIM, and what keeps the device from others. */
function linkText(links: AgentStatus["links"]): string | undefined {
	if (links === undefined) return undefined;
	const texts = Object.entries(links).map(([eimId, { link, at, others }]) => {
		const troubles = others.map((one) => {
			const again = one.retryAt === undefined ? "left out" : `preferred again from ${one.retryAt}`;
			return `; not ${one.link} (${one.reason}; ${again})`;
		});
		return `${eimId}: ${link ?? "none works"} since ${at}${troubles.join("")}`;
	});
	return texts.join(", ");
}

function fallbackText({ fallback }: DeviceState): string | undefined {
	if (fallback.state === "home") return undefined;
	const since = new Date(fallback.since).toISOString();
	return fallback.state === "fallen-back" ? `on the fallback profile since ${since}` : `switching since ${since}`;
}

/** What is under way on the card, in words. */
export function doingNow(work: Work): string {
	switch (work.phase) {
		case "idle":
			return "nothing under way";
		case "package-received":
			return `loading package ${work.counterValue} of eIM ${work.eimId} into the card`;
		case "package-executed": {
			const what = `delivering the result of package ${work.counterValue} to eIM ${work.eimId}`;
			if (work.rollback.state !== "armed") return what;
			return `${what}; rollback at ${new Date(work.rollback.deliverBefore).toISOString()} if that fails`;
		}
		case "rollback-started":
			return `rolling back package ${work.counterValue} of eIM ${work.eimId}`;
		case "result-acknowledged":
			return `removing acknowledged entries ${work.acknowledged.join(", ")} from the card`;
		case "downloading":
			return `downloading a profile for eIM ${work.eimId}: ${work.step}`;
		case "download-executed":
			return `telling eIM ${work.eimId} how the download ended`;
	}
}
