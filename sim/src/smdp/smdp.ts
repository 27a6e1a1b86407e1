import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger, LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import { type Duration, Minutes } from "@iot-esim/shared/util/duration";
import { RspServerError } from "../rsp-server/errors.ts";
import { EventClient } from "../rsp-server/event-client.ts";
import { EventOutbox } from "../rsp-server/event-outbox.ts";
import { Faults } from "../rsp-server/faults.ts";
import type { PostJson } from "../rsp-server/post-json.ts";
import { Sessions } from "../rsp-server/session.ts";
import { fileDisk, type StateDisk } from "../rsp-server/store/state-disk.ts";
import type { SmdpContext, SmdpPolicy } from "./context.ts";
import type { SmdpCredentials } from "./credentials.ts";
import { ProgressReports } from "./es2plus/progress-reports.ts";
import { benchFace } from "./http/bench-face.ts";
import { publicFace } from "./http/public-face.ts";
import { NotificationLog, type ReceivedNotification } from "./notification-log.ts";
import { announceAll, announceChange, eventOfOrder } from "./orders/event-of-order.ts";
import { Inventory, type NewProfile, type ProfileChange } from "./orders/inventory.ts";
import type { ProfileRecord } from "./orders/profile-record.ts";

export const defaultPolicy: SmdpPolicy = {
	confirmationAttempts: 3,
	downloadAttempts: 25,
	isRebindingAllowed: true,
};

export interface SmdpDependencies {
	/** Where everything is kept; made when absent. One SM-DP+ at a time. */
	readonly stateFolder: string;
	/** The files of this machine when absent. */
	readonly disk?: StateDisk;
	/** One for each CI; the first one's OID is the SM-DP+'s. */
	readonly credentials: readonly SmdpCredentials[];
	/** Own address first: an FQDN, with a port for benches. */
	readonly addresses: readonly string[];
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
	readonly policy?: Partial<SmdpPolicy>;
	/** Whether ES2+ is served beside ES9+, and not on the bench face alone; true when absent. */
	readonly isEs2plusPublic?: boolean;
	/** How long a session may take; 1 hour when absent. */
	readonly sessionLifetime?: Duration;
	/** Where ES2+.HandleDownloadProgressInfo goes; nowhere when absent. */
	readonly progress?: { readonly url: string; readonly post: PostJson };
	/** The way to SM-DS (ES12); orders with an SM-DS are refused when absent. */
	readonly postToSmds?: PostJson;
}

/** A running SM-DP+ without its listeners. */
export interface Smdp {
	/** ES9+, ES2+ and /healthz, to be served over TLS. */
	readonly handle: HttpHandler;
	/** The bench's face, to be served on the loopback only. */
	readonly handleBench: HttpHandler;
	importProfile(profile: NewProfile): ProfileRecord;
	profiles(): readonly ProfileRecord[];
	notifications(): readonly ReceivedNotification[];
	/** Stops reporting to the operator and closes the files. */
	stop(): void;
}

/**
 * An SM-DP+ over a state folder. Everything that was answered is on the disk, so it may be killed at any time.
 * @throws RspServerError RSP_SERVER_OPTION, RSP_SERVER_STATE_DAMAGED
 */
export function createSmdp(deps: SmdpDependencies): Smdp {
	const { stateFolder, clock, credentials, disk = fileDisk } = deps;
	const [address, ...aliases] = deps.addresses;
	if (address === undefined) throw new RspServerError("RSP_SERVER_OPTION", "the SM-DP+ needs an address");
	const [first] = credentials;
	if (first === undefined) throw new RspServerError("RSP_SERVER_OPTION", "the SM-DP+ needs certificates");
	disk.makeFolder(stateFolder);
	const log = deps.logger("sim.smdp");
	const progress = new ProgressReports({
		stateFolder,
		disk,
		clock,
		log,
		requester: first.oid,
		post: deps.progress?.post ?? (() => Promise.resolve({ status: 204, body: "" })),
		...(deps.progress === undefined ? {} : { url: deps.progress.url }),
	});
	const { events, inventory } = announcedInventory({ ...deps, disk }, { address, requester: first.oid, log });
	const context: SmdpContext = {
		role: "SM-DP+",
		credentials,
		addresses: [address, ...aliases],
		policy: { ...defaultPolicy, ...deps.policy },
		inventory,
		sessions: new Sessions(stateFolder, clock, deps.sessionLifetime ?? Minutes(60), disk),
		notifications: new NotificationLog(stateFolder, disk),
		progress,
		...(events === undefined ? {} : { events }),
		clock,
		random: deps.random,
		log,
	};
	const faults = new Faults();
	progress.start();
	events?.start();
	return {
		handle: faults.before(publicFace(context, { isEs2plusPublic: deps.isEs2plusPublic ?? true })),
		handleBench: benchFace(context, faults),
		importProfile: (profile) => context.inventory.add(profile),
		profiles: () => context.inventory.list(),
		notifications: () => context.notifications.entries,
		stop: () => {
			progress.stop();
			events?.stop();
			context.notifications.close();
		},
	};
}

/** The profiles, with every change of an order told to its SM-DS where there is a way to one. */
function announcedInventory(
	{ stateFolder, clock, postToSmds, disk }: SmdpDependencies & { readonly disk: StateDisk },
	own: { readonly address: string; readonly requester: string; readonly log: Logger },
): { readonly inventory: Inventory; readonly events?: EventOutbox } {
	if (postToSmds === undefined) return { inventory: new Inventory(stateFolder, clock, () => undefined, disk) };
	const client = new EventClient({ interface: "es12", requester: own.requester, post: postToSmds });
	const events = new EventOutbox({ stateFolder, disk, client, clock, log: own.log });
	const eventOf = (profile?: ProfileRecord) => eventOfOrder(profile, own.address);
	const announce: ProfileChange = (before, after) => announceChange(events, eventOf(before), eventOf(after));
	const inventory = new Inventory(stateFolder, clock, announce, disk);
	announceAll(
		events,
		inventory.list().flatMap((profile) => eventOf(profile) ?? []),
	);
	return { inventory, events };
}
