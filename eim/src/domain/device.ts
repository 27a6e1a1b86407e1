import type { Eid } from "@iot-esim/shared/ids/eid";
import type { AwakeRule, Wakings } from "./awake.ts";
import type { DeviceLink } from "./device-link.ts";
import { type Dialect, learnVersion, type SeenVersion, STRICT_DIALECT } from "./dialect.ts";
import { DomainError } from "./errors.ts";
import { type ImmediateEnable, listOf } from "./euicc-command.ts";
import { commandsOf, type OperationOrder } from "./operation.ts";
import type { DownloadedEvent, SmdsPolling } from "./smds-polling.ts";
import type { WakeUpAddress } from "./wake-up.ts";

export { type Dialect, STRICT_DIALECT } from "./dialect.ts";

/** The last value that the counter of an eIM at an eUICC may take (SGP.32 EuiccPackageSigned.counterValue). */
export const LAST_COUNTER = 0x7fffff;

/** The last values are kept for commands on eIMs: without them nobody could add this eIM anew, which starts the counter again. */
export const RESERVED_COUNTERS = 16;

/** What a card is told as its counter when this eIM is added to it: the first package carries a greater value. */
export const INITIAL_COUNTER = 1;

/** The tenant of every row until tenants are told apart. */
export const DEFAULT_TENANT = "default";

/** An eIM that an eUICC is associated with, as its list says. */
export interface CardEim {
	readonly eimId: string;
	/** Absent where the list does not say, which stands for proprietary. */
	readonly idType?: "oid" | "fqdn" | "proprietary";
}

/** Where the IPA of a device takes packages that the eIM brings (SGP.32 eimInjectHttps). */
export interface InjectAddress {
	/** https://host[:port], or mqtt: or lwm2m: for what a broker or a registration knows by the EID */
	readonly url: string;
	/** PEM of the certificate of the IPA's listener, or of the CA above it; absent where no TLS leads to the IPA itself. */
	readonly certificate?: string;
	readonly binding: "asn1" | "json";
}

/** One registered eUICC and what the eIM knows of it. Times are milliseconds since 1970, octets are DER as received. */
export interface Device {
	/** 32 decimal digits. */
	readonly eid: Eid;
	readonly tenantId: string;
	readonly name: string;
	readonly tags: Readonly<Record<string, string>>;
	/** Name of the lab mode that this device is in; absent on every real device. */
	readonly labMode?: string;
	/** Results count without a verified signature; only ever true together with `labMode`. */
	readonly acceptUnverified: boolean;
	readonly dialect: Dialect;
	/** As the eUICC gave it for this eIM; absent means none, and packages are then signed with token 0. */
	readonly associationToken?: number;
	/** The last counter value burnt for this device; the next package takes a greater one. */
	readonly counter: number;
	/** The key of this eIM by which the eUICC verifies packages (`keyIdOf` of it); absent means the eIM's first. */
	readonly signingKeyId?: string;
	/** What the IPA expects of the TLS server of this eIM (`keyIdOf` of key or certificate, or `none`). */
	readonly tlsTrustId?: string;
	/** When this eIM was removed from the eUICC; nothing is sent since. Absent while they belong together. */
	readonly releasedAt?: number;
	/** The eIMs on the eUICC, as it last signed them. */
	readonly cardEims?: readonly CardEim[];
	/** As last ordered with success. */
	readonly immediateEnable?: ImmediateEnable;
	readonly euiccCertificate?: Uint8Array;
	readonly eumCertificate?: Uint8Array;
	/** EUICCInfo1, the whole TLV. */
	readonly euiccInfo1?: Uint8Array;
	/** EUICCInfo2, the whole TLV. */
	readonly euiccInfo2?: Uint8Array;
	/** IpaCapabilities, the whole TLV. */
	readonly ipaCapabilities?: Uint8Array;
	/** DeviceInfo (TAC, IMEI), the whole TLV. */
	readonly deviceInfo?: Uint8Array;
	/** RulesAuthorisationTable, a SEQUENCE OF rules, as the eUICC last signed it (getRAT). */
	readonly rulesAuthorisationTable?: Uint8Array;
	readonly defaultSmdpAddress?: string;
	readonly rootSmdsAddress?: string;
	/** Absent for a device that only polls. */
	readonly inject?: InjectAddress;
	/** Absent: the SM-DS is asked per order only. */
	readonly smdsPolling?: SmdsPolling;
	/** The latest events of SM-DS that are on the card, the newest last. */
	readonly downloadedEvents?: readonly DownloadedEvent[];
	/** Absent for a device that polls without being asked to. */
	readonly wakeUp?: WakeUpAddress;
	/** When it is awake, as its operator says. */
	readonly awake?: AwakeRule;
	/** When it was awake, as its polls say. */
	readonly wakings?: Wakings;
	readonly lastPollAt?: number;
	/** Over what its last message came that named it: a poll, or a result. */
	readonly lastLink?: DeviceLink;
	/** When that was, to a few minutes. */
	readonly lastLinkAt?: number;
	/** Three octets of the last RPLMN that the IPA reported, as hex. */
	readonly lastRplmn?: string;
	/** The cause of the last profile state change that this eIM did not order (SGP.32 StateChangeCause). */
	readonly lastStateChangeCause?: number;
	/** When a state change last went into the event stream. */
	readonly lastStateChangeAt?: number;
	readonly createdAt: number;
}

