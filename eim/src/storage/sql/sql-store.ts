import { sql as raw } from "kysely";
import type { Store } from "../store.ts";
import { accessStore } from "./access-store.ts";
import { deviceStore } from "./device-store.ts";
import { run, type SqlEngine } from "./engine.ts";
import { EventSignal } from "./event-signal.ts";
import { eventStore } from "./event-store.ts";
import { jobStore } from "./job-store.ts";
import { migrate } from "./migrate.ts";
import { operationStore } from "./operation-store.ts";
import { packageStore } from "./package-store.ts";
import { relayStore } from "./relay-store.ts";
import { makeSteps } from "./steps.ts";

/** The store over either database; call `migrate` before anything else. */
export function sqlStore(engine: SqlEngine): Store {
	const signal = new EventSignal(engine);
	const steps = makeSteps(engine, signal);
	const ping = raw`select 1`.compile(engine.sql);
	return {
		...deviceStore(engine, steps, signal),
		...operationStore(engine, steps, signal),
		...packageStore(engine, steps, signal),
		...relayStore(engine, steps, signal),
		...jobStore(engine, steps, signal),
		...eventStore(engine, steps, signal),
		...accessStore(engine, steps),
		migrate: () => migrate(engine),
		ping: () => engine.read(() => run(ping)),
		close: () => engine.close(),
	};
}
