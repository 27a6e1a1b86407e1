import type { RunPlan } from "./plan.ts";

/** Odds at which something rare is seen often. */
export const focus = {
	/** An eIM that knows nothing of its devices yet, and dies often: what it keeps until it does is at stake. */
	strangers: (plan: RunPlan): RunPlan => ({
		...plan,
		isAcquainted: false,
		deadPlmns: [],
		devices: plan.devices.map((device) => ({ ...device, hasFallback: false })),
		faults: {
			...plan.faults,
			messages: { ...plan.faults.messages, loseRequest: 0.15, loseAnswer: 0.25 },
			deaths: { ...plan.faults.deaths, eim: 30 },
		},
	}),
	/** IPAs that often begin anew, without their journal. */
	forgetfulIpas: (plan: RunPlan): RunPlan => ({
		...plan,
		isAcquainted: false,
		deadPlmns: [],
		devices: plan.devices.map((device) => ({ ...device, hasFallback: false, enablesImmediately: false })),
		faults: { ...plan.faults, lostJournals: 0.5, deaths: { ...plan.faults.deaths, ipa: 60 } },
	}),
} as const satisfies Readonly<Record<string, (plan: RunPlan) => RunPlan>>;
