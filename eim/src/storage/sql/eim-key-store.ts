import type { Device } from "../../domain/device.ts";
import type { EimKeyCount, EimKeyStore, EimKeys } from "../store.ts";
import { all, run, type SqlEngine, type Step } from "./engine.ts";
import { toDevice } from "./rows.ts";

export class SqlEimKeyStore implements EimKeyStore {
	readonly #engine: SqlEngine;

	constructor(engine: SqlEngine) {
		this.#engine = engine;
	}

	noteEimKeys(keys: EimKeys): Promise<void> {
		return this.#engine.write(() => this.#note(keys));
	}

	*#note({ signingKeyId, tlsTrustId }: EimKeys): Step<void> {
		const devices = this.#engine.sql.updateTable("devices");
		const signing = devices.set((eb) => ({ signing_key_id: signingKeyId, version: eb("version", "+", 1) }));
		yield* run(signing.where("signing_key_id", "is", null).compile());
		if (tlsTrustId === undefined) return;
		const trust = devices.set((eb) => ({ tls_trust_id: tlsTrustId, version: eb("version", "+", 1) }));
		yield* run(trust.where("tls_trust_id", "is", null).compile());
	}

	countEimKeys(): Promise<readonly EimKeyCount[]> {
		const { sql } = this.#engine;
		const updates = sql
			.selectFrom("operations")
			.select("operations.eid")
			.distinct()
			.where("finished_at", "is", null)
			.where("type", "=", "updateEim")
			.as("updates");
		const query = sql
			.selectFrom("devices")
			.leftJoin(updates, (join) => join.onRef("updates.eid", "=", "devices.eid"))
			.select((eb) => [
				"signing_key_id",
				"tls_trust_id",
				eb.fn.countAll<number>().as("devices"),
				eb.fn.count<number>("updates.eid").as("updating"),
			])
			.where("released_at", "is", null)
			.groupBy(["signing_key_id", "tls_trust_id"])
			.compile();
		return this.#engine.read(function* () {
			return (yield* all(query)).map((row) => ({
				...(row.signing_key_id === null ? {} : { signingKeyId: row.signing_key_id }),
				...(row.tls_trust_id === null ? {} : { tlsTrustId: row.tls_trust_id }),
				devices: Number(row.devices),
				updating: Number(row.updating),
			}));
		});
	}

	listOutdatedDevices({ signingKeyId, tlsTrustId }: EimKeys, limit: number): Promise<readonly Device[]> {
		const query = this.#engine.sql
			.selectFrom("devices")
			.selectAll()
			.where("released_at", "is", null)
			.where((eb) =>
				eb.or([
					eb("signing_key_id", "is", null),
					eb("signing_key_id", "!=", signingKeyId),
					...(tlsTrustId === undefined ? [] : [eb("tls_trust_id", "is", null), eb("tls_trust_id", "!=", tlsTrustId)]),
				]),
			)
			.where((eb) =>
				eb.not(
					eb.exists(
						eb
							.selectFrom("operations")
							.select("operations.id")
							.whereRef("operations.eid", "=", "devices.eid")
							.where("finished_at", "is", null)
							.where("type", "=", "updateEim"),
					),
				),
			)
			.orderBy("eid")
			.limit(limit)
			.compile();
		return this.#engine.read(function* () {
			return (yield* all(query)).map(toDevice);
		});
	}
}
