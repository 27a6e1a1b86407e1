import { eimErrorText } from "../procedures/eim-error.ts";
import type { IpaEvent } from "../procedures/ipa-event.ts";

/** One line for people about an event; undefined for events that say nothing on their own. */
export function eventText(event: IpaEvent): string | undefined {
	switch (event.type) {
		case "started":
			return `card ${event.eid} obeys ${event.eimIds.join(", ")}`;
		case "link-changed": {
			const others = event.others.map(({ link, reason }) => `${link} does not work: ${reason}`);
			return [`${event.eimId}: ${event.link ?? "no link"} in use`, ...others].join("; ");
		}
		case "polled":
			return `${event.eimId}: ${event.outcome === "none" ? "nothing to do" : `sent ${event.outcome}`}`;
		case "poll-failed":
			return event.eimId === "" ? event.reason : `${event.eimId}: ${event.reason}`;
		case "package-loading":
			return `${event.eimId}: package ${event.counterValue} goes to the card`;
		case "package-executed":
			return `${event.eimId}: package ${event.counterValue} executed, ${event.outcome}: ${event.results.join(", ")}`;
		case "result-delivered":
			return `${event.eimId}: result delivered, acknowledged ${event.acknowledged.join(", ") || "nothing"}`;
		case "result-waiting":
			return `${event.eimId}: result not delivered yet: ${event.reason}`;
		case "result-refused":
			return `${event.eimId}: result refused with ${eimErrorText(event.code)}`;
		case "refresh-started":
			return "the card goes through a REFRESH";
		case "refresh-finished":
			return `the card is back after ${event.ms} ms`;
		case "rollback-started":
			return `${event.eimId}: not reachable over the new profile, rolling back`;
		case "rollback-finished":
			return `${event.eimId}: rollback ${event.cmdResult === 0 ? "done" : `refused with code ${event.cmdResult}`}`;
		case "fallback-started":
			return event.action === "falling-back" ? "going to the fallback profile" : "returning from the fallback profile";
		case "fallback-finished": {
			const what = event.action === "falling-back" ? "fallback" : "return from fallback";
			return `${what} ${event.result === 0 ? "done" : `not done (code ${event.result})`}`;
		}
		case "euicc-data-sent":
			return `${event.eimId}: eUICC data sent (${event.tags.join(" ") || "refused"})`;
		case "download-step":
			return `${event.eimId}: download, ${event.step}`;
		case "profile-installed":
			return `${event.eimId}: profile ${event.iccid ?? "without ICCID"} installed${event.enabled ? " and enabled" : ""}`;
		case "download-failed":
			return `${event.eimId}: download failed: ${event.reason}`;
		case "download-postponed":
			return `${event.eimId}: download waits for another attempt: ${event.reason}`;
		case "notification-delivered":
			return `${event.eimId}: notification ${event.seqNumber ?? "?"} delivered`;
		case "card-lost":
			return `card lost: ${event.reason}`;
		case "sleeping":
			return undefined;
		case "stopped":
			return "stopped";
	}
}
