import type { Duration } from "@iot-esim/shared/util/duration";
import type { RspServerContext } from "../rsp-server/context.ts";
import type { EventClient } from "../rsp-server/event-client.ts";
import type { EventOutbox } from "../rsp-server/event-outbox.ts";
import type { EventStore } from "./event-store.ts";

/** What the functions of the SM-DS share. */
export interface SmdsContext extends RspServerContext {
	readonly events: EventStore;
	/** How long an event waits. */
	readonly eventLifetime: Duration;
	/** Present when this is an alternative SM-DS. */
	readonly root?: RootSmds;
}

/** The way of an alternative SM-DS to the root SM-DS (ES15). */
export interface RootSmds {
	/** FQDN[:port] */
	readonly address: string;
	readonly client: EventClient;
	/** Deletions, which are brought about in the background. */
	readonly outbox: EventOutbox;
}
