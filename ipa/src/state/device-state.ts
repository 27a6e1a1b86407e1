import { StateChangeCauseCode } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { assertNever } from "@iot-esim/shared/util/assert-never";
import { JournalError } from "./errors.ts";
import { nextFallback } from "./fallback-state.ts";

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
	/** TAC and IMEI of the device that the card was last seen in, in hex. */
	readonly device: string | undefined;
	readonly fallback: FallbackState;
	/** Rounds in which no eIM could be reached, since the last in which one could. */
	readonly unreachable: Unreachable | undefined;
	/** Times in a row that no eIM was reached over the fallback profile either. */
	readonly vainFallbacks: number;
	/** Numbers that an eIM was given and has not acknowledged: it may still do so. */
	readonly handedOver: Readonly<Record<string, readonly number[]>>;
	/** Notifications on the card that their receiver could not be given directly yet. */
	readonly waitingNotifications: readonly number[];
	/** Results of direct downloads (BF54) that their eIM could not be given yet: eimId to hex. */
	readonly downloadResults: Readonly<Record<string, readonly string[]>>;
	/** A direct download whose server could not be reached: eimTransactionId in hex and attempts so far. */
	readonly postponedDownload: { readonly key: string | undefined; readonly count: number } | undefined;
	/** What eIMs have taken of IpaEuiccData, as digests by name: compact messages leave it out. */
	readonly eimKnowledge: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Between the device's own profile and the one with the fallback attribute. */
export type FallbackState =
	/** `returns`: returns from fallback since an eIM was last reached over the own profile. */
	| { readonly state: "home"; readonly returns: number }
	/** Before the card is asked: it may have switched or not. */
	| {
			readonly state: "falling-back" | "returning";
			/** ICCID (as in tag 5A) of the profile enabled before. */
			readonly enabledBeforeHex: string | undefined;
			readonly since: number;
			readonly returns: number;
	  }
	| { readonly state: "fallen-back"; readonly since: number; readonly returns: number };

