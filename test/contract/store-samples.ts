import type { NewAuditEntry } from "@iot-esim/eim/domain/audit-entry";
import { newDevice } from "@iot-esim/eim/domain/device";
import type { Notification } from "@iot-esim/eim/domain/notification";
import type { Operation } from "@iot-esim/eim/domain/operation";
import type { Profile } from "@iot-esim/eim/domain/profile";
import type { ReceivedResult } from "@iot-esim/eim/domain/received-result";
import type { BuildPackage, Store } from "@iot-esim/eim/storage/store";
import { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { utf8 } from "@iot-esim/shared/util/bytes";

/** The moment at which the samples begin; tests count on from it. */
export const START = Date.UTC(2026, 0, 1);
export const DAY = 86_400_000;

export const audit: NewAuditEntry = { at: START, actor: "test", action: "test.done", subject: "test", facts: {} };

/** The EID number `n` of the samples. */
export function eidOf(n: number): Eid {
	return Eid.withCheckDigits(`890490320000000000000000${String(n).padStart(6, "0")}`);
}

export function iccidOf(n: number): Iccid {
	return Iccid(`894900000000000${String(n).padStart(4, "0")}`);
}

/** Registers a sample device and gives its EID. */
export async function registered(store: Store, n = 1): Promise<Eid> {
	await store.registerDevice(newDevice({ eid: eidOf(n), at: START, counter: 0 }), audit);
	return eidOf(n);
}

export function listProfiles(id: string, eid: Eid, extra: Partial<Operation> = {}): Operation {
	return {
		type: "listProfiles",
		parameters: {},
		id,
		eid,
		tenantId: "default",
		origin: "operator",
		state: "queued",
		createdAt: START,
		updatedAt: START,
		expiresAt: START + DAY,
		...extra,
	} as Operation;
}

export function readEuiccData(id: string, eid: Eid): Operation {
	return { ...listProfiles(id, eid), type: "readEuiccData", parameters: {}, origin: "eim" } as Operation;
}

/** A "signature" that tells what was signed; each call gives other bytes, as ECDSA does. */
export function signer(): BuildPackage & { calls: number } {
	const build = Object.assign(
		(({ operation, counter }) => ({
			kind: "euiccPackage",
			bytes: utf8(`package of ${operation.id} with counter ${counter}, signature ${++build.calls}`),
			counter,
			eimTransactionId: transactionOf(operation.id, counter),
		})) as BuildPackage,
		{ calls: 0 },
	);
	return build;
}

export function transactionOf(operationId: string, counter: number): TransactionId {
	return TransactionId.fromBytes(utf8(`${operationId}/${counter}`.padStart(16, ".").slice(-16)));
}

export function result(eid: Eid, operationId: string, extra: Partial<ReceivedResult> = {}): ReceivedResult {
	return {
		eid,
		operationId,
		seqNumber: 7,
		bytes: utf8(`result of ${operationId}`),
		verification: "verified",
		receivedAt: START + 10,
		...extra,
	};
}

export function notification(eid: Eid, n: number): Notification {
	return {
		id: `notification-${n}`,
		eid,
		bytes: utf8(`notification ${n}`),
		address: "smdp.example.com",
		seqNumber: n,
		event: "install",
		iccid: iccidOf(n),
		receivedAt: START + n,
	};
}

export function profile(eid: Eid, n: number, extra: Partial<Profile> = {}): Profile {
	return { eid, iccid: iccidOf(n), state: "disabled", profileClass: "operational", updatedAt: START, ...extra };
}
