import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { Duration } from "@iot-esim/shared/util/duration";
import type { CardDriver } from "./card/card-channel.ts";
import type { IsdRChannelOptions } from "./card/isd-r-channel.ts";
import type { EimDialect } from "./esipa/dialect-link.ts";
import type { EsipaLink } from "./esipa/esipa-link.ts";
import type { EsipaTarget } from "./esipa/http-link.ts";
import type { FallbackPolicy } from "./procedures/policy/fallback-policy.ts";
import type { QuietWindow } from "./procedures/policy/quiet-hours.ts";
import type { DirectRsp, ProcedureSettings } from "./procedures/procedure-context.ts";
import type { Journal } from "./state/journal.ts";

/** How the agent behaves; `config.ts` makes it from a file. */
export interface IpaSettings {
	readonly card: Omit<IsdRChannelOptions, "logger">;
	readonly procedures: ProcedureSettings;
	/** Polls this eIM alone; all that the card is associated with when absent. */
	readonly eimId?: string | undefined;
	/** The version of SGP.32 that the eIM speaks; found out from its answers when absent. */
	readonly eimDialect?: EimDialect;
	readonly pollInterval: Duration;
	/** Pause between polls on a link that is paid by volume; `pollInterval` when absent. */
	readonly meteredInterval?: Duration;
	/** Pause after the first failure; doubled after each further one. */
	readonly retryAfter: Duration;
	readonly retryAtMost: Duration;
	/** Part of a pause by which it is made longer or shorter at random; 0.1 when absent. */
	readonly jitter?: number;
	/** Local times in which `run` starts no poll. */
	readonly quietHours?: readonly QuietWindow[];
	/** IANA name of the zone of local times; UTC when absent. */
	readonly timeZone?: string;
	/** Time from a change of the network to the poll that it causes; no such polls when absent. */
	readonly pollAfterNetworkChange?: Duration;
	/** Without it the device never leaves its profile by itself. */
	readonly fallback?: FallbackPolicy;
	/** Packages worked off in one go before the agent pauses all the same. */
	readonly packagesInOneGo: number;
}

/** What the agent knows of the network that the device is in. */
export interface DeviceNetwork {
	/** The link in use is paid by volume. */
	isMetered(): boolean;
	/**
	 * Calls back when addresses or links change, and says whether an address is gone: what is open may have stood on it, and
	 * is opened anew. The returned function ends it.
	 */
	onChange(listener: (isAddressLost?: boolean) => void): () => void;
}

/** Every effect of the agent. */
export interface IpaDeps {
	readonly driver: CardDriver;
	/** The way to an eIM, from what the card says of it; the EID of the card names the device where the way needs a name. */
	readonly link: (target: EsipaTarget, eid: Uint8Array) => EsipaLink;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly journal: Journal;
	readonly logger: LoggerFactory;
	readonly settings: IpaSettings;
	/** The device's own way to SM-DP+ and SM-DS, for direct downloads. */
	readonly rsp?: DirectRsp | undefined;
	/** The network that the device is registered in: MCC and MNC in three octets (3GPP TS 24.008). */
	readonly registeredPlmn?: () => Uint8Array | undefined;
	readonly network?: DeviceNetwork | undefined;
}