export interface Unreachable {
	readonly since: number;
	readonly attempts: number;
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
	/** A half-loaded package is abandoned by the card, the eIM sends the trigger again. */
	| {
			readonly phase: "downloading";
			readonly eimId: string;
			readonly step: string;
			/** Set when the device downloads by itself. */
			readonly direct?: DirectDownload | undefined;
	  }
	/** A direct download has come to an installation result; the eIM does not have it (BF54) yet. */
	| { readonly phase: "download-executed"; readonly eimId: string; readonly resultHex: string };

/** What finds the result of a direct download on the card after a power cut. */
export interface DirectDownload {
	readonly eimTransactionIdHex?: string | undefined;
	/** Of the session with the server, once there is one. */
	readonly transactionIdHex?: string | undefined;
}

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
	/** `device` is TAC and IMEI in hex; another one than before is told to `eimIds`. */
	| {
			readonly type: "card-seen";
			readonly eid: string;
			readonly device?: string;
			readonly eimIds?: readonly string[];
	  }
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
	/** A result is given to its eIM without a word of whether it arrived; the card keeps it. */
	| { readonly type: "results-waiting" }
	/** `direct` adds to what is known of a direct download. */
	| {
			readonly type: "download-step";
			readonly eimId: string;
			readonly step: string;
			readonly direct?: DirectDownload | undefined;
	  }
	/** The card has answered the last segment of a direct download. */
	| { readonly type: "download-executed"; readonly resultHex: string }
	| { readonly type: "download-postponed" }
	| { readonly type: "download-ended" }
	/** The eIM of a direct download cannot be reached: its result is kept aside. */
	| { readonly type: "download-result-waiting" }
	| { readonly type: "download-result-told"; readonly eimId: string; readonly resultHex: string }
	/** `pending` takes the place of what was known for this eIM. */
	| { readonly type: "handed-over"; readonly eimId: string; readonly pending: readonly number[] }
	/** Takes the place of what was noted of this eIM. */
	| { readonly type: "eim-knowledge"; readonly eimId: string; readonly knowledge?: Readonly<Record<string, string>> }
	| { readonly type: "notification-waiting"; readonly seqNumber: number }
	| { readonly type: "notification-settled"; readonly seqNumber: number }
	| { readonly type: "state-changed"; readonly cause: number; readonly tell: readonly string[] }
	| { readonly type: "state-change-told"; readonly eimId: string }
	/** A change was noted before the card was asked, and the card refused it. */
	| { readonly type: "state-change-withdrawn"; readonly before: Readonly<Record<string, number>> }
	| { readonly type: "eim-unreachable"; readonly at: number }
	| { readonly type: "eim-reached" }
	| {
			readonly type: "fallback-began";
			readonly action: "falling-back" | "returning";
			readonly at: number;
			readonly enabledBeforeHex: string | undefined;
	  }
	/** `tell` are the eIMs that are told `cause`. */
	| {
			readonly type: "fallback-ended";
			readonly outcome: "done" | "refused" | "busy" | "not-executed";
			readonly at: number;
			readonly cause: number;
			readonly tell: readonly string[];
	  }
	/** Somebody else has switched profiles: the card knows no way back any more. */
	| { readonly type: "fallback-over" };

export const INITIAL_STATE: DeviceState = {
	eid: undefined,
	work: { phase: "idle" },
	lastResult: undefined,
	stateChanges: {},
	hasWaitingResults: false,
	device: undefined,
	fallback: { state: "home", returns: 0 },
	unreachable: undefined,
	vainFallbacks: 0,
	handedOver: {},
	waitingNotifications: [],
	downloadResults: {},
	postponedDownload: undefined,
	eimKnowledge: {},
};

/**
 * The state after an event.
 * @throws JournalError JOURNAL_EVENT_MISPLACED when the event cannot follow
 */
export function nextState(state: DeviceState, event: DeviceEvent): DeviceState {
	switch (event.type) {
		case "card-seen":
			return cardSeen(state, event);
		case "state-change-withdrawn":
			return { ...state, stateChanges: event.before };
		case "eim-unreachable":
		case "eim-reached":
		case "fallback-began":
		case "fallback-ended":
		case "fallback-over":
			return nextFallback(state, event);
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
		case "results-waiting":
			return state.hasWaitingResults ? state : { ...state, hasWaitingResults: true };
		case "results-offered":
			return state.hasWaitingResults ? { ...state, hasWaitingResults: false } : state;
		case "notification-waiting":
		case "notification-settled":
			return withNotification(state, event.seqNumber, event.type === "notification-waiting");
		case "eim-knowledge": {
			const { [event.eimId]: _before, ...others } = state.eimKnowledge;
			const { knowledge } = event;
			return { ...state, eimKnowledge: knowledge === undefined ? others : { ...others, [event.eimId]: knowledge } };
		}
		case "handed-over":
			return withHandedOver(state, event.eimId, event.pending);
		case "download-result-waiting":
			return resultKeptAside(state);
		case "download-result-told": {
			const { [event.eimId]: waiting = [], ...others } = state.downloadResults;
			const left = waiting.filter((one) => one !== event.resultHex);
			return { ...state, downloadResults: left.length === 0 ? others : { ...others, [event.eimId]: left } };
		}
		case "download-postponed":
			return { ...state, work: nextWork(state.work, event), postponedDownload: postponed(state) };
		case "download-ended":
			return { ...state, work: nextWork(state.work, event), postponedDownload: undefined };
		default:
			return { ...state, work: nextWork(state.work, event) };
	}
}

type WorkEvent = Exclude<
	DeviceEvent,
	{
		readonly type:
			| "card-seen"
			| "state-changed"
			| "state-change-told"
			| "result-settled"
			| "results-offered"
			| "results-waiting"
			| "state-change-withdrawn"
			| "eim-unreachable"
			| "eim-reached"
			| "fallback-began"
			| "fallback-ended"
			| "fallback-over"
			| "handed-over"
			| "eim-knowledge"
			| "notification-waiting"
			| "notification-settled"
			| "download-result-waiting"
			| "download-result-told";
	}
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
			return downloading(work, event);
		case "download-executed":
			if (work.phase !== "downloading") break;
			return { phase: "download-executed", eimId: work.eimId, resultHex: event.resultHex };
		case "download-postponed":
			if (work.phase !== "downloading") break;
			return { phase: "idle" };
		case "download-ended":
			if (work.phase !== "downloading" && work.phase !== "download-executed") break;
			return { phase: "idle" };
		default:
			return assertNever(event);
	}
	throw misplaced(event.type, work);
}

