import { fromHex, toHex } from "@iot-esim/shared/util/bytes";
import type Database from "libsql";

export interface OperationRow {
	readonly id: string;
	readonly eid: string;
	readonly origin: string;
	readonly type: string;
	readonly parameters: string;
	readonly state: string;
	readonly reason: string | null;
	readonly outcome: string | null;
	readonly finished_at: number | null;
}

/** What the eIM's database says, read from outside of the eIM. */
export class EimDatabase {
	readonly #database: Database.Database;

	constructor(database: Database.Database) {
		this.#database = database;
	}

	operations(): readonly OperationRow[] {
		return this.#rows(
			"select id, eid, origin, type, parameters, state, reason_text as reason, outcome, finished_at from operations order by seq",
		);
	}

	/** Jobs that are neither done nor given up. */
	openJobs(): readonly { readonly kind: string; readonly attempts: number; readonly last_error: string | null }[] {
		return this.#rows("select kind, attempts, last_error from jobs where completed_at is null");
	}

	/** Counters of the packages of an operation. */
	countersOf(operationId: string): readonly number[] {
		const rows = this.#rows<{ counter: number | null }>(
			"select counter from packages where operation_id = ? order by seq",
			operationId,
		);
		return rows.flatMap(({ counter }) => (counter === null ? [] : [counter]));
	}

	/** ICCID to state. */
	profiles(eid: string): Readonly<Record<string, string>> {
		return Object.fromEntries(this.#profiles(eid).map(({ iccid, state }) => [iccid, state]));
	}

	/** ICCID to whether the profile is the fallback profile, where that is known. */
	fallbacks(eid: string): Readonly<Record<string, boolean>> {
		const known = this.#profiles(eid).flatMap(({ iccid, is_fallback }) =>
			is_fallback === null ? [] : [[iccid, is_fallback === 1] as const],
		);
		return Object.fromEntries(known);
	}

	/** The ends that an operation has had, in their order. */
	endsOf(operationId: string): readonly string[] {
		const rows = this.#rows<{ type: string }>(
			"select type from events where operation_id = ? and type like 'operation%' order by id",
			operationId,
		);
		return rows.map(({ type }) => type).filter((type) => /Succeeded|Failed|RolledBack|Expired|Cancelled/.test(type));
	}

	/** Octets of everything that the device has sent and that counts, in hex. */
	received(eid: string): ReadonlySet<string> {
		const rows = [
			...this.#rows<{ bytes: ArrayBuffer }>(
				"select bytes from received_results where eid = ? and verification = 'verified'",
				eid,
			),
			...this.#rows<{ bytes: ArrayBuffer }>("select bytes from notifications where eid = ?", eid),
		];
		return new Set(rows.map(({ bytes }) => toHex(new Uint8Array(bytes))));
	}

	/** Octets of the notifications that are to be forwarded, with what became of their jobs. */
	notifications(): readonly {
		readonly bytes: Uint8Array;
		readonly isDelivered: boolean;
		readonly error: string | null;
	}[] {
		const rows = this.#rows<{ octets: string; delivered: number; last_error: string | null }>(
			`select hex(n.bytes) as octets, j.completed_at is not null as delivered, j.last_error
			from notifications n left join jobs j on j.reference = n.id and j.kind = 'notificationDelivery'`,
		);
		return rows.map(({ octets, delivered, last_error }) => ({
			bytes: fromHex(octets),
			isDelivered: delivered === 1,
			error: last_error,
		}));
	}

	#profiles(eid: string) {
		return this.#rows<{ iccid: string; state: string; is_fallback: number | null }>(
			"select iccid, state, is_fallback from profiles where eid = ? order by iccid",
			eid,
		);
	}

	#rows<Row>(sql: string, ...parameters: unknown[]): readonly Row[] {
		return this.#database.prepare(sql).all(parameters) as Row[];
	}
}
