import { assertNever } from "@iot-esim/shared/util/assert-never";
import { JournalError } from "./errors.ts";

/**
 * What the agent must know after a power cut. Octets are upper-case hex, times are milliseconds since 1970, since the
 * state is kept as JSON.
 */
export interface DeviceState {
	/** The card that the rest belongs to; 32 digits. */
	readonly eid: string | undefined;
	readonly work: Work;
	/** The last delivered result, for an eIM that asks for the same package again after the card has removed it. */
	readonly lastResult: { readonly packageHash: string; readonly resultHex: string } | undefined;
	/** State changes that an eIM did not cause and has not been told of: eimId to StateChangeCause. */
	readonly stateChanges: Readonly<Record<string, number>>;
	/** Results that no eIM has taken yet wait on the card to be offered again. */
	readonly hasWaitingResults: boolean;
}

/** The one thing under way on the card. */
export type Work =
	| { readonly phase: "idle" }
	/** Before STORE DATA: the card may have executed the package or may never have seen it. */
	| ({ readonly phase: "package-received" } & PackageFacts)
	/** The card has answered; the eIM has not confirmed. */
	| ({
			readonly phase: "package-executed";
			readonly resultHex: string;
			readonly rollback: RollbackState;
	  } & PackageFacts)
	/** Before ProfileRollback: its result, if there is one, waits on the card. */
	| ({ readonly phase: "rollback-started"; readonly resultHex: string } & PackageFacts)
	/** The eIM has confirmed; these entries are to be removed from the card. */
	| ({
			readonly phase: "result-acknowledged";
			readonly resultHex: string;
			readonly acknowledged: readonly number[];
	  } & PackageFacts)
	/** An indirect download: a half-loaded package is abandoned by the card, the eIM sends the trigger again. */
	| { readonly phase: "downloading"; readonly eimId: string; readonly step: string };

export interface PackageFacts {
	readonly eimId: string;
	/** SHA-256 of the EuiccPackageRequest as received. */
	readonly packageHash: string;
	readonly eimTransactionIdHex: string | undefined;
	readonly counterValue: number;
	readonly rollbackGranted: boolean;
	/** ICCID (as in tag 5A) of the profile that the package enables. */
	readonly enablesHex: string | undefined;
	/** ICCID (as in tag 5A) of the profile enabled before the package, when rollback was granted. */
	readonly enabledBeforeHex: string | undefined;
}

/** Whether ProfileRollback may still be used for the result at hand. */
export type RollbackState =
	| { readonly state: "unavailable" }
	| { readonly state: "armed"; readonly deliverBefore: number }
	/** Already tried: what the card answered stays as it is. */
	| { readonly state: "spent" };

export type DeviceEvent =
	| { readonly type: "card-seen"; readonly eid: string }
	| ({ readonly type: "package-received" } & PackageFacts)
	| { readonly type: "package-executed"; readonly resultHex: string; readonly rollback: RollbackState }
	/** The card has no result for it: it never executed the package. */
	| { readonly type: "package-not-executed" }
	| { readonly type: "rollback-rearmed"; readonly deliverBefore: number }
	| { readonly type: "rollback-started" }
	| { readonly type: "rollback-executed"; readonly resultHex: string }
	| { readonly type: "rollback-refused" }
	| { readonly type: "result-acknowledged"; readonly acknowledged: readonly number[] }
	| { readonly type: "result-settled" }
	/** The eIM did not take the result, or cannot be reached while others can; the card keeps it. */
	| { readonly type: "result-left-on-card" }
	/** The eIM of the result is no longer associated: nobody is left to take it. */
	| { readonly type: "result-orphaned" }
	| { readonly type: "results-offered" }
	| { readonly type: "download-step"; readonly eimId: string; readonly step: string }
	| { readonly type: "download-ended" }
	| { readonly type: "state-changed"; readonly cause: number; readonly tell: readonly string[] }
	| { readonly type: "state-change-told"; readonly eimId: string };

