/**
 * A process that works on a store and kills itself (SIGKILL) at the point that it is told, so that a test sees what is
 * left. It prints what leaves the process: a package handed out, a result acknowledged.
 * Arguments: file or PostgreSQL URL, number of the point to die at (0: never).
 */

import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { newDevice } from "@iot-esim/eim/domain/device";
import { openStore } from "@iot-esim/eim/storage/open-store";
import type { Store } from "@iot-esim/eim/storage/store";
import { Eid } from "@iot-esim/shared/ids/eid";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { toHex, utf8 } from "@iot-esim/shared/util/bytes";

const DEVICES = 3;
const ROUNDS = 3;
const [location = "", dieAt = "0"] = process.argv.slice(2);
const audit = { at: 1, actor: "test", action: "test.done", subject: "test", facts: {} };
let points = 0;

function point(): void {
	if (++points === Number(dieAt)) process.kill(process.pid, "SIGKILL");
}

function print(line: object): void {
	writeSync(1, `${JSON.stringify(line)}\n`);
}

async function cycle(store: Store, eid: Eid, round: number): Promise<void> {
	const id = `${eid}-${round}`;
	if (!(await store.loadOperation(id))) {
		await store.enqueueOperation(
			{
				type: "listProfiles",
				parameters: {},
				id,
				eid,
				tenantId: "default",
				origin: "operator",
				state: "queued",
				createdAt: 1,
				updatedAt: 1,
				expiresAt: Number.MAX_SAFE_INTEGER,
			},
			audit,
		);
		point();
	}
	const taken = await store.takeNextPackage({ eid, at: 2 }, async ({ operation, counter }) => {
		point();
		// A signature that takes its time, and is never the same twice.
		await new Promise((resolve) => setImmediate(resolve));
		point();
		const bytes = utf8(`${operation.id} ${counter} ${randomBytes(8).toString("hex")}`);
		return {
			kind: "euiccPackage",
			bytes,
			counter,
			eimTransactionId: TransactionId.fromBytes(new Uint8Array(randomBytes(16))),
		};
	});
	point();
	if (taken.kind !== "package") return;
	print({ sent: { eid, counter: taken.package.counter, bytes: toHex(taken.package.bytes) } });
	point();
	const { operationId } = taken.package;
	const recorded = store.recordResult({
		result: {
			eid,
			operationId,
			seqNumber: round,
			bytes: utf8(`result of ${operationId}`),
			verification: "verified",
			receivedAt: 3,
		},
		operationEvent: { kind: "succeeded", at: 3 },
	});
	point();
	await recorded;
	point();
	print({ acknowledged: { eid, operationId } });
}

const store = await openStore(
	location.startsWith("postgres:") ? { databaseUrl: location, file: "" } : { file: location },
);
const eids = Array.from({ length: DEVICES }, (_, i) => Eid.withCheckDigits(`8904903200000000000000000000${10 + i}`));
for (const eid of eids) await store.registerDevice(newDevice({ eid, at: 1 }), audit);
point();
for (let round = 1; round <= ROUNDS; round++) await Promise.all(eids.map((eid) => cycle(store, eid, round)));
await store.close();
print({ done: { points, operations: eids.flatMap((eid) => [1, 2, 3].map((round) => `${eid}-${round}`)) } });
