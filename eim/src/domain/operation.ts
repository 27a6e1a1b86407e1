import type { Eid } from "@iot-esim/shared/ids/eid";
import type { DownloadParameters } from "./download.ts";
import { DomainError } from "./errors.ts";
import { EUICC_COMMAND_TYPES, type EuiccCommand, type EuiccCommandType, isEuiccCommand } from "./euicc-command.ts";
import type { EuiccDataParameters } from "./euicc-data.ts";

/** What an operator can order for a device: a command of an eUICC package, several in one package, or something else. */
export type OperationType = EuiccCommandType | "euiccPackage" | "download" | "readEuiccData";

/** Type and parameters of an operation, kept together so that each type has its own. */
export type OperationOrder =
	| { readonly type: "download"; readonly parameters: DownloadParameters }
	| EuiccCommand
	/** In one package, and so in one result: executed in this order up to the first failure. */
	| { readonly type: "euiccPackage"; readonly parameters: { readonly commands: readonly EuiccCommand[] } }
	| { readonly type: "readEuiccData"; readonly parameters: EuiccDataParameters };

export type OperationState =
	| "queued"
	| "sent"
	| "awaiting-verification"
	| "succeeded"
	| "failed"
	| "rolled-back"
	| "expired"
	| "cancelled";

export const OPERATION_TYPES: readonly OperationType[] = [
	"download",
	...EUICC_COMMAND_TYPES,
	"euiccPackage",
	"readEuiccData",
];

/** The commands of the package that an order leads to; none where it leads to something else. */
export function commandsOf(order: OperationOrder): readonly EuiccCommand[] {
	if (order.type === "euiccPackage") return order.parameters.commands;
	return isEuiccCommand(order) ? [order] : [];
}

export const OPERATION_STATES: readonly OperationState[] = [
	"queued",
	"sent",
	"awaiting-verification",
	"succeeded",
	"failed",
	"rolled-back",
	"expired",
	"cancelled",
];

/** Why an operation stands where it stands. */
export interface OperationReason {
	/** For people: what happened and what to do. */
	readonly text: string;
	/** The standard's own code, for example `enable: profileNotInDisabledState(2)` or `8.2.6/3.8`. */
	readonly code?: string;
}

/** A fact of an outcome: JSON that is kept, shown and compared as it is. */
export type OutcomeFact = string | number | boolean | readonly OutcomeFact[] | { readonly [name: string]: OutcomeFact };

/**
 * What came of an operation beyond its state, by name. A package of several commands has `commands`: a CommandOutcome
 * for each, in their order.
 */
export type OperationOutcome = Readonly<Record<string, OutcomeFact>>;

/** What came of one command of a package. */
export interface CommandOutcome {
	readonly type: string;
	/**
	 * `notExecuted`: the card stopped before it. `unknown`: the card was interrupted, so it may have been executed; the eIM
	 * asks the card. `rolledBack`: executed, then undone by the device.
	 */
	readonly state: "succeeded" | "failed" | "notExecuted" | "unknown" | "rolledBack";
	/** The standard's own code. */
	readonly code?: string;
	/** What the card answered beyond success, for example the token of an eIM that was added. */
	readonly [fact: string]: OutcomeFact | undefined;
}

/** One thing ordered for one device. Times are milliseconds since 1970. */
export type Operation = OperationOrder & {
	readonly id: string;
	readonly eid: Eid;
	readonly tenantId: string;
	/** `eim` marks what the eIM ordered for itself, such as the certificates of a new device. */
	readonly origin: "operator" | "eim";
	readonly state: OperationState;
	readonly reason?: OperationReason;
	/** What the device answered beyond success, for example the ICCID that a download installed. */
	readonly outcome?: OperationOutcome;
	readonly createdAt: number;
	readonly updatedAt: number;
	/** When the first package of this operation left. */
	readonly sentAt?: number;
	/** When the operation reached a final state. */
	readonly finishedAt?: number;
	readonly expiresAt: number;
	/** Queued, and not given to the device before this moment; what else waits goes on. */
	readonly heldUntil?: number;
	readonly idempotencyKey?: string;
};

/** Facts that move an operation on. */
export type OperationEvent = { readonly at: number } & (
	| { readonly kind: "packageStored" }
	/** A result arrived that cannot be verified yet; it is kept. */
	| { readonly kind: "resultKept"; readonly reason: OperationReason }
	/** A kept result turned out not to be the device's: the package goes out again. */
	| { readonly kind: "resultRejected"; readonly reason: OperationReason }
	| {
			readonly kind: "succeeded";
			readonly reason?: OperationReason;
			readonly outcome?: OperationOutcome;
	  }
	| { readonly kind: "failed"; readonly reason: OperationReason; readonly outcome?: OperationOutcome }
	| { readonly kind: "rolledBack"; readonly reason: OperationReason; readonly outcome?: OperationOutcome }
	/** Somebody says so in the name of the device, with no signature: nothing follows but the note. */
	| { readonly kind: "packageRefused"; readonly reason: OperationReason }
	/** The eUICC did not execute the package and a new one is to be made, with a new counter. */
	| {
			readonly kind: "packageDropped";
			readonly reason: OperationReason;
			readonly heldUntil?: number | undefined;
			readonly outcome?: OperationOutcome;
	  }
	| { readonly kind: "expired" }
	| { readonly kind: "cancelled"; readonly reason?: OperationReason }
);

