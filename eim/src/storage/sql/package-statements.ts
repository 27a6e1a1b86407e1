import type { Kysely } from "kysely";
import type { Device } from "../../domain/device.ts";
import type { EimPackage } from "../../domain/eim-package.ts";
import { statement } from "./statement.ts";
import type { Tables } from "./tables.ts";

type Sql = Kysely<Tables>;

/** The statements of handing out packages and finding them again. */
export function makePackageStatements(sql: Sql) {
	const updatePolled = statement(sql, polledUpdate);
	const insertPackage = statement(sql, packageInsert);
	return {
		notePoll: (device: Device) =>
			updatePolled({
				eid: device.eid,
				counter: device.counter,
				lastPollAt: device.lastPollAt ?? null,
				lastRplmn: device.lastRplmn ?? null,
				cause: device.lastStateChangeCause ?? null,
				changedAt: device.lastStateChangeAt ?? null,
				wakings: device.wakings ? JSON.stringify(device.wakings) : null,
				link: device.lastLink ?? null,
				linkAt: device.lastLinkAt ?? null,
			}),
		storePackage: (eimPackage: EimPackage) =>
			insertPackage({
				operationId: eimPackage.operationId,
				eid: eimPackage.eid,
				kind: eimPackage.kind,
				bytes: eimPackage.bytes,
				associationToken: eimPackage.associationToken ?? 0,
				counter: eimPackage.counter ?? null,
				eimTransactionId: eimPackage.eimTransactionId,
				firstSentAt: eimPackage.firstSentAt,
			}),
		noteInjection: statement(sql, injectionNote),
		lastOfOperation: statement(sql, (db, p: { eid: string; operationId: string }) =>
			newest(db).where("eid", "=", p.eid).where("operation_id", "=", p.operationId),
		),
		byTransaction: statement(sql, (db, p: { eid: string; eimTransactionId: string }) =>
			newest(db).where("eid", "=", p.eid).where("eim_transaction_id", "=", p.eimTransactionId),
		),
		byCounter: statement(sql, (db, p: { eid: string; counter: number }) =>
			newest(db).where("eid", "=", p.eid).where("counter", "=", p.counter),
		),
		laterResult: statement(sql, laterResult),
		openOfKind: statement(sql, (db, p: { eid: string; kind: string }) =>
			db
				.selectFrom("packages")
				.selectAll("packages")
				.innerJoin("operations", "operations.id", "packages.operation_id")
				.where("packages.eid", "=", p.eid)
				.where("operations.finished_at", "is", null)
				.where("operations.state", "!=", "queued")
				.where("packages.kind", "=", p.kind)
				.orderBy("packages.seq", "desc")
				.limit(1),
		),
	};
}

/** An injection takes all that waits by now: for that it need not be done again. */
const injectionNote = (db: Sql, p: { eid: string; at: number }) =>
	db
		.updateTable("jobs")
		.set({ renewed_for: null })
		.where("kind", "=", "packageInjection")
		.where("reference", "=", p.eid)
		.where("completed_at", "is", null)
		.where("renewed_for", "<=", p.at);

interface OfPackage extends Record<string, unknown> {
	readonly eid: string;
	readonly operationId: string;
	readonly eimTransactionId: string;
}

/** A result that counts, of a package of another operation that was stored after this one. */
const laterResult = (db: Sql, p: OfPackage) =>
	db
		.selectFrom("packages")
		.select("packages.seq")
		.innerJoin("received_results", (join) =>
			join
				.onRef("received_results.eid", "=", "packages.eid")
				.onRef("received_results.operation_id", "=", "packages.operation_id"),
		)
		.where("packages.eid", "=", p.eid)
		.where("packages.operation_id", "!=", p.operationId)
		.where("received_results.verification", "in", ["verified", "accepted-unverified"])
		.where("packages.seq", ">", (eb) =>
			eb
				.selectFrom("packages as this")
				.select("this.seq")
				.where("this.eid", "=", p.eid)
				.where("this.eim_transaction_id", "=", p.eimTransactionId)
				.orderBy("this.seq", "desc")
				.limit(1),
		)
		.limit(1);

const newest = (db: Sql) => db.selectFrom("packages").selectAll().orderBy("seq", "desc").limit(1);

interface PolledUpdate extends Record<string, unknown> {
	readonly eid: string;
	readonly counter: number;
	readonly lastPollAt: number | null;
	readonly lastRplmn: string | null;
	readonly cause: number | null;
	readonly changedAt: number | null;
	readonly wakings: string | null;
	readonly link: string | null;
	readonly linkAt: number | null;
}

const polledUpdate = (db: Sql, p: PolledUpdate) =>
	db
		.updateTable("devices")
		.set({
			counter: p.counter,
			last_poll_at: p.lastPollAt,
			last_rplmn: p.lastRplmn,
			last_state_change_cause: p.cause,
			last_state_change_at: p.changedAt,
			wakings: p.wakings,
			last_link: p.link,
			last_link_at: p.linkAt,
		})
		.where("eid", "=", p.eid);

interface PackageInsert extends Record<string, unknown> {
	readonly operationId: string;
	readonly eid: string;
	readonly kind: string;
	readonly bytes: Uint8Array;
	readonly associationToken: number;
	readonly counter: number | null;
	readonly eimTransactionId: string;
	readonly firstSentAt: number;
}

const packageInsert = (db: Sql, p: PackageInsert) =>
	db.insertInto("packages").values({
		operation_id: p.operationId,
		eid: p.eid,
		kind: p.kind,
		bytes: p.bytes,
		association_token: p.associationToken,
		counter: p.counter,
		eim_transaction_id: p.eimTransactionId,
		first_sent_at: p.firstSentAt,
	});
