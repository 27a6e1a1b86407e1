import type { Eid } from "@iot-esim/shared/ids/eid";
import type { EimId } from "@iot-esim/shared/ids/eim-id";
import type { CertificateList } from "@iot-esim/shared/pki/crl";
import type { TrustStore } from "@iot-esim/shared/pki/trust-store";
import type { WarnBounded } from "@iot-esim/shared/runtime/bounded-warnings";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { Duration } from "@iot-esim/shared/util/duration";
import type { DeviceLink } from "../domain/device-link.ts";
import type { EidRange } from "../domain/enrolment.ts";
import type { Es9PlusClient } from "../es9plus/es9plus-client.ts";
import type { Es11Client } from "../es9plus/smds.ts";
import type { EimSigner } from "../keys/eim-signer.ts";
import type { DeviceStore, JobStore, OperationStore, PackageStore, RelayStore } from "../storage/store.ts";
import type { DownloadPolicy } from "./download-metadata.ts";
import type { EimConfigurationSettings } from "./eim-configuration.ts";
import type { EuiccKeys } from "./euicc-keys.ts";
import type { SigningKeys } from "./signing-keys.ts";

/** What the eIM is set to at this interface. */
export interface EsipaSettings {
	readonly eimId: EimId;
	/** EIDs that may register themselves by polling; none by default. */
	readonly enrolment: readonly EidRange[];
	/** How many unregistered EIDs are remembered. */
	readonly seenUnknownBound: number;
	/** How long the eIM goes on trying what it ordered for itself (certificates, lists). */
	readonly ownOperationLifetime: Duration;
	/** How long a relayed download may last, its installation result included. */
	readonly sessionLifetime: Duration;
	/** The SM-DS that is asked for devices whose polling names none; the card's root SM-DS when absent. */
	readonly smdsAddress?: string | undefined;
	/** How often a package whose failure nobody signed is given to the device in all; 3 when absent. */
	readonly offers?: number;
	/** Time to the next offer after an SM-DP+ that could not be asked, doubled each time; a minute when absent. */
	readonly offerAgainAfter?: Duration;
	/** Which profiles are let onto devices. */
	readonly download: DownloadPolicy;
}

/** What is known of the sender beside its message. */
export interface EsipaPeer {
	readonly remoteAddress: string;
	/** The transport connection, one object as long as it lasts; absent where there is none. */
	readonly connection?: EsipaConnection | undefined;
	/** The device that the sender has proven to be by its transport; absent where that proves none. */
	readonly provenEid?: Eid | undefined;
	/** Over what the message came. */
	readonly link?: DeviceLink | undefined;
	/** The eIM has put the message together itself: its form says nothing of the IPA. */
	readonly isOwnForm?: true;
}

/** What a connection has shown: in version 1.0 the poll alone names the device, and what follows on it is of that one. */
export interface EsipaConnection {
	eid?: Eid;
}

/** Parts that `app.ts` puts together. */
export interface EsipaDeps {
	readonly store: DeviceStore & OperationStore & PackageStore & RelayStore & JobStore;
	/** By the key of this one new cards know the eIM. */
	readonly signer: EimSigner;
	/** Keys that some cards still know the eIM by, the latest first. */
	readonly formerSigners?: readonly EimSigner[];
	/** What cards are told of this eIM now, beside its key. */
	readonly ownEim: () => EimConfigurationSettings;
	readonly es9plus: Es9PlusClient;
	readonly es11: Es11Client;
	/** CI certificates under which eUICCs are accepted. */
	readonly trust: TrustStore;
	/** Revocation lists at hand now. */
	readonly crls: () => readonly CertificateList[];
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
	readonly settings: EsipaSettings;
	/** Told of every poll and result of a device that is not registered, by the function's name. */
	readonly onUnregistered?: (esipaFunction: "GetEimPackage" | "ProvideEimPackageResult") => void;
}

/** The deps with what the handler makes of them once. */
export interface EsipaContext extends EsipaDeps {
	readonly keys: EuiccKeys;
	readonly signingKeys: SigningKeys;
	/** For what a stranger may send without end. */
	readonly warnBounded: WarnBounded;
}