export function isFinal(state: OperationState): boolean {
	return state !== "queued" && state !== "sent" && state !== "awaiting-verification";
}

/** Of these operations, those that are not held now, and when the first of the others no longer is. */
export function withoutHeld<O extends Pick<Operation, "heldUntil">>(
	operations: readonly O[],
	now: number,
): { readonly free: readonly O[]; readonly nextAt?: number } {
	const isHeld = ({ heldUntil = 0 }: O) => heldUntil > now;
	const held = operations.filter(isHeld).map(({ heldUntil = 0 }) => heldUntil);
	const free = operations.filter((operation) => !isHeld(operation));
	return held.length === 0 ? { free } : { free, nextAt: Math.min(...held) };
}

const ALLOWED: Readonly<Record<OperationEvent["kind"], readonly OperationState[]>> = {
	packageStored: ["queued"],
	// Once more when it turns out why: a replayError whose signature could not be verified at first.
	resultKept: ["sent", "awaiting-verification"],
	resultRejected: ["awaiting-verification"],
	// The eUICC's word is the truth even when it comes late: after the expiry, or for a package that was given up.
	succeeded: ["queued", "sent", "awaiting-verification", "failed", "expired", "cancelled"],
	failed: ["queued", "sent", "awaiting-verification", "expired"],
	// An IPA that missed the acknowledgement of the first result may still roll back.
	rolledBack: ["queued", "sent", "awaiting-verification", "succeeded", "failed", "expired", "cancelled"],
	packageRefused: ["sent"],
	packageDropped: ["sent", "awaiting-verification"],
	expired: ["queued", "sent", "awaiting-verification"],
	cancelled: ["queued"],
};

const STATE_AFTER: Readonly<Record<OperationEvent["kind"], OperationState>> = {
	packageStored: "sent",
	resultKept: "awaiting-verification",
	resultRejected: "sent",
	succeeded: "succeeded",
	failed: "failed",
	rolledBack: "rolled-back",
	packageRefused: "sent",
	packageDropped: "queued",
	expired: "expired",
	cancelled: "cancelled",
};

/**
 * The operation after an event. An event that leads to the state the operation is in already changes nothing, so a
 * message that arrives twice is harmless.
 * @returns DomainError OPERATION_TRANSITION_ILLEGAL or OPERATION_ALREADY_SENT when the event cannot happen now
 */
export function nextOperation(operation: Operation, event: OperationEvent): Operation | DomainError {
	const state = STATE_AFTER[event.kind];
	if (!ALLOWED[event.kind].includes(operation.state)) {
		return operation.state === state ? operation : refusal(operation, event);
	}
	const isNote = event.kind === "packageRefused" || event.kind === "resultKept";
	if (isNote && operation.state === state && operation.reason?.text === event.reason.text) return operation;
	const next = withoutReason(operation);
	next.state = state;
	next.updatedAt = event.at;
	delete next.heldUntil;
	if (event.kind === "packageDropped" && event.heldUntil !== undefined) next.heldUntil = event.heldUntil;
	const reason = reasonOf(event);
	if (reason) next.reason = reason;
	if ("outcome" in event && event.outcome) next.outcome = { ...operation.outcome, ...event.outcome };
	if (event.kind === "packageStored") next.sentAt ??= event.at;
	if (isFinal(state)) next.finishedAt = event.at;
	return next;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function withoutReason(operation: Operation): Writable<Operation> {
	if (operation.reason === undefined) return { ...operation };
	const { reason: _, ...rest } = operation;
	return rest;
}

function reasonOf(event: OperationEvent): OperationReason | undefined {
	if (event.kind === "expired") {
		return { text: "The device gave no verified result before the expiry; it may still have executed the operation." };
	}
	return "reason" in event ? event.reason : undefined;
}

function refusal(operation: Operation, event: OperationEvent): DomainError {
	const context = { operationId: operation.id, eid: operation.eid, state: operation.state };
	if (event.kind === "cancelled" && !isFinal(operation.state)) {
		return new DomainError("OPERATION_ALREADY_SENT", `operation ${operation.id} is ${operation.state}`, { context });
	}
	const message = `operation ${operation.id} is ${operation.state}; it cannot take "${event.kind}"`;
	return new DomainError("OPERATION_TRANSITION_ILLEGAL", message, { context });
}