export const INITIAL_STATE: DeviceState = {
	eid: undefined,
	work: { phase: "idle" },
	lastResult: undefined,
	stateChanges: {},
	hasWaitingResults: false,
};

/**
 * The state after an event.
 * @throws JournalError JOURNAL_EVENT_MISPLACED when the event cannot follow
 */
export function nextState(state: DeviceState, event: DeviceEvent): DeviceState {
	switch (event.type) {
		case "card-seen":
			// Another card: what was under way went away with the old one.
			return state.eid === event.eid ? state : { ...INITIAL_STATE, eid: event.eid };
		case "state-changed": {
			const told = Object.fromEntries(event.tell.map((eimId) => [eimId, event.cause]));
			return { ...state, stateChanges: { ...state.stateChanges, ...told } };
		}
		case "state-change-told": {
			const { [event.eimId]: _told, ...rest } = state.stateChanges;
			return { ...state, stateChanges: rest };
		}
		case "result-settled":
			return settled(state);
		case "result-left-on-card":
			return { ...state, work: nextWork(state.work, event), hasWaitingResults: true };
		case "results-offered":
			return state.hasWaitingResults ? { ...state, hasWaitingResults: false } : state;
		default:
			return { ...state, work: nextWork(state.work, event) };
	}
}

type WorkEvent = Exclude<
	DeviceEvent,
	{ readonly type: "card-seen" | "state-changed" | "state-change-told" | "result-settled" | "results-offered" }
>;

function nextWork(work: Work, event: WorkEvent): Work {
	switch (event.type) {
		case "package-received": {
			const { type: _type, ...facts } = event;
			// The same package may be received again after a power cut between the note and the card.
			if (work.phase !== "idle" && work.phase !== "downloading" && work.phase !== "package-received") break;
			return { phase: "package-received", ...facts };
		}
		case "package-executed": {
			if (work.phase !== "package-received") break;
			return { ...work, phase: "package-executed", resultHex: event.resultHex, rollback: event.rollback };
		}
		case "package-not-executed":
			if (work.phase !== "package-received") break;
			return { phase: "idle" };
		case "rollback-rearmed":
			if (work.phase !== "package-executed" || work.rollback.state !== "armed") break;
			return { ...work, rollback: { state: "armed", deliverBefore: event.deliverBefore } };
		case "rollback-started": {
			if (work.phase !== "package-executed") break;
			const { rollback: _rollback, ...rest } = work;
			return { ...rest, phase: "rollback-started" };
		}
		case "rollback-executed":
			if (work.phase !== "rollback-started") break;
			return { ...work, phase: "package-executed", resultHex: event.resultHex, rollback: { state: "spent" } };
		case "rollback-refused":
			if (work.phase !== "rollback-started") break;
			return { ...work, phase: "package-executed", rollback: { state: "spent" } };
		case "result-acknowledged": {
			if (work.phase !== "package-executed") break;
			const { rollback: _rollback, ...rest } = work;
			return { ...rest, phase: "result-acknowledged", acknowledged: event.acknowledged };
		}
		case "result-left-on-card":
		case "result-orphaned":
			if (work.phase !== "package-executed") break;
			return { phase: "idle" };
		case "download-step":
			if (work.phase !== "idle" && work.phase !== "downloading") break;
			return { phase: "downloading", eimId: event.eimId, step: event.step };
		case "download-ended":
			if (work.phase !== "downloading") break;
			return { phase: "idle" };
		default:
			return assertNever(event);
	}
	throw new JournalError("JOURNAL_EVENT_MISPLACED", `${event.type} cannot follow while the card is in ${work.phase}`);
}

function settled(state: DeviceState): DeviceState {
	const { work } = state;
	if (work.phase !== "result-acknowledged") {
		throw new JournalError(
			"JOURNAL_EVENT_MISPLACED",
			`result-settled cannot follow while the card is in ${work.phase}`,
		);
	}
	const lastResult = { packageHash: work.packageHash, resultHex: work.resultHex };
	return { ...state, work: { phase: "idle" }, lastResult };
}
