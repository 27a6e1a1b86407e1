import type { Eid } from "@iot-esim/shared/ids/eid";
import { DomainError } from "./errors.ts";

/** The last value that the counter of an eIM at an eUICC may take (SGP.32 EuiccPackageSigned.counterValue). */
export const LAST_COUNTER = 0x7fffff;

/** What a card is told as its counter when this eIM is added to it: the first package carries a greater value. */
export const INITIAL_COUNTER = 1;

/** The tenant of every row until tenants are told apart. */
export const DEFAULT_TENANT = "default";

/**
 * How this device's IPA and eUICC speak: the version of SGP.32 on the wire, and whether certificates and keys inside
 * CHOICE arms are nested (a full SEQUENCE below the arm) instead of the strict form, in which the arm replaces the tag.
 */
export interface Dialect {
	readonly version: "1.0" | "1.2";
	readonly nestedCertificateArms: boolean;
}

export const STRICT_DIALECT: Dialect = { version: "1.2", nestedCertificateArms: false };

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
	readonly lastPollAt?: number;
	/** Three octets of the last RPLMN that the IPA reported, as hex. */
	readonly lastRplmn?: string;
	/** The cause of the last profile state change that this eIM did not order (SGP.32 StateChangeCause). */
	readonly lastStateChangeCause?: number;
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
		| "euiccCertificate"
		| "eumCertificate"
		| "euiccInfo1"
		| "euiccInfo2"
		| "ipaCapabilities"
		| "deviceInfo"
		| "rulesAuthorisationTable"
		| "defaultSmdpAddress"
		| "rootSmdsAddress"
		| "lastPollAt"
		| "lastRplmn"
		| "lastStateChangeCause"]?: NonNullable<Device[K]> | (undefined extends Device[K] ? null : never) | undefined;
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
		createdAt: given.at,
	};
}

/**
 * The device after a change.
 * @returns DomainError DEVICE_LAB_MODE_REQUIRED where unverified results would be accepted outside a named lab mode
 */
export function changeDevice(device: Device, change: DeviceChange): Device | DomainError {
	const changed: Record<string, unknown> = { ...device };
	for (const [key, value] of Object.entries(change)) {
		if (value === null) delete changed[key];
		else if (value !== undefined) changed[key] = value;
	}
	const next = changed as unknown as Device;
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

/** The counter value for the next package; DomainError DEVICE_COUNTER_EXHAUSTED when the eUICC would take no greater one. */
export function nextCounter(device: Device): number | DomainError {
	if (device.counter < LAST_COUNTER) return device.counter + 1;
	return new DomainError("DEVICE_COUNTER_EXHAUSTED", `counter of eUICC ${device.eid} stands at ${device.counter}`, {
		context: { eid: device.eid, counter: device.counter },
	});
}
