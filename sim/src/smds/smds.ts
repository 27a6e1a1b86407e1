import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import { Days, type Duration, Minutes } from "@iot-esim/shared/util/duration";
import type { ServerCredentials } from "../rsp-server/credentials.ts";
import { RspServerError } from "../rsp-server/errors.ts";
import { EventClient } from "../rsp-server/event-client.ts";
import { EventOutbox } from "../rsp-server/event-outbox.ts";
import { Faults } from "../rsp-server/faults.ts";
import { json } from "../rsp-server/http/json-function.ts";
import { rspFace } from "../rsp-server/http/rsp-face.ts";
import type { PostJson } from "../rsp-server/post-json.ts";
import { Sessions } from "../rsp-server/session.ts";
import { fileDisk, type StateDisk } from "../rsp-server/store/state-disk.ts";
import { benchFace } from "./bench-face.ts";
import type { RootSmds, SmdsContext } from "./context.ts";
import { es11Asn1 } from "./es11/asn1-binding.ts";
import { es11Json } from "./es11/json-binding.ts";
import { es12Json, es15Json } from "./es12/json-binding.ts";
import { deleteAtRoot, takeBack } from "./es12/register-event.ts";
import type { EventRecord } from "./event.ts";
import { EventStore } from "./event-store.ts";

export interface SmdsDependencies {
	/** Where everything is kept; made when absent. One SM-DS at a time. */
	readonly stateFolder: string;
	/** That of the machine when absent. */
	readonly disk?: StateDisk;
	/** One for each CI (`serverCredentialsOf(pki, "SM-DS")`). */
	readonly credentials: readonly ServerCredentials[];
	/** Own address first: an FQDN, with a port for benches. */
	readonly addresses: readonly string[];
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
	/** How long an event waits; 30 days when absent. */
	readonly eventLifetime?: Duration;
	/** How long a session may take; 1 hour when absent. */
	readonly sessionLifetime?: Duration;
	/** The root SM-DS of an alternative one; this is a root itself when absent. */
	readonly root?: { readonly address: string; readonly post: PostJson };
}

/** A running SM-DS without its listeners. */
export interface Smds {
	/** ES11 and ES12, ES15 of a root, and /healthz, to be served over TLS. */
	readonly handle: HttpHandler;
	/** The bench's face, to be served on the loopback only. */
	readonly handleBench: HttpHandler;
	events(): readonly EventRecord[];
	/** Stops the calls to the root SM-DS. */
	stop(): void;
}

/**
 * An SM-DS over a state folder. Everything that was answered is on the disk, so it may be killed at any time.
 * @throws RspServerError RSP_SERVER_OPTION, RSP_SERVER_STATE_DAMAGED
 */
export function createSmds(deps: SmdsDependencies): Smds {
	const { stateFolder, clock, credentials, disk = fileDisk } = deps;
	const [address, ...aliases] = deps.addresses;
	if (address === undefined) throw new RspServerError("RSP_SERVER_OPTION", "the SM-DS needs an address");
	if (credentials.length === 0) throw new RspServerError("RSP_SERVER_OPTION", "the SM-DS needs certificates");
	disk.makeFolder(stateFolder);
	const log = deps.logger("sim.smds");
	const root = rootOf({ ...deps, disk });
	const addresses = [address, ...aliases] as const;
	const endAtRoot = (event: EventRecord) => deleteAtRoot({ addresses, ...(root === undefined ? {} : { root }) }, event);
	const smds: SmdsContext = {
		role: "SM-DS",
		credentials,
		addresses,
		sessions: new Sessions(stateFolder, clock, deps.sessionLifetime ?? Minutes(60), disk),
		events: new EventStore(stateFolder, clock, endAtRoot, disk),
		eventLifetime: deps.eventLifetime ?? Days(30),
		...(root === undefined ? {} : { root }),
		clock,
		random: deps.random,
		log,
	};
	// Whoever registered them got no answer, and will ask again.
	for (const event of smds.events.list()) if (event.forwarded?.isConfirmed === false) takeBack(smds, event);
	root?.outbox.start();
	const faults = new Faults();
	const healthz = () => json(200, { status: "ok", events: smds.events.count, sessions: smds.sessions.count });
	const face = rspFace({
		json: { es9plus: es11Json(smds), es12: es12Json(smds), ...(root === undefined ? { es15: es15Json(smds) } : {}) },
		asn1: es11Asn1(smds),
		healthz,
		log,
	});
	return {
		handle: faults.before(face),
		handleBench: benchFace(smds, faults, healthz),
		events: () => smds.events.list(),
		stop: () => root?.outbox.stop(),
	};
}

function rootOf({
	root,
	stateFolder,
	disk,
	clock,
	credentials,
	logger,
}: SmdsDependencies & { readonly disk: StateDisk }): RootSmds | undefined {
	if (root === undefined) return undefined;
	const requester = credentials[0]?.oid ?? "";
	const client = new EventClient({ interface: "es15", requester, post: root.post });
	const outbox = new EventOutbox({ stateFolder, disk, client, clock, log: logger("sim.smds.root") });
	return { address: root.address, client, outbox };
}
