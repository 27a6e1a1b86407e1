import type { DeviceEvent, DeviceState, FallbackState } from "./device-state.ts";

type FallbackEvent = Extract<
	DeviceEvent,
	{ readonly type: "eim-unreachable" | "eim-reached" | "fallback-began" | "fallback-ended" | "fallback-over" }
>;

/** The state after an event on the way between the device's own profile and the fallback profile. */
export function nextFallback(state: DeviceState, event: FallbackEvent): DeviceState {
	const { fallback, unreachable } = state;
	switch (event.type) {
		case "eim-unreachable": {
			const { at } = event;
			// A clock that went back would put the beginning into the future.
			const since = unreachable === undefined ? at : Math.min(unreachable.since, at);
			return { ...state, unreachable: { since, attempts: (unreachable?.attempts ?? 0) + 1 } };
		}
		case "eim-reached": {
			const isSettled = fallback.state === "home" && fallback.returns > 0;
			if (unreachable === undefined && !isSettled) return state;
			return { ...state, unreachable: undefined, fallback: isSettled ? { state: "home", returns: 0 } : fallback };
		}
		case "fallback-began": {
			const { action, at, enabledBeforeHex } = event;
			return { ...state, fallback: { state: action, enabledBeforeHex, since: at, returns: fallback.returns } };
		}
		case "fallback-ended":
			return ended(state, event);
		case "fallback-over":
			return fallback.state === "home" ? state : { ...state, fallback: { state: "home", returns: 0 } };
	}
}

function ended(state: DeviceState, event: Extract<FallbackEvent, { readonly type: "fallback-ended" }>): DeviceState {
	const { fallback } = state;
	const { outcome, at, cause, tell } = event;
	const told = Object.fromEntries(tell.map((eimId) => [eimId, cause]));
	const stateChanges = { ...state.stateChanges, ...told };
	const { returns } = fallback;
	const wasFallingBack = fallback.state === "falling-back";
	if (outcome === "done") {
		const next: FallbackState = wasFallingBack
			? { state: "fallen-back", since: at, returns }
			: { state: "home", returns: returns + 1 };
		return { ...state, stateChanges, fallback: next, unreachable: undefined };
	}
	if (outcome === "not-executed") {
		const since = fallback.state === "home" ? at : fallback.since;
		return {
			...state,
			fallback: wasFallingBack ? { state: "home", returns } : { state: "fallen-back", since, returns },
		};
	}
	// The time begins anew, so that a card that refuses is not asked in every round.
	const unreachable = { since: at, attempts: 0 };
	if (wasFallingBack) return { ...state, fallback: { state: "home", returns }, unreachable };
	const isOver = outcome === "refused";
	return {
		...state,
		fallback: isOver ? { state: "home", returns } : { state: "fallen-back", since: at, returns },
		unreachable,
	};
}