/** What may be learnt of a device or set by an operator; `null` removes an optional fact. */
export type DeviceChange = {
	readonly [K in
		| "name"
		| "tags"
		| "labMode"
		| "acceptUnverified"
		| "dialect"
		| "associationToken"
		| "counter"
		| "signingKeyId"
		| "tlsTrustId"
		| "releasedAt"
		| "cardEims"
		| "immediateEnable"
		| "euiccCertificate"
		| "eumCertificate"
		| "euiccInfo1"
		| "euiccInfo2"
		| "ipaCapabilities"
		| "deviceInfo"
		| "rulesAuthorisationTable"
		| "defaultSmdpAddress"
		| "rootSmdsAddress"
		| "inject"
		| "smdsPolling"
		| "downloadedEvents"
		| "wakeUp"
		| "awake"
		| "wakings"
		| "lastPollAt"
		| "lastLink"
		| "lastLinkAt"
		| "lastRplmn"
		| "lastStateChangeCause"]?: NonNullable<Device[K]> | (undefined extends Device[K] ? null : never) | undefined;
} & {
	/** Learnt into the dialect as it is when the change is made: it may be another than when this was seen. */
	readonly seenVersion?: SeenVersion | undefined;
};

/** A device as it stands right after registration. */
export function newDevice(given: {
	eid: Eid;
	at: number;
	name?: string | undefined;
	tags?: Readonly<Record<string, string>> | undefined;
	tenantId?: string | undefined;
	dialect?: Dialect | undefined;
	associationToken?: number | undefined;
	counter?: number | undefined;
	signingKeyId?: string | undefined;
	tlsTrustId?: string | undefined;
}): Device {
	return {
		eid: given.eid,
		tenantId: given.tenantId ?? DEFAULT_TENANT,
		name: given.name ?? given.eid,
		tags: given.tags ?? {},
		acceptUnverified: false,
		dialect: given.dialect ?? STRICT_DIALECT,
		...(given.associationToken === undefined ? {} : { associationToken: given.associationToken }),
		counter: given.counter ?? INITIAL_COUNTER,
		...(given.signingKeyId === undefined ? {} : { signingKeyId: given.signingKeyId }),
		...(given.tlsTrustId === undefined ? {} : { tlsTrustId: given.tlsTrustId }),
		createdAt: given.at,
	};
}

/**
 * The device after a change.
 * @returns DomainError DEVICE_LAB_MODE_REQUIRED where unverified results would be accepted outside a named lab mode,
 * DEVICE_COUNTER_SPENT where counter values of the same association would come again
 */
export function changeDevice(device: Device, change: DeviceChange): Device | DomainError {
	const { seenVersion, ...others } = change;
	const changed: Record<string, unknown> = { ...device };
	for (const [key, value] of Object.entries(others)) {
		if (value === null) delete changed[key];
		else if (value !== undefined) changed[key] = value;
	}
	const learnt = changed as unknown as Device;
	const dialect = seenVersion && learnVersion(learnt.dialect, seenVersion.of, seenVersion.version, seenVersion.from);
	const next = dialect ? { ...learnt, dialect } : learnt;
	if (next.counter < device.counter && (next.associationToken ?? 0) === (device.associationToken ?? 0)) {
		return new DomainError(
			"DEVICE_COUNTER_SPENT",
			`counter: ${next.counter} is below ${device.counter}, which has been used under the same association token`,
			{ context: { eid: device.eid } },
		);
	}
	if (next.acceptUnverified && !next.labMode) {
		if (change.acceptUnverified) {
			return new DomainError(
				"DEVICE_LAB_MODE_REQUIRED",
				"acceptUnverified: only a device in a named lab mode may be marked to accept unverified results",
				{ context: { eid: device.eid } },
			);
		}
		// Leaving the lab takes the mark along: it must never outlive the mode that justified it.
		return { ...next, acceptUnverified: false };
	}
	return next;
}

/**
 * The counter value for the next package of this order.
 * @returns DomainError DEVICE_COUNTER_EXHAUSTED near the end, where the last values are for commands on eIMs alone
 */
export function nextCounter(device: Device, order: OperationOrder): number | DomainError {
	const commands = commandsOf(order);
	const isOnEims = commands.length > 0 && commands.every((command) => listOf(command) === "eco");
	const last = isOnEims ? LAST_COUNTER : LAST_COUNTER - RESERVED_COUNTERS;
	// What carries no counter needs none.
	if (device.counter < last || commands.length === 0) return device.counter + 1;
	return new DomainError("DEVICE_COUNTER_EXHAUSTED", `counter of eUICC ${device.eid} stands at ${device.counter}`, {
		context: { eid: device.eid, counter: device.counter },
	});
}
