import { describe, expect, it } from "vitest";
import { newLinkChoice, nextLinkChoice } from "../esipa/link-choice.ts";
import { INITIAL_STATE } from "../state/device-state.ts";
import { linkChanged } from "./chosen-links.ts";
import { eventText } from "./event-text.ts";
import { printStatus } from "./status.ts";
import { type AgentStatus, nextStatus } from "./status-file.ts";

const NOON = Date.UTC(2026, 0, 1, 12);

describe("several links in ipa status", () => {
	it("are the one in use, and of the others why not and until when", () => {
		const patience = { retryAfter: 60_000, retryAtMost: 60_000 };
		const plans = ["coap", "https"].map((name, cost) => ({ name, cost, isForMetered: true }));
		const steps = [
			{ type: "unusable", name: "coap", reason: "DTLS is not available" },
			{ type: "failed", name: "mqtt", reason: "the broker is silent", at: NOON, stray: 0 },
			{ type: "reached", name: "https" },
		] as const;
		const choice = steps.reduce((before, event) => nextLinkChoice(before, event, patience), newLinkChoice(plans));
		const event = linkChanged("eim.example.com", choice);
		expect(eventText(event)).toBe(
			"eim.example.com: https in use; coap does not work: DTLS is not available; mqtt does not work: the broker is silent",
		);
		const before: AgentStatus = { pid: 1, startedAt: "" };
		const status = nextStatus(before, event, NOON);
		const lines: string[] = [];
		const output = { isJson: false, line: (text: string) => void lines.push(text) };
		printStatus({ folder: "f", isRunning: true, state: INITIAL_STATE, status }, output);
		expect(lines.join("\n")).toContain(
			"eim.example.com: https since 2026-01-01T12:00:00.000Z; not coap (DTLS is not available; left out); not mqtt (the broker is silent; preferred again from 2026-01-01T12:01:00.000Z)",
		);
	});
});
