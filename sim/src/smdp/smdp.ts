import { mkdirSync } from "node:fs";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import { type Duration, Minutes } from "@iot-esim/shared/util/duration";
import type { SmdpContext, SmdpPolicy } from "./context.ts";
import type { SmdpCredentials } from "./credentials.ts";
import { SmdpError } from "./errors.ts";
import { type PostJson, ProgressReports } from "./es2plus/progress-reports.ts";
import { Faults } from "./faults.ts";
import { benchFace } from "./http/bench-face.ts";
import { publicFace } from "./http/public-face.ts";
import { NotificationLog, type ReceivedNotification } from "./notification-log.ts";
import { Inventory, type NewProfile } from "./orders/inventory.ts";
import type { ProfileRecord } from "./orders/profile-record.ts";
import { Sessions } from "./session.ts";

export const defaultPolicy: SmdpPolicy = {
	confirmationAttempts: 3,
	downloadAttempts: 25,
	isRebindingAllowed: true,
};

export interface SmdpDependencies {
	/** Where everything is kept; made when absent. One SM-DP+ at a time. */
	readonly stateFolder: string;
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
 * @throws SmdpError SMDP_OPTION, SMDP_STATE_DAMAGED
 */
export function createSmdp(deps: SmdpDependencies): Smdp {
	const { stateFolder, clock, credentials } = deps;
	const [address, ...aliases] = deps.addresses;
	if (address === undefined) throw new SmdpError("SMDP_OPTION", "the SM-DP+ needs an address");
	const [first] = credentials;
	if (first === undefined) throw new SmdpError("SMDP_OPTION", "the SM-DP+ needs certificates");
	mkdirSync(stateFolder, { recursive: true });
	const log = deps.logger("sim.smdp");
	const progress = new ProgressReports({
		stateFolder,
		clock,
		log,
		requester: first.smdpOid,
		post: deps.progress?.post ?? (() => Promise.resolve(204)),
		...(deps.progress === undefined ? {} : { url: deps.progress.url }),
	});
	const context: SmdpContext = {
		credentials,
		addresses: [address, ...aliases],
		policy: { ...defaultPolicy, ...deps.policy },
		inventory: new Inventory(stateFolder, clock),
		sessions: new Sessions(stateFolder, clock, deps.sessionLifetime ?? Minutes(60)),
		notifications: new NotificationLog(stateFolder),
		progress,
		clock,
		random: deps.random,
		log,
	};
	const faults = new Faults();
	progress.start();
	return {
		handle: faults.before(publicFace(context, { isEs2plusPublic: deps.isEs2plusPublic ?? true })),
		handleBench: benchFace(context, faults),
		importProfile: (profile) => context.inventory.add(profile),
		profiles: () => context.inventory.list(),
		notifications: () => context.notifications.entries,
		stop: () => {
			progress.stop();
			context.notifications.close();
		},
	};
}