function cardSeen(state: DeviceState, event: Extract<DeviceEvent, { readonly type: "card-seen" }>): DeviceState {
	const { eid, device = state.device, eimIds = [] } = event;
	if (state.eid === eid && state.device === device) return state;
	// Another card: what was under way went away with the old one, and nothing is known of results that wait on this one.
	// A card in another device has something to tell.
	const base = state.eid === eid ? state : { ...INITIAL_STATE, eid, hasWaitingResults: true };
	const isMoved = state.eid !== undefined && (state.eid !== eid || state.device !== undefined);
	const told = Object.fromEntries(isMoved ? eimIds.map((eimId) => [eimId, StateChangeCauseCode.deviceChange]) : []);
	return { ...base, device, stateChanges: { ...base.stateChanges, ...told } };
}

function resultKeptAside(state: DeviceState): DeviceState {
	const { work, downloadResults } = state;
	if (work.phase !== "download-executed") throw misplaced("download-result-waiting", work);
	const { eimId, resultHex } = work;
	const waiting = [...(downloadResults[eimId] ?? []), resultHex];
	const kept = { ...downloadResults, [eimId]: waiting };
	return { ...state, work: { phase: "idle" }, downloadResults: kept, postponedDownload: undefined };
}

function misplaced(event: string, { phase }: Work): JournalError {
	return new JournalError("JOURNAL_EVENT_MISPLACED", `${event} cannot follow while the card is in ${phase}`);
}

function settled(state: DeviceState): DeviceState {
	const { work } = state;
	if (work.phase !== "result-acknowledged") throw misplaced("result-settled", work);
	const lastResult = { packageHash: work.packageHash, resultHex: work.resultHex };
	return { ...state, work: { phase: "idle" }, lastResult };
}

function downloading(work: Work, event: Extract<DeviceEvent, { readonly type: "download-step" }>): Work {
	const { eimId, step } = event;
	const known = work.phase === "downloading" && work.eimId === eimId ? work.direct : undefined;
	const direct = event.direct === undefined ? known : { ...known, ...event.direct };
	return { phase: "downloading", eimId, step, ...(direct === undefined ? {} : { direct }) };
}

function postponed({ work, postponedDownload: before }: DeviceState): DeviceState["postponedDownload"] {
	const key = work.phase === "downloading" ? work.direct?.eimTransactionIdHex : undefined;
	return { key, count: before !== undefined && before.key === key ? before.count + 1 : 1 };
}

function withNotification(state: DeviceState, seqNumber: number, isWaiting: boolean): DeviceState {
	if (state.waitingNotifications.includes(seqNumber) === isWaiting) return state;
	const others = state.waitingNotifications.filter((one) => one !== seqNumber);
	return { ...state, waitingNotifications: isWaiting ? [...others, seqNumber] : others };
}

/** An eIM that acknowledges nothing must not fill the journal. */
const MOST_HANDED_OVER = 256;

function withHandedOver(state: DeviceState, eimId: string, pending: readonly number[]): DeviceState {
	const { [eimId]: before = [], ...others } = state.handedOver;
	if (before.length === pending.length && before.every((one, index) => one === pending[index])) return state;
	if (pending.length === 0) return { ...state, handedOver: others };
	return { ...state, handedOver: { ...others, [eimId]: pending.slice(-MOST_HANDED_OVER) } };
}
