import type { DeviceEvent, DeviceState } from "./device-state.ts";

type FallbackEvent = Extract<
	DeviceEvent,
	{ readonly type: "eim-unreachable" | "eim-reached" | "fallback-began" | "fallback-ended" | "fallback-over" }
>;

/** The state after an event on the way between the device's own profile and the fallback profile. */
export function nextFallback(state: DeviceState, event: FallbackEvent): DeviceState {
	const { fallback, unreachable, vainFallbacks } = state;
	switch (event.type) {
		case "eim-unreachable": {
			const { at } = event;
			// A clock that went back would put the beginning into the future.
			const since = unreachable === undefined ? at : Math.min(unreachable.since, at);
			return { ...state, unreachable: { since, attempts: (unreachable?.attempts ?? 0) + 1 } };
		}
		case "eim-reached": {
			const isSettled = fallback.state === "home" && fallback.returns > 0;
			if (unreachable === undefined && !isSettled && vainFallbacks === 0) return state;
			const settled = isSettled ? ({ state: "home", returns: 0 } as const) : fallback;
			return { ...state, unreachable: undefined, vainFallbacks: 0, fallback: settled };
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
		const next = { ...state, stateChanges, unreachable: undefined };
		if (wasFallingBack) return { ...next, fallback: { state: "fallen-back", since: at, returns } };
		// A return from where no eIM was reached either says nothing against the own profile.
		const isVain = (state.unreachable?.attempts ?? 0) > 0;
		const vainFallbacks = isVain ? state.vainFallbacks + 1 : 0;
		return { ...next, vainFallbacks, fallback: { state: "home", returns: isVain ? returns : returns + 1 } };
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
