/**
 * What the eIM keeps, in terms of whole steps. Every method is one transaction: after it resolves its effect is durable,
 * and before it resolves nobody may be answered. A crash inside a method leaves nothing behind.
 */

import type { Eid } from "@iot-esim/shared/ids/eid";
import type { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import type { ApiKey } from "../domain/api-key.ts";
import type { AuditEntry, NewAuditEntry } from "../domain/audit-entry.ts";
import type { Device, DeviceChange } from "../domain/device.ts";
import type { DeviceLink } from "../domain/device-link.ts";
import type { EimPackage, EimPackageKind } from "../domain/eim-package.ts";
import type { DomainError } from "../domain/errors.ts";
import type { Event, EventType, NewEvent } from "../domain/event.ts";
import type { Job, JobKind } from "../domain/job.ts";
import type { Notification, NotificationWithDelivery } from "../domain/notification.ts";
import type { Operation, OperationEvent, OperationState, OperationType } from "../domain/operation.ts";
import type { Profile, ProfileChange } from "../domain/profile.ts";
import type { ReceivedResult, ResultVerification } from "../domain/received-result.ts";
import type { RspSession, RspSessionState } from "../domain/rsp-session.ts";
import type { SeenUnknown } from "../domain/seen-unknown.ts";
import type { WakeUp, WakeUpChange, WakeUpVia } from "../domain/wake-up.ts";

export interface Store
	extends DeviceStore,
		EimKeyStore,
		OperationStore,
		PackageStore,
		RelayStore,
		JobStore,
		WakeUpStore,
		EventStore,
		AccessStore {
	/** Brings the schema up to date. Safe to call from several processes at once. */
	migrate(): Promise<void>;
	/** Resolves when the database answers. */
	ping(): Promise<void>;
	close(): Promise<void>;
}

/** A page of a list; `next` is the cursor of the following page and absent on the last. */
export interface Page<T> {
	readonly items: readonly T[];
	readonly next?: string;
}

export interface PageRequest {
	/** At most this many rows. */
	readonly limit: number;
	/** `next` of the page before. */
	readonly cursor?: string | undefined;
}

export interface DeviceFilter extends PageRequest {
	/** Part of the EID or of the name, without regard to case. */
	readonly search?: string | undefined;
	/** Each tag must be there with this value. */
	readonly tags?: Readonly<Record<string, string>> | undefined;
	readonly labMode?: boolean | undefined;
	/** Only devices whose last message came over this. */
	readonly link?: DeviceLink | undefined;
}

/** By which keys cards know an eIM: its signing key, and the trust in its TLS server where there is a pin. */
export interface EimKeys {
	readonly signingKeyId: string;
	readonly tlsTrustId: string | undefined;
}

export interface EimKeyCount {
	readonly signingKeyId?: string;
	readonly tlsTrustId?: string;
	readonly devices: number;
	/** Of these, how many have an updateEim under way. */
	readonly updating: number;
}

export interface DeviceStore {
	/** False when the EID is registered already (nothing changes then). */
	registerDevice(device: Device, audit: NewAuditEntry): Promise<boolean>;
	loadDevice(eid: Eid): Promise<Device | undefined>;
	listDevices(filter: DeviceFilter): Promise<Page<Device>>;
	/** The device after the change; undefined when it is not registered. */
	changeDevice(eid: Eid, change: DeviceChange, audit?: NewAuditEntry): Promise<Device | DomainError | undefined>;
	/** Removes the device and all that belongs to it except audit and events; false when it is not registered. */
	removeDevice(eid: Eid, audit: NewAuditEntry): Promise<boolean>;
	listProfiles(eid: Eid): Promise<readonly Profile[]>;
	/** Notes a poll of an EID that is not registered; keeps the `bound` seen last. */
	noteUnknown(eid: Eid, at: number, bound: number): Promise<void>;
	listSeenUnknown(): Promise<readonly SeenUnknown[]>;
}

/** How far devices know the keys that this eIM has now. */
export interface EimKeyStore {
	/** Devices of which no keys of the eIM are noted know these: there were no others when they were registered. */
	noteEimKeys(keys: EimKeys): Promise<void>;
	/** How many devices know the eIM by which keys; released ones are not counted. */
	countEimKeys(): Promise<readonly EimKeyCount[]>;
	/** Devices that know other keys than these and have no updateEim under way, in the order of their EIDs. */
	listOutdatedDevices(keys: EimKeys, limit: number): Promise<readonly Device[]>;
}

/** A request that may be repeated under one key. */
export interface IdempotencyClaim {
	readonly key: string;
	/** Names who may repeat it: the same key of another caller is another key. */
	readonly scope: string;
	/** SHA-256 of the request, hex: tells a repetition from another request under the same key. */
	readonly digest: string;
	/** The answer to give again. */
	readonly answer: string;
	readonly at: number;
}

export type Enqueued =
	| { readonly kind: "enqueued"; readonly operation: Operation }
	/** The same request came before; `answer` is what was answered then. */
	| { readonly kind: "repeated"; readonly answer: string }
	/** The key came before with another request. */
	| { readonly kind: "keyReused" }
	| { readonly kind: "unknownDevice" };

export interface OperationFilter extends PageRequest {
	readonly eid?: Eid | undefined;
	readonly states?: readonly OperationState[] | undefined;
	readonly types?: readonly OperationType[] | undefined;
	/** Only what operators ordered, or only what the eIM ordered for itself. */
	readonly origin?: Operation["origin"] | undefined;
}

export interface OperationStore {
	enqueueOperation(operation: Operation, audit: NewAuditEntry, claim?: IdempotencyClaim): Promise<Enqueued>;
	loadOperation(id: string): Promise<Operation | undefined>;
	/** Newest first. */
	listOperations(filter: OperationFilter): Promise<Page<Operation>>;
	/** How many operations are not over, by state. */
	countOpenOperations(): Promise<Readonly<Partial<Record<OperationState, number>>>>;
	/**
	 * Moves an operation on without a message of the device: cancelled by an operator, failed at the SM-DP+.
	 * Undefined when there is no such operation.
	 */
	moveOperation(id: string, event: OperationEvent, audit?: NewAuditEntry): Promise<Operation | DomainError | undefined>;
	/** Expires what is due and gives it back. */
	expireOperations(now: number, limit: number): Promise<readonly Operation[]>;
	/**
	 * Removes operations that were over before this moment, with their packages and results; those whose package has the
	 * newest counter of its device stay. Looks at some at a time, from the oldest on.
	 * @param after where the call before has ended; undefined begins anew
	 * @returns where to go on, undefined when nothing older is left
	 */
	removeOperations(before: number, after: number | undefined): Promise<number | undefined>;
	/** Forgets remembered answers given before this moment. */
	forgetIdempotencyKeys(before: number): Promise<void>;
}

/** What a poll says of the device. */
export interface Poll {
	readonly eid: Eid;
	readonly at: number;
	/** Three octets as hex. */
	readonly rplmn?: string | undefined;
	/** Present when the IPA reports a state change that this eIM did not order (notifyStateChange). */
	readonly stateChangeCause?: number | undefined;
	/** Over what it came, where that is known. */
	readonly link?: DeviceLink | undefined;
	/** The device has not asked: the package is brought to it. */
	readonly isInjection?: boolean | undefined;
}

/** From this the package is built. It must not be sent by the builder: it may be thrown away and built again. */
export interface PackageDraft {
	readonly device: Device;
	readonly operation: Operation;
	/** The value to use if the package carries one; it counts as burnt once the package is stored, not before. */
	readonly counter: number;
}

export type BuiltPackage =
	| {
			readonly kind: EimPackageKind;
			readonly bytes: Uint8Array;
			/** The draft's counter when the package carries one. */
			readonly counter?: number;
			readonly eimTransactionId: TransactionId;
	  }
	/** No package can be made of this operation: it fails with this reason and the next one is tried. */
	| { readonly kind: "unbuildable"; readonly text: string; readonly code?: string };

/**
 * Builds and signs. May answer at once or by a promise (a key in an HSM); at once is much faster, since the package is
 * then stored in the very transaction that read the device.
 */
export type BuildPackage = (draft: PackageDraft) => BuiltPackage | Promise<BuiltPackage>;

export type TakenPackage =
	| { readonly kind: "unknownDevice" }
	| { readonly kind: "nothing"; readonly device: Device }
	| {
			readonly kind: "package";
			readonly package: EimPackage;
			readonly operation: Operation;
			readonly device: Device;
			/** True when these bytes were handed out before. */
			readonly repeated: boolean;
	  };

/** A package found again by what an answer says of it. */
export interface FoundPackage {
	readonly device: Device;
	readonly package: EimPackage;
	readonly operation: Operation;
}

/** All that follows from one message of a device, in one transaction. */
export interface ResultRecord {
	readonly result: ReceivedResult;
	/** What it means for the operation named in the result. */
	readonly operationEvent?: OperationEvent | undefined;
	/** Only from verified results (or accepted ones of a lab device). */
	readonly profileChanges?: readonly ProfileChange[] | undefined;
	readonly deviceChange?: DeviceChange | undefined;
	/** Notifications that came along; known ones (same octets) are left as they are. */
	readonly notifications?: readonly Notification[] | undefined;
	/** What the eIM wants to ask next, for example the certificates of this device. */
	readonly enqueue?: readonly Operation[] | undefined;
	readonly jobs?: readonly NewJob[] | undefined;
}

export interface RecordedResult {
	/** True when the same octets were recorded before with the same or a better verification: nothing changed. */
	readonly repeated: boolean;
	/**
	 * Set on a repetition that names its operation for the first time: that has taken the event, and nothing else changed.
	 * Any other was recorded for an operation before, and what it means has happened there: it says nothing of that
	 * operation's next package, nor of another operation.
	 */
	readonly isNamedNow?: true;
	readonly operation?: Operation;
	/** Set when the operation could not take the event; the result is recorded all the same. */
	readonly refused?: DomainError;
}

export interface PackageStore {
	/**
	 * The package for a poll. An open package (sent, no verified result, not expired) is given again byte for byte.
	 * Otherwise the oldest queued operation is built: burning the counter, storing the bytes and moving the operation
	 * to `sent` are one transaction, and only then does this resolve. Two polls at once get the same package.
	 * What the eIM ordered for itself (readEuiccData of origin `eim`) goes first, also while another operation awaits
	 * verification.
	 */
	takeNextPackage(poll: Poll, build: BuildPackage): Promise<TakenPackage>;
	/** The package that an answer belongs to: by transaction id, else by counter, else the open one of that kind. */
	findPackage(
		eid: Eid,
		by: {
			eimTransactionId?: TransactionId | undefined;
			counter?: number | undefined;
			kind?: EimPackageKind | undefined;
		},
	): Promise<FoundPackage | undefined>;
	/** Whether a result that counts is there of a package that was handed out after this one, of another operation. */
	isOvertaken(eimPackage: Pick<EimPackage, "eid" | "operationId" | "eimTransactionId">): Promise<boolean>;
	/** Every package of an operation, oldest first (more than one after `packageDropped`). */
	listPackages(operationId: string): Promise<readonly EimPackage[]>;
	/** Idempotent: the same octets of the same device are recorded once. */
	recordResult(record: ResultRecord): Promise<RecordedResult>;
	/**
	 * Removes results of no operation that came before this moment, those that wait for certificates apart. Looks at some at
	 * a time, from the oldest on; `after` and the answer as with `removeOperations`.
	 */
	removeResults(before: number, after: number | undefined): Promise<number | undefined>;
	/** Oldest first; `verification` narrows it, for example to the kept ones. */
	listResults(eid: Eid, verification?: ResultVerification): Promise<readonly ReceivedResult[]>;
}

export interface RelayStore {
	/** False when the transaction id is in use already. */
	openSession(session: RspSession): Promise<boolean>;
	loadSession(transactionId: TransactionId): Promise<RspSession | undefined>;
	/** The newest session of a device that is not over. */
	findSession(eid: Eid, eimTransactionId?: TransactionId): Promise<RspSession | undefined>;
	/**
	 * Moves a session on and merges `details`; undefined when there is none or it may not take this step.
	 * `operationEvent` moves the session's operation in the same transaction.
	 */
	moveSession(
		transactionId: TransactionId,
		to: RspSessionState,
		change: {
			at: number;
			details?: Readonly<Record<string, string>> | undefined;
			operationEvent?: OperationEvent | undefined;
			jobs?: readonly NewJob[] | undefined;
		},
	): Promise<RspSession | undefined>;
	removeDeadSessions(now: number): Promise<void>;
}

export type NewJob = Pick<Job, "kind" | "reference" | "runAfter">;

export interface JobStore {
	/**
	 * Stores notifications with one delivery job each, before they are acknowledged. Known octets are left alone.
	 * @returns how many were new
	 */
	saveNotifications(notifications: readonly Notification[]): Promise<number>;
	loadNotification(id: string): Promise<Notification | undefined>;
	/** Newest first. */
	listNotifications(eid: Eid, page: PageRequest): Promise<Page<NotificationWithDelivery>>;
	/**
	 * One open job per kind and reference: a second is no second job. Of `RENEWED_JOBS` it makes the open one due when the
	 * second would be, should that be sooner; one that is under way keeps its lease and stays open after its end.
	 */
	saveJobs(jobs: readonly NewJob[], at: number): Promise<void>;
	/**
	 * Leases due jobs to this caller until `leasedUntil`; nobody else gets them before. `attempts` counts this try.
	 * A job whose worker died is due again when its lease ends.
	 */
	claimDueJobs(limit: number, now: number, leasedUntil: number, kinds?: readonly JobKind[]): Promise<readonly Job[]>;
	/** With `lease`, only while that is still the job's lease: nobody else has the job. A renewed job stays open. */
	completeJob(id: string, at: number, event?: NewEvent, lease?: number): Promise<void>;
	/**
	 * Puts a job that failed at `at` off until `runAfter`, or for when it was renewed, should that be sooner; without it the
	 * job is given up, with the error kept. `lease` as above.
	 */
	postponeJob(id: string, error: string, at: number, runAfter?: number, lease?: number): Promise<void>;
	/** As `postponeJob` for a job that is done again and again; `error` tells what the last time came to. */
	repeatJob(id: string, runAfter: number, error?: string, lease?: number): Promise<void>;
	/** The open job of this kind, if any. */
	findJob(kind: JobKind, reference: string): Promise<Job | undefined>;
	/**
	 * Removes jobs that were done or given up before this moment, some at a time, with the notifications that they
	 * delivered; `after` and the answer as with `removeOperations`.
	 */
	removeJobs(before: number, after: number | undefined): Promise<number | undefined>;
	/** Called after commits of this process that stored jobs; a hint to look, since other processes store jobs too. */
	onJobs(listener: () => void): () => void;
	/** The moment of the next due job, for whoever sleeps until then; of any kind when `kinds` is absent. */
	nextJobAt(kinds?: readonly JobKind[]): Promise<number | undefined>;
}

export interface WakeUpStore {
	/** Notes a wake-up before it is sent, with the device that its coming polls were asked for; false without such a device. */
	openWakeUp(wakeUp: WakeUp): Promise<boolean>;
	/** The wake-up after the change, which the event stream tells; undefined when it is not there any more. */
	changeWakeUp(id: string, change: WakeUpChange): Promise<WakeUp | undefined>;
	/** The same for what the way says later, by one of these names that it may have given it; the newest of several. */
	noteWakeUpReceipt(via: WakeUpVia, references: readonly string[], change: WakeUpChange): Promise<WakeUp | undefined>;
	/** Newest first. */
	listWakeUps(eid: Eid, page: PageRequest): Promise<Page<WakeUp>>;
	/** Removes what was sent before this moment, some at a time; `after` and the answer as with `removeOperations`. */
	removeWakeUps(before: number, after: number | undefined): Promise<number | undefined>;
}

export interface EventFilter {
	/** Only events after this id. */
	readonly after: number;
	readonly limit: number;
	readonly eid?: Eid | undefined;
	readonly types?: readonly EventType[] | undefined;
}

export interface EventStore {
	appendEvents(events: readonly NewEvent[]): Promise<void>;
	/** In the order of commits: an id once seen is never followed by a smaller one. */
	listEvents(filter: EventFilter): Promise<readonly Event[]>;
	lastEventId(): Promise<number>;
	/** Called after commits of this process that appended events; a hint to read, not the events themselves. */
	onEvents(listener: () => void): () => void;
	listAudit(page: PageRequest & { subject?: string | undefined }): Promise<Page<AuditEntry>>;
	removeEvents(before: number): Promise<void>;
}

export interface AccessStore {
	saveApiKey(key: ApiKey, audit: NewAuditEntry): Promise<void>;
	/** Saves the key only when there is none at all; false otherwise. For the first key of a new eIM. */
	saveFirstApiKey(key: ApiKey, audit: NewAuditEntry): Promise<boolean>;
	findApiKey(hash: string): Promise<ApiKey | undefined>;
	noteApiKeyUsed(id: string, at: number): Promise<void>;
	listApiKeys(): Promise<readonly ApiKey[]>;
	/** False when there is no such key or it is revoked already. */
	revokeApiKey(id: string, at: number, audit: NewAuditEntry): Promise<boolean>;
}
