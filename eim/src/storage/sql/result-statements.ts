import type { Insertable, Kysely } from "kysely";
import type { Profile } from "../../domain/profile.ts";
import { fromProfile } from "./rows.ts";
import { statement } from "./statement.ts";
import type { Tables } from "./tables.ts";

type Sql = Kysely<Tables>;

/** The statements of recording what a device sent. */
export function makeResultStatements(sql: Sql) {
	const upsertProfile = statement(sql, profileUpsert);
	return {
		insertResult: statement(sql, resultInsert),
		sameResult: statement(sql, (db, p: { eid: string; digest: Uint8Array }) =>
			db
				.selectFrom("received_results")
				.select(["seq", "verification", "operation_id"])
				.where("eid", "=", p.eid)
				.where("digest", "=", p.digest),
		),
		judgeResult: statement(sql, (db, p: { seq: number; verification: string; operationId: string | null }) =>
			db
				.updateTable("received_results")
				.set({ verification: p.verification, operation_id: p.operationId })
				.where("seq", "=", p.seq),
		),
		profilesOf: statement(sql, (db, p: { eid: string }) =>
			db.selectFrom("profiles").selectAll().where("eid", "=", p.eid),
		),
		deleteProfile: statement(sql, (db, p: { eid: string; iccid: string }) =>
			db.deleteFrom("profiles").where("eid", "=", p.eid).where("iccid", "=", p.iccid),
		),
		storeProfile: (profile: Profile) => upsertProfile({ ...fromProfile(profile) }),
	};
}

interface ResultInsert extends Record<string, unknown> {
	readonly eid: string;
	readonly digest: Uint8Array;
	readonly operationId: string | null;
	readonly seqNumber: number | null;
	readonly bytes: Uint8Array;
	readonly verification: string;
	readonly receivedAt: number;
}

const resultInsert = (db: Sql, p: ResultInsert) =>
	db
		.insertInto("received_results")
		.values({
			eid: p.eid,
			digest: p.digest,
			operation_id: p.operationId,
			seq_number: p.seqNumber,
			bytes: p.bytes,
			verification: p.verification,
			received_at: p.receivedAt,
		})
		.onConflict((conflict) => conflict.columns(["eid", "digest"]).doNothing())
		.returning("seq");

const profileUpsert = (db: Sql, p: Insertable<Tables["profiles"]> & Record<string, unknown>) => {
	const row = {
		state: p.state,
		profile_class: p.profile_class,
		isdp_aid: p.isdp_aid,
		nickname: p.nickname,
		service_provider_name: p.service_provider_name,
		profile_name: p.profile_name,
		is_fallback: p.is_fallback,
		may_become_fallback: p.may_become_fallback,
		updated_at: p.updated_at,
	};
	return db
		.insertInto("profiles")
		.values({ eid: p.eid, iccid: p.iccid, ...row })
		.onConflict((conflict) => conflict.columns(["eid", "iccid"]).doUpdateSet(row));
};
