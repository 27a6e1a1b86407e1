import type { ColumnBuilderCallback, CompiledQuery, Expression, Kysely } from "kysely";
import { associations } from "./associations.ts";
import { deviceFacts } from "./device-facts.ts";
import { deviceLinks } from "./device-links.ts";
import { heldOperations } from "./held-operations.ts";
import { initial } from "./initial.ts";
import { injectAddress } from "./inject-address.ts";
import { renewedJobs } from "./renewed-jobs.ts";
import { smdsPolling } from "./smds-polling.ts";
import { wakeUps } from "./wake-ups.ts";

/** One statement that changes the schema. */
export interface SchemaChange {
	compile(): CompiledQuery;
}

/** What the two databases call by different names. */
export interface SqlTypes {
	/** A byte string. */
	readonly octets: Expression<unknown>;
	/** The type of a key that counts by itself. */
	readonly serial: Expression<unknown>;
	readonly serialOptions: ColumnBuilderCallback;
	/** As `serialOptions`, and no number comes again even after its row is gone. */
	readonly lastingSerialOptions: ColumnBuilderCallback;
}

export interface Migration {
	readonly name: string;
	changes(db: Kysely<unknown>, types: SqlTypes): SchemaChange[];
}

/** In order; a released one is never changed, only followed. */
export const migrations: readonly Migration[] = [
	{ name: "0001-initial", changes: initial },
	{ name: "0002-device-facts", changes: deviceFacts },
	{ name: "0003-associations", changes: associations },
	{ name: "0004-inject-address", changes: injectAddress },
	{ name: "0005-held-operations", changes: heldOperations },
	{ name: "0005-smds-polling", changes: smdsPolling },
	{ name: "0006-wake-ups", changes: wakeUps },
	{ name: "0007-device-links", changes: deviceLinks },
	{ name: "0008-renewed-jobs", changes: renewedJobs },
];
