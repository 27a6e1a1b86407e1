import { all, first, run, type SqlEngine, type Step } from "./engine.ts";

/** So many operations are looked at in one transaction: others wait no longer than that takes. */
const LOOKED_AT_ONCE = 500;

/**
 * One step through rows in the order of their making, up to the first that is not old enough.
 * @returns where the next step goes on; undefined when all old ones were seen
 */
function* stepThrough<Row extends { readonly seq: number }>(
	rows: readonly Row[],
	isOld: (row: Row) => boolean,
	remove: (row: Row) => Step<void>,
): Step<number | undefined> {
	for (const row of rows) {
		if (!isOld(row)) return undefined;
		yield* remove(row);
	}
	return rows.length < LOOKED_AT_ONCE ? undefined : rows.at(-1)?.seq;
}

/**
 * Removes operations that have had their day, and what is kept for them. The oldest come first, and an operation ends
 * no sooner than it was created: at the first one created since, all older ones have been seen.
 */
export function* removeOperations(
	{ sql }: SqlEngine,
	before: number,
	after: number | undefined,
): Step<number | undefined> {
	const rows = yield* all(
		sql
			.selectFrom("operations")
			.select(["seq", "id", "eid", "created_at", "finished_at"])
			.where("seq", ">", after ?? 0)
			.orderBy("seq")
			.limit(LOOKED_AT_ONCE)
			.compile(),
	);
	return yield* stepThrough(
		rows,
		(row) => row.created_at < before,
		function* ({ id, eid, finished_at: finishedAt }) {
			if (finishedAt === null || finishedAt >= before) return;
			// The package with the newest counter stays: it is the last defence against giving that counter out again.
			const newest = sql.selectFrom("devices").select("devices.counter").where("devices.eid", "=", eid);
			const packages = sql.selectFrom("packages").select("seq").where("eid", "=", eid).where("operation_id", "=", id);
			if (yield* first(packages.where("counter", "=", newest).limit(1).compile())) return;
			yield* run(sql.deleteFrom("packages").where("eid", "=", eid).where("operation_id", "=", id).compile());
			const results = sql.deleteFrom("received_results").where("eid", "=", eid);
			yield* run(results.where("operation_id", "=", id).where("verification", "!=", "kept").compile());
			yield* run(sql.deleteFrom("operations").where("id", "=", id).compile());
		},
	);
}

/** Removes what devices sent that belongs to no operation, when it has had its day. */
export function* removeResults(
	{ sql }: SqlEngine,
	before: number,
	after: number | undefined,
): Step<number | undefined> {
	const rows = yield* all(
		sql
			.selectFrom("received_results")
			.select(["seq", "operation_id", "verification", "received_at"])
			.where("seq", ">", after ?? 0)
			.orderBy("seq")
			.limit(LOOKED_AT_ONCE)
			.compile(),
	);
	return yield* stepThrough(
		rows,
		(row) => row.received_at < before,
		function* ({ seq, operation_id: operationId, verification }) {
			if (operationId !== null || verification === "kept") return;
			yield* run(sql.deleteFrom("received_results").where("seq", "=", seq).compile());
		},
	);
}

/** Removes jobs that are done or given up since long ago, the oldest first, and the notifications that they delivered. */
export function* removeJobs({ sql }: SqlEngine, before: number, after: number | undefined): Step<number | undefined> {
	const rows = yield* all(
		sql
			.selectFrom("jobs")
			.select(["seq", "kind", "reference", "created_at", "completed_at"])
			.where("seq", ">", after ?? 0)
			.orderBy("seq")
			.limit(LOOKED_AT_ONCE)
			.compile(),
	);
	return yield* stepThrough(
		rows,
		(row) => row.created_at < before,
		function* ({ seq, kind, reference, completed_at: completedAt }) {
			if (completedAt === null || completedAt >= before) return;
			if (kind === "notificationDelivery") {
				yield* run(sql.deleteFrom("notifications").where("id", "=", reference).compile());
			}
			yield* run(sql.deleteFrom("jobs").where("seq", "=", seq).compile());
		},
	);
}
