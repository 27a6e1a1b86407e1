import { sql as raw } from "kysely";
import type { Store } from "../store.ts";
import { SqlAccessStore } from "./access-store.ts";
import { DeviceMemory } from "./device-memory.ts";
import { DeviceReader } from "./device-reader.ts";
import { SqlDeviceStore } from "./device-store.ts";
import { SqlEimKeyStore } from "./eim-key-store.ts";
import { run, type SqlEngine } from "./engine.ts";
import { EventSignal } from "./event-signal.ts";
import { SqlEventStore } from "./event-store.ts";
import { SqlJobStore } from "./job-store.ts";
import { migrate } from "./migrate.ts";
import { SqlOperationStore } from "./operation-store.ts";
import { SqlPackageStore } from "./package-store.ts";
import { SqlRelayStore } from "./relay-store.ts";
import { Steps } from "./steps.ts";
import { SqlWakeUpStore } from "./wake-up-store.ts";

/** The store over either database; call `migrate` before anything else. */
export function sqlStore(engine: SqlEngine): Store {
	const signal = new EventSignal(engine);
	const memory = new DeviceMemory(engine);
	const devices = new DeviceReader(engine, memory);
	const steps = new Steps(engine, signal, devices, memory);
	const ping = raw`select 1`.compile(engine.sql);
	return {
		...methodsOf(new SqlDeviceStore(engine, steps, signal, devices)),
		...methodsOf(new SqlEimKeyStore(engine)),
		...methodsOf(new SqlOperationStore(engine, steps, signal)),
		...methodsOf(new SqlPackageStore(engine, steps, signal, devices)),
		...methodsOf(new SqlRelayStore(engine, steps, signal)),
		...methodsOf(new SqlJobStore(engine, steps, signal)),
		...methodsOf(new SqlWakeUpStore(engine, steps, signal)),
		...methodsOf(new SqlEventStore(engine, signal)),
		...methodsOf(new SqlAccessStore(engine, steps)),
		migrate: () => migrate(engine),
		ping: () => engine.read(() => run(ping)),
		close: () => engine.close(),
	};
}

/** The public methods of a part, bound to it, so that the parts together are one store. */
function methodsOf<T extends object>(part: T): { [K in keyof T]: T[K] } {
	const methods: Record<string, unknown> = {};
	for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(part))) {
		const method: unknown = Reflect.get(part, name);
		if (name !== "constructor" && typeof method === "function") methods[name] = method.bind(part);
	}
	return methods as T;
}
