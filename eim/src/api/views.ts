/** What the API shows of the domain: ISO times, hex octets, no secrets. */

import { toHex } from "@iot-esim/shared/util/bytes";
import type { ApiKey } from "../domain/api-key.ts";
import type { AuditEntry } from "../domain/audit-entry.ts";
import type { Device } from "../domain/device.ts";
import type { Event } from "../domain/event.ts";
import type { NotificationWithDelivery } from "../domain/notification.ts";
import type { Operation } from "../domain/operation.ts";
import { plmnOf } from "../domain/plmn.ts";
import type { Profile } from "../domain/profile.ts";
import type { SeenUnknown } from "../domain/seen-unknown.ts";
import type { SmdsPolling } from "../domain/smds-polling.ts";
import type { ExplainedOperation, LastAttempt } from "./last-attempts.ts";

const time = (at: number) => new Date(at).toISOString();
const maybe = <K extends string, T, V>(key: K, value: T | undefined, show: (value: T) => V) =>
	(value === undefined ? {} : { [key]: show(value) }) as { [P in K]?: V };
const same = <T>(value: T) => value;

export const deviceView = (device: Device) => ({
	eid: device.eid,
	name: device.name,
	tags: device.tags,
	...maybe("labMode", device.labMode, same),
	acceptUnverified: device.acceptUnverified,
	dialect: device.dialect,
	...maybe("associationToken", device.associationToken, same),
	counter: device.counter,
	association: device.releasedAt === undefined ? ("associated" as const) : ("released" as const),
	...maybe("releasedAt", device.releasedAt, time),
	...maybe("signingKeyId", device.signingKeyId, same),
	...maybe("tlsTrustId", device.tlsTrustId, same),
	...maybe("inject", device.inject, ({ url, binding }) => ({ url, binding })),
	...maybe("smdsPolling", device.smdsPolling, (polling) => smdsPollingView(polling)),
	...maybe("cardEims", device.cardEims, (eims) => [...eims]),
	...maybe("immediateEnable", device.immediateEnable, same),
	hasCertificates: device.euiccCertificate !== undefined && device.eumCertificate !== undefined,
	...maybe("euiccInfo1", device.euiccInfo1, toHex),
	...maybe("euiccInfo2", device.euiccInfo2, toHex),
	...maybe("ipaCapabilities", device.ipaCapabilities, toHex),
	...maybe("deviceInfo", device.deviceInfo, toHex),
	...maybe("rulesAuthorisationTable", device.rulesAuthorisationTable, toHex),
	...maybe("defaultSmdpAddress", device.defaultSmdpAddress, same),
	...maybe("rootSmdsAddress", device.rootSmdsAddress, same),
	...maybe("lastPollAt", device.lastPollAt, time),
	...maybe("lastLink", device.lastLink, same),
	...maybe("lastLinkAt", device.lastLinkAt, time),
	...maybe("lastRplmn", device.lastRplmn, same),
	...maybe("lastNetwork", device.lastRplmn === undefined ? undefined : plmnOf(device.lastRplmn), same),
	...maybe("lastStateChangeCause", device.lastStateChangeCause, same),
	createdAt: time(device.createdAt),
});

/** @param last the last question that is over */
export const smdsPollingView = ({ every, address }: SmdsPolling, nextAt?: number, last?: Operation) => ({
	every: every / 1000,
	...maybe("address", address, same),
	...maybe("nextAt", nextAt, time),
	...maybe("lastOperationId", last?.id, same),
	...maybe("lastError", last?.state === "failed" || last?.state === "expired" ? last.reason?.text : undefined, same),
});

export const profileView = ({ eid: _eid, updatedAt, ...profile }: Profile) => ({
	...profile,
	updatedAt: time(updatedAt),
});

export const operationView = (operation: ExplainedOperation) => ({
	id: operation.id,
	eid: operation.eid,
	type: operation.type,
	parameters: {
		...operation.parameters,
		...("confirmationCode" in operation.parameters ? { confirmationCode: "***" } : {}),
	},
	origin: operation.origin,
	state: operation.state,
	...maybe("reason", operation.reason?.text, same),
	...maybe("code", operation.reason?.code, same),
	...maybe("outcome", operation.outcome, same),
	createdAt: time(operation.createdAt),
	updatedAt: time(operation.updatedAt),
	...maybe("sentAt", operation.sentAt, time),
	...maybe("finishedAt", operation.finishedAt, time),
	expiresAt: time(operation.expiresAt),
	...maybe("heldUntil", operation.heldUntil, time),
	...maybe("lastAttempts", operation.lastAttempts, (attempts) => attempts.map(attemptView)),
});

const attemptView = ({ at, nextAt, ...attempt }: LastAttempt) => ({
	...attempt,
	...maybe("at", at, time),
	...maybe("nextAt", nextAt, time),
});

export const notificationView = (notification: NotificationWithDelivery) => {
	const { completedAt, lastError, attempts, runAfter } = notification;
	const state = completedAt === undefined ? "waiting" : lastError === undefined ? "delivered" : "givenUp";
	return {
		id: notification.id,
		seqNumber: notification.seqNumber,
		event: notification.event,
		...maybe("iccid", notification.iccid, same),
		address: notification.address,
		receivedAt: time(notification.receivedAt),
		delivery: {
			state: state as "waiting" | "delivered" | "givenUp",
			attempts,
			...(state === "waiting" ? { nextAttemptAt: time(runAfter) } : {}),
			...maybe("completedAt", completedAt, time),
			...maybe("lastError", lastError, same),
		},
	};
};

export const eventView = (event: Event) => ({ ...event, at: time(event.at) });

export const auditView = (entry: AuditEntry) => ({ ...entry, at: time(entry.at) });

export const seenUnknownView = (seen: SeenUnknown) => ({
	...seen,
	firstSeenAt: time(seen.firstSeenAt),
	lastSeenAt: time(seen.lastSeenAt),
});

export const apiKeyView = ({ hash: _hash, createdAt, lastUsedAt, revokedAt, ...key }: ApiKey) => ({
	...key,
	createdAt: time(createdAt),
	...maybe("lastUsedAt", lastUsedAt, time),
	...maybe("revokedAt", revokedAt, time),
});
