import type { Duration } from "@iot-esim/shared/util/duration";
import type { FallbackState, Unreachable } from "../../state/device-state.ts";

/** When a device gives up its profile for the one with the fallback attribute, and when it tries its own again. */
export interface FallbackPolicy {
	readonly isEnabled: boolean;
	/** Time without reaching any eIM until fallback. */
	readonly after: Duration;
	/** Rounds that have to fail in that time. */
	readonly attempts: number;
	/** Time on the fallback profile until the first return; doubled each time that it did not help. */
	readonly returnAfter: Duration;
	readonly returnAtMost: Duration;
}

export interface FallbackSituation {
	readonly now: number;
	readonly fallback: FallbackState;
	/** Rounds since an eIM was last reached. */
	readonly unreachable: Unreachable | undefined;
	/** Times in a row that no eIM was reached over the fallback profile either. */
	readonly vainFallbacks: number;
}

export type FallbackStep =
	| { readonly type: "fall-back" }
	| { readonly type: "return" }
	/** Nothing now; `at` is when to look again, if ever. */
	| { readonly type: "stay"; readonly at: number | undefined };

/**
 * What to do now. On its own profile a device falls back when no eIM was reached for the time and the attempts of the
 * policy. On the fallback profile it returns when its time there is over, or when no eIM can be reached there either; then
 * it is likely that the eIM is away and not the network, and the time is doubled with each switch that was in vain.
 */
export function fallbackStep(situation: FallbackSituation, policy: FallbackPolicy): FallbackStep {
	const { now, fallback } = situation;
	const isAway = fallback.state === "fallen-back";
	if (!isAway && (!policy.isEnabled || fallback.state !== "home")) return { type: "stay", at: undefined };
	const lost = lostAt(situation, policy);
	if (!isAway) return lost !== undefined && lost <= now ? { type: "fall-back" } : { type: "stay", at: lost };
	// A clock that went back must not keep the device on the fallback profile for ever.
	const since = Math.min(fallback.since, now);
	const due = since + Math.min(policy.returnAtMost, policy.returnAfter * 2 ** Math.min(fallback.returns, 20));
	const at = lost === undefined ? due : Math.min(due, lost);
	return at <= now ? { type: "return" } : { type: "stay", at };
}

/** When the device counts as cut off; undefined while attempts are missing. */
function lostAt({ now, unreachable, vainFallbacks }: FallbackSituation, policy: FallbackPolicy): number | undefined {
	if (unreachable === undefined || unreachable.attempts < policy.attempts) return undefined;
	const longest = Math.max(policy.after, policy.returnAtMost);
	return Math.min(unreachable.since, now) + Math.min(longest, policy.after * 2 ** Math.min(vainFallbacks, 20));
}
