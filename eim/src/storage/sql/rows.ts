/** Rows of the tables to values of the domain and back. */

import type { Eid } from "@iot-esim/shared/ids/eid";
import type { Iccid } from "@iot-esim/shared/ids/iccid";
import type { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import type { Insertable, Selectable } from "kysely";
import type { ApiKey } from "../../domain/api-key.ts";
import type { AwakeRule, Wakings } from "../../domain/awake.ts";
import type { Device, Dialect, InjectAddress } from "../../domain/device.ts";
import type { DeviceLink } from "../../domain/device-link.ts";
import type { EimPackage, EimPackageKind } from "../../domain/eim-package.ts";
import type { ImmediateEnable } from "../../domain/euicc-command.ts";
import type { Event, EventType } from "../../domain/event.ts";
import type { Job, JobKind } from "../../domain/job.ts";
import type { Notification, NotificationEvent } from "../../domain/notification.ts";
import type { Operation, OperationOrder, OperationState } from "../../domain/operation.ts";
import type { Profile, ProfileClass, ProfileState } from "../../domain/profile.ts";
import type { ReceivedResult, ResultVerification } from "../../domain/received-result.ts";
import type { RspSession, RspSessionState } from "../../domain/rsp-session.ts";
import type { DownloadedEvent, SmdsPolling } from "../../domain/smds-polling.ts";
import type { WakeUp, WakeUpAddress, WakeUpState, WakeUpVia } from "../../domain/wake-up.ts";
import type { Tables } from "./tables.ts";

type Row<T extends keyof Tables> = Selectable<Tables[T]>;

/** The value without the keys that hold null or undefined: absent is absent, not undefined. */
type Present<T> = { [K in keyof T as null extends T[K] ? never : K]: T[K] } & {
	[K in keyof T as null extends T[K] ? K : never]?: NonNullable<T[K]>;
};

function present<T extends object>(value: T): Present<T> {
	const kept: Record<string, unknown> = {};
	for (const [key, one] of Object.entries(value)) if (one !== null && one !== undefined) kept[key] = one;
	return kept as Present<T>;
}

export function octets(value: ArrayBuffer | Uint8Array): Uint8Array {
	if (value instanceof ArrayBuffer) return new Uint8Array(value);
	return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

const octetsOrNull = (value: ArrayBuffer | Uint8Array | null) => (value === null ? null : octets(value));

export function toDevice(row: Row<"devices">): Device {
	return present({
		eid: row.eid as Eid,
		tenantId: row.tenant_id,
		name: row.name,
		tags: JSON.parse(row.tags) as Record<string, string>,
		labMode: row.lab_mode,
		acceptUnverified: row.accept_unverified === 1,
		dialect: JSON.parse(row.dialect) as Dialect,
		associationToken: row.association_token,
		counter: row.counter,
		euiccCertificate: octetsOrNull(row.euicc_certificate),
		eumCertificate: octetsOrNull(row.eum_certificate),
		euiccInfo1: octetsOrNull(row.euicc_info1),
		euiccInfo2: octetsOrNull(row.euicc_info2),
		ipaCapabilities: octetsOrNull(row.ipa_capabilities),
		deviceInfo: octetsOrNull(row.device_info),
		rulesAuthorisationTable: octetsOrNull(row.rules_authorisation_table),
		defaultSmdpAddress: row.default_smdp_address,
		rootSmdsAddress: row.root_smds_address,
		lastPollAt: row.last_poll_at,
		lastRplmn: row.last_rplmn,
		lastStateChangeCause: row.last_state_change_cause,
		signingKeyId: row.signing_key_id,
		tlsTrustId: row.tls_trust_id,
		releasedAt: row.released_at,
		cardEims: row.card_eims === null ? null : (JSON.parse(row.card_eims) as NonNullable<Device["cardEims"]>),
		immediateEnable: row.immediate_enable === null ? null : (JSON.parse(row.immediate_enable) as ImmediateEnable),
		inject: row.inject === null ? null : (JSON.parse(row.inject) as InjectAddress),
		smdsPolling: row.smds_polling === null ? null : (JSON.parse(row.smds_polling) as SmdsPolling),
		downloadedEvents:
			row.downloaded_events === null ? null : (JSON.parse(row.downloaded_events) as readonly DownloadedEvent[]),
		wakeUp: row.wake_up === null ? null : (JSON.parse(row.wake_up) as WakeUpAddress),
		awake: row.awake === null ? null : (JSON.parse(row.awake) as AwakeRule),
		wakings: row.wakings === null ? null : toWakings(row.wakings),
		lastStateChangeAt: row.last_state_change_at,
		lastLink: row.last_link as DeviceLink | null,
		lastLinkAt: row.last_link_at,
		createdAt: row.created_at,
	});
}

export const toWakings = (text: string) => JSON.parse(text) as Wakings;

/** All columns but the version, which is of the row and not of the device. */
export function fromDevice(device: Device): Omit<Insertable<Tables["devices"]>, "version"> {
	return {
		eid: device.eid,
		tenant_id: device.tenantId,
		name: device.name,
		tags: JSON.stringify(device.tags),
		lab_mode: device.labMode ?? null,
		accept_unverified: device.acceptUnverified ? 1 : 0,
		dialect: JSON.stringify(device.dialect),
		association_token: device.associationToken ?? null,
		counter: device.counter,
		euicc_certificate: device.euiccCertificate ?? null,
		eum_certificate: device.eumCertificate ?? null,
		euicc_info1: device.euiccInfo1 ?? null,
		euicc_info2: device.euiccInfo2 ?? null,
		ipa_capabilities: device.ipaCapabilities ?? null,
		device_info: device.deviceInfo ?? null,
		rules_authorisation_table: device.rulesAuthorisationTable ?? null,
		default_smdp_address: device.defaultSmdpAddress ?? null,
		root_smds_address: device.rootSmdsAddress ?? null,
		last_poll_at: device.lastPollAt ?? null,
		last_rplmn: device.lastRplmn ?? null,
		last_state_change_cause: device.lastStateChangeCause ?? null,
		signing_key_id: device.signingKeyId ?? null,
		tls_trust_id: device.tlsTrustId ?? null,
		released_at: device.releasedAt ?? null,
		card_eims: device.cardEims ? JSON.stringify(device.cardEims) : null,
		immediate_enable: device.immediateEnable ? JSON.stringify(device.immediateEnable) : null,
		inject: device.inject ? JSON.stringify(device.inject) : null,
		smds_polling: device.smdsPolling ? JSON.stringify(device.smdsPolling) : null,
		downloaded_events: device.downloadedEvents ? JSON.stringify(device.downloadedEvents) : null,
		wake_up: device.wakeUp ? JSON.stringify(device.wakeUp) : null,
		awake: device.awake ? JSON.stringify(device.awake) : null,
		wakings: device.wakings ? JSON.stringify(device.wakings) : null,
		last_state_change_at: device.lastStateChangeAt ?? null,
		last_link: device.lastLink ?? null,
		last_link_at: device.lastLinkAt ?? null,
		created_at: device.createdAt,
	};
}

export function toProfile(row: Row<"profiles">): Profile {
	return present({
		eid: row.eid as Eid,
		iccid: row.iccid as Iccid,
		state: row.state as ProfileState,
		profileClass: row.profile_class as ProfileClass,
		isdpAid: row.isdp_aid,
		nickname: row.nickname,
		serviceProviderName: row.service_provider_name,
		profileName: row.profile_name,
		isFallback: row.is_fallback === null ? null : row.is_fallback === 1,
		mayBecomeFallback: row.may_become_fallback === null ? null : row.may_become_fallback === 1,
		updatedAt: row.updated_at,
	});
}

const flag = (value: boolean | undefined) => (value === undefined ? null : value ? 1 : 0);

export function fromProfile(profile: Profile): Insertable<Tables["profiles"]> {
	return {
		eid: profile.eid,
		iccid: profile.iccid,
		state: profile.state,
		profile_class: profile.profileClass,
		isdp_aid: profile.isdpAid ?? null,
		nickname: profile.nickname ?? null,
		service_provider_name: profile.serviceProviderName ?? null,
		profile_name: profile.profileName ?? null,
		is_fallback: flag(profile.isFallback),
		may_become_fallback: flag(profile.mayBecomeFallback),
		updated_at: profile.updatedAt,
	};
}

export function toOperation(row: Row<"operations">): Operation {
	const order = { type: row.type, parameters: JSON.parse(row.parameters) } as OperationOrder;
	const rest = present({
		id: row.id,
		eid: row.eid as Eid,
		tenantId: row.tenant_id,
		origin: row.origin as Operation["origin"],
		state: row.state as OperationState,
		reason: row.reason_text === null ? null : present({ text: row.reason_text, code: row.reason_code }),
		outcome: row.outcome === null ? null : (JSON.parse(row.outcome) as NonNullable<Operation["outcome"]>),
		createdAt: row.created_at,
		updatedAt: row.updated_at,
		sentAt: row.sent_at,
		finishedAt: row.finished_at,
		expiresAt: row.expires_at,
		heldUntil: row.held_until,
		idempotencyKey: row.idempotency_key,
	});
	return { ...order, ...rest };
}

export function fromOperation(operation: Operation): Insertable<Tables["operations"]> {
	return {
		id: operation.id,
		eid: operation.eid,
		tenant_id: operation.tenantId,
		origin: operation.origin,
		type: operation.type,
		parameters: JSON.stringify(operation.parameters),
		state: operation.state,
		reason_text: operation.reason?.text ?? null,
		reason_code: operation.reason?.code ?? null,
		outcome: operation.outcome ? JSON.stringify(operation.outcome) : null,
		created_at: operation.createdAt,
		updated_at: operation.updatedAt,
		sent_at: operation.sentAt ?? null,
		finished_at: operation.finishedAt ?? null,
		expires_at: operation.expiresAt,
		held_until: operation.heldUntil ?? null,
		idempotency_key: operation.idempotencyKey ?? null,
	};
}

export function toPackage(row: Row<"packages">): EimPackage {
	return present({
		operationId: row.operation_id,
		eid: row.eid as Eid,
		kind: row.kind as EimPackageKind,
		bytes: octets(row.bytes),
		counter: row.counter,
		associationToken: row.kind === "euiccPackage" ? row.association_token : null,
		eimTransactionId: row.eim_transaction_id as TransactionId,
		firstSentAt: row.first_sent_at,
	});
}

export function toReceivedResult(row: Row<"received_results">): ReceivedResult {
	return present({
		eid: row.eid as Eid,
		operationId: row.operation_id,
		seqNumber: row.seq_number,
		bytes: octets(row.bytes),
		verification: row.verification as ResultVerification,
		receivedAt: row.received_at,
	});
}

export function toNotification(row: Row<"notifications">): Notification {
	return present({
		id: row.id,
		eid: row.eid as Eid,
		bytes: octets(row.bytes),
		address: row.address,
		seqNumber: row.seq_number,
		event: row.event as NotificationEvent,
		iccid: row.iccid as Iccid | null,
		receivedAt: row.received_at,
	});
}

export function toJob(row: Row<"jobs">): Job {
	return present({
		id: String(row.seq),
		kind: row.kind as JobKind,
		reference: row.reference,
		attempts: row.attempts,
		runAfter: row.run_after,
		leasedUntil: row.leased_until,
		lastError: row.last_error,
		completedAt: row.completed_at,
		createdAt: row.created_at,
	});
}

export function toWakeUp(row: Row<"wake_ups">): WakeUp {
	return present({
		id: row.id,
		eid: row.eid as Eid,
		via: row.via as WakeUpVia,
		state: row.state as WakeUpState,
		waiting: row.waiting,
		reference: row.reference,
		error: row.error_text,
		createdAt: row.created_at,
		updatedAt: row.updated_at,
	});
}

export function fromWakeUp(wakeUp: WakeUp): Insertable<Tables["wake_ups"]> {
	return {
		id: wakeUp.id,
		eid: wakeUp.eid,
		via: wakeUp.via,
		state: wakeUp.state,
		waiting: wakeUp.waiting,
		reference: wakeUp.reference ?? null,
		error_text: wakeUp.error ?? null,
		created_at: wakeUp.createdAt,
		updated_at: wakeUp.updatedAt,
	};
}

export function toSession(row: Row<"rsp_sessions">): RspSession {
	return present({
		transactionId: row.transaction_id as TransactionId,
		eid: row.eid as Eid,
		eimTransactionId: row.eim_transaction_id as TransactionId | null,
		operationId: row.operation_id,
		smdpAddress: row.smdp_address,
		state: row.state as RspSessionState,
		details: JSON.parse(row.details) as Record<string, string>,
		createdAt: row.created_at,
		updatedAt: row.updated_at,
		expiresAt: row.expires_at,
	});
}

export function toEvent(row: Row<"events">): Event {
	return present({
		id: row.id,
		at: row.at,
		type: row.type as EventType,
		eid: row.eid as Eid | null,
		operationId: row.operation_id,
		facts: JSON.parse(row.facts) as Event["facts"],
	});
}

export function toApiKey(row: Row<"api_keys">): ApiKey {
	return present({
		id: row.id,
		name: row.name,
		readOnly: row.read_only === 1,
		hash: row.hash,
		createdAt: row.created_at,
		lastUsedAt: row.last_used_at,
		revokedAt: row.revoked_at,
	});
}

export function fromSession(session: RspSession): Insertable<Tables["rsp_sessions"]> {
	return {
		transaction_id: session.transactionId,
		eid: session.eid,
		eim_transaction_id: session.eimTransactionId ?? null,
		operation_id: session.operationId ?? null,
		smdp_address: session.smdpAddress,
		state: session.state,
		details: JSON.stringify(session.details),
		created_at: session.createdAt,
		updated_at: session.updatedAt,
		expires_at: session.expiresAt,
	};
}

export function fromApiKey(key: ApiKey): Insertable<Tables["api_keys"]> {
	return {
		id: key.id,
		name: key.name,
		read_only: key.readOnly ? 1 : 0,
		hash: key.hash,
		created_at: key.createdAt,
		last_used_at: key.lastUsedAt ?? null,
		revoked_at: key.revokedAt ?? null,
	};
}
