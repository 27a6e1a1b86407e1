import { createHash } from "node:crypto";
import { join } from "node:path";
import { encode } from "@iot-esim/shared/asn1/schema";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp22/profile-metadata";
import { parseProfilePackage } from "@iot-esim/shared/profile/profile-package";
import { subscriberOf } from "@iot-esim/shared/profile/subscriber";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import { toBase64 } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import { RecordStore } from "../../rsp-server/store/record-store.ts";
import { fileDisk, type StateDisk } from "../../rsp-server/store/state-disk.ts";
import { SmdpError } from "../errors.ts";
import { nextOrderState, type OrderEvent } from "./order-state.ts";
import type { ProfileRecord } from "./profile-record.ts";

const MAX_PACKAGE_LENGTH = 1 << 20;

/** Length of the history of one profile; the oldest entries go. */
const MAX_HISTORY = 100;

/** A profile to be taken in. */
export interface NewProfile {
	/** UPP in DER. */
	readonly package: Uint8Array;
	readonly metadata: StoreMetadataRequest;
	readonly profileType: string;
}

/** Told of every change of a profile that is taken in, when it is on the disk. */
export type ProfileChange = (before: ProfileRecord | undefined, after: ProfileRecord) => void;

/** The profiles of the SM-DP+ with their orders, in `<folder>/profiles/<ICCID>.json` and `.der`. */
export class Inventory {
	readonly #folder: string;
	readonly #disk: StateDisk;
	readonly #records: RecordStore<ProfileRecord>;
	readonly #clock: Clock;
	readonly #onChange: ProfileChange;

	/** @throws RspServerError RSP_SERVER_STATE_DAMAGED */
	constructor(
		stateFolder: string,
		clock: Clock,
		onChange: ProfileChange = () => undefined,
		disk: StateDisk = fileDisk,
	) {
		this.#folder = join(stateFolder, "profiles");
		this.#disk = disk;
		this.#records = new RecordStore(this.#folder, disk);
		this.#clock = clock;
		this.#onChange = onChange;
	}

	/**
	 * Takes a profile in; the ICCID is the metadata's.
	 * @throws SmdpError SMDP_PROFILE_EXISTS, SMDP_PROFILE_TOO_LARGE; ProfileError when it is no profile package
	 */
	add(profile: NewProfile): ProfileRecord {
		const { package: upp, metadata, profileType } = profile;
		if (upp.length > MAX_PACKAGE_LENGTH) {
			throw new SmdpError("SMDP_PROFILE_TOO_LARGE", `the profile package has ${upp.length} octets`);
		}
		const imsi = imsiOf(upp);
		const iccid = Iccid.fromBytes(metadata.iccid);
		if (this.find(iccid) !== undefined) {
			throw new SmdpError("SMDP_PROFILE_EXISTS", `the profile ${iccid} is already in the inventory`);
		}
		const record: ProfileRecord = {
			iccid,
			state: "available",
			profileType,
			...(imsi === undefined ? {} : { imsi }),
			metadata: toBase64(encode(StoreMetadataRequest, metadata)),
			size: upp.length,
			history: [{ at: this.#clock.now(), state: "available", reason: "imported" }],
		};
		this.#disk.replace(this.#packagePath(iccid), upp);
		this.#records.put(iccid, record);
		return record;
	}

	/** Every profile, also those that `sim-smdp import` added meanwhile. */
	list(): ProfileRecord[] {
		this.#records.refresh();
		return this.#records.values();
	}

	find(iccid: string): ProfileRecord | undefined {
		return this.#records.find(iccid);
	}

	/** The profile whose order has this matching identifier. */
	findByMatchingId(matchingId: string): ProfileRecord | undefined {
		return this.#records.values().find(({ order }) => order?.matchingId === matchingId);
	}

	/** The profile that was bound to an eUICC in this session. */
	findByTransaction(transactionId: string): ProfileRecord | undefined {
		return this.#records
			.values()
			.find(({ attempts }) => attempts?.some((attempt) => attempt.transactionId === transactionId));
	}

	/** The profile that this call of ES2+.DownloadOrder got. */
	findByOrderCall(orderedBy: string): ProfileRecord | undefined {
		return this.#records.values().find(({ order }) => order?.orderedBy === orderedBy);
	}

	/** Profiles ordered for an EID without a matching identifier (default SM-DP+). */
	findByEid(eid: string): ProfileRecord[] {
		return this.#records.values().filter(({ order }) => order?.eid === eid && order.matchingId === "");
	}

	/** An available profile of a type. */
	findAvailable(profileType: string): ProfileRecord | undefined {
		return this.list().find((profile) => profile.profileType === profileType && profile.state === "available");
	}

	hasProfileType(profileType: string): boolean {
		return this.list().some((profile) => profile.profileType === profileType);
	}

	/**
	 * The unprotected package.
	 * @throws SmdpError SMDP_PROFILE_UNKNOWN
	 */
	packageOf(iccid: string): Uint8Array {
		const upp = Iccid.is(iccid) ? this.#disk.read(this.#packagePath(iccid)) : undefined;
		if (upp === undefined) throw new SmdpError("SMDP_PROFILE_UNKNOWN", `no profile ${iccid} is in the inventory`);
		return upp;
	}

	/**
	 * Applies an event and stores the record, with `changes` to its other fields.
	 * @returns undefined when the event is not possible in the profile's state; nothing is stored then
	 */
	apply(
		iccid: string,
		event: OrderEvent,
		reason: string,
		changes: (profile: ProfileRecord) => ProfileRecord = (profile) => profile,
	): ProfileRecord | undefined {
		const profile = this.#records.get(iccid);
		const state = profile && nextOrderState(profile.state, event);
		if (profile === undefined || state === undefined) return undefined;
		const history = [...profile.history, { at: this.#clock.now(), state, reason }].slice(-MAX_HISTORY);
		return this.#store({ ...changes(profile), state, history });
	}

	/** Stores other changes; the state stays. */
	update(iccid: string, changes: (profile: ProfileRecord) => ProfileRecord): ProfileRecord | undefined {
		const profile = this.#records.get(iccid);
		return profile && this.#store({ ...changes(profile), state: profile.state });
	}

	#store(profile: ProfileRecord): ProfileRecord {
		const before = this.#records.get(profile.iccid);
		this.#records.put(profile.iccid, profile);
		this.#onChange(before, profile);
		return profile;
	}

	#packagePath(iccid: string): string {
		return join(this.#folder, `${iccid}.der`);
	}
}

/** SHA-256 of a confirmation code in hex: the inner hash of hashCc. */
export function confirmationCodeHash(confirmationCode: string): string {
	return createHash("sha256").update(confirmationCode, "utf8").digest("hex");
}

/** A package without a subscriber (a pure test of files) is taken all the same. */
function imsiOf(upp: Uint8Array): string | undefined {
	const profile = parseProfilePackage(upp);
	try {
		return subscriberOf(profile).imsi;
	} catch (error) {
		if (error instanceof EsimError) return undefined;
		throw error;
	}
}
