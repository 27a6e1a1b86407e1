import type { DeviceInfo } from "@iot-esim/shared/messages/sgp22/device-info";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { Duration } from "@iot-esim/shared/util/duration";
import type { Es10 } from "../card/es10.ts";
import type { Es10Commands } from "../card/es10-commands.ts";
import type { Es9PlusClient } from "../es9plus/es9plus-client.ts";
import type { EsipaClient } from "../esipa/esipa-client.ts";
import type { Journal } from "../state/journal.ts";
import type { IpaProtocol } from "./download-mode.ts";
import type { IpaEvent } from "./ipa-event.ts";

/** Everything a procedure may touch. */
export interface ProcedureContext {
	readonly eid: Uint8Array;
	readonly es10: Pick<Es10, keyof Es10>;
	readonly commands: Pick<Es10Commands, keyof Es10Commands>;
	readonly channel: ReopenableChannel;
	/** The device's own way to SM-DP+ and SM-DS; absent when it trusts no CI. */
	readonly rsp: DirectRsp | undefined;
	readonly journal: Journal;
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly log: Logger;
	readonly emit: (event: IpaEvent) => void;
	readonly settings: ProcedureSettings;
	readonly signal: AbortSignal;
	/** Every eIM that the card is associated with and that is polled. */
	readonly eimIds: readonly string[];
	/** The device is on a link that is paid by volume. */
	readonly isMetered: boolean;
}

/** The channel to the ISD-R, as far as procedures see it. */
export interface ReopenableChannel {
	/** After a REFRESH: serves what the card waits for and opens the channel again. */
	reopen(): Promise<void>;
}

/** ES9+ and ES11 of the device itself. */
export type DirectRsp = Pick<Es9PlusClient, keyof Es9PlusClient>;

/** One eIM that the card is associated with. */
export interface AssociatedEim {
	readonly eimId: string;
	readonly esipa: Pick<EsipaClient, keyof EsipaClient>;
	readonly associationToken: number | undefined;
	/** The eIM offers to download indirectly. */
	readonly indirectProfileDownload: boolean;
}

export interface ProcedureSettings {
	/** Pause after a switch before the channel is opened again. */
	readonly refreshDelay: Duration;
	/** Longest wait for the card after a REFRESH. */
	readonly refreshTimeout: Duration;
	/** Time from a switch until rollback when its result cannot be delivered. */
	readonly rollbackAfter: Duration;
	/** Pause between attempts to deliver a result while a rollback is possible. */
	readonly deliveryRetry: Duration;
	/** Attempts to deliver that have to fail before a rollback, whatever the time; 1 when absent. */
	readonly rollbackAttempts?: number;
	/** Calls ES10b.ImmediateEnable after an installation. */
	readonly immediateEnable: boolean;
	/** Profiles whose rules need consent may be installed: nobody can be asked on the device. */
	readonly consentGranted: boolean;
	/** The IPA may download from SM-DP+ itself, where it trusts a CI; true when absent. */
	readonly directDownload?: boolean;
	/** The IPA may download through the eIM; true when absent. */
	readonly indirectDownload?: boolean;
	/** For profiles that need a confirmation code when the eIM sends none. */
	readonly confirmationCode?: string | undefined;
	/** Tells eIMs that compact messages may come (minimizeEsipaBytes); false when absent. */
	readonly minimizeBytes?: boolean;
	/** What the IPA speaks to eIMs, as IpaCapabilities names it; HTTPS when absent. */
	readonly protocols?: readonly IpaProtocol[];
	/** The device takes packages that eIMs bring (ipaInjectHttps); false when absent. */
	readonly takesPackages?: boolean;
	/** How often a direct download is tried when its server cannot be reached; 5 when absent. */
	readonly downloadAttempts?: number;
	/** Profiles are loaded over links that are paid by volume; true when absent. */
	readonly downloadOnMetered?: boolean;
	readonly deviceInfo: DeviceInfo;
}
