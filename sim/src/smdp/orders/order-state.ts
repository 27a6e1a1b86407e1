import { assertNever } from "@iot-esim/shared/util/assert-never";

/** Profile states at the SM-DP+ (SGP.22 section 3.1.6). */
export type OrderState =
	| "available"
	| "allocated"
	| "linked"
	| "confirmed"
	| "released"
	| "downloaded"
	| "installed"
	| "error"
	| "unavailable";

/** What can happen to a profile at the SM-DP+. */
export type OrderEvent =
	/** ES2+.DownloadOrder, with or without an EID. */
	| { readonly event: "ordered"; readonly hasEid: boolean }
	/** ES2+.ConfirmOrder. */
	| { readonly event: "confirmed"; readonly isReleased: boolean }
	/** ES2+.ReleaseProfile. */
	| { readonly event: "released" }
	/** ES2+.CancelOrder. */
	| { readonly event: "cancelled"; readonly finalState: "available" | "unavailable" }
	/** ES9+.GetBoundProfilePackage answered with a package. */
	| { readonly event: "downloaded" }
	/** A verified ProfileInstallationResult with success; it may come when the order was given up already. */
	| { readonly event: "installed" }
	/** The installation broke off in a way that another attempt may mend. */
	| { readonly event: "interrupted" }
	/** Rejected by the end user, retries exceeded, installation failed. */
	| { readonly event: "failed" };

/** The state after an event; undefined when the event is not possible in this state. */
export function nextOrderState(state: OrderState, event: OrderEvent): OrderState | undefined {
	switch (event.event) {
		case "ordered":
			return state === "available" ? (event.hasEid ? "linked" : "allocated") : undefined;
		case "confirmed":
			return state === "allocated" || state === "linked" ? (event.isReleased ? "released" : "confirmed") : undefined;
		case "released":
			return state === "confirmed" ? "released" : undefined;
		case "cancelled":
			return state === "downloaded" || state === "installed" || state === "unavailable" ? undefined : event.finalState;
		case "downloaded":
			return state === "released" || state === "downloaded" ? "downloaded" : undefined;
		case "installed":
			return state === "downloaded" || state === "released" || state === "error" ? "installed" : undefined;
		case "interrupted":
			return state === "downloaded" ? "released" : undefined;
		case "failed":
			return state === "released" || state === "downloaded" ? "error" : undefined;
		default:
			return assertNever(event);
	}
}
