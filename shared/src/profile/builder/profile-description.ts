/** The short description of a profile, usually a YAML file, and what it says after all defaults are filled in. */

import { parse } from "yaml";
import { Iccid } from "../../ids/iccid.ts";
import type { SubscriberAlgorithm } from "../subscriber.ts";
import { type AuthenticationDescription, readAuthentication } from "./authentication-description.ts";
import { complaint, DescriptionReader, shown } from "./description-reader.ts";
import { alphaContents } from "./file-contents.ts";
import { type NetworkChoice, readNetwork, readPlmn } from "./network-description.ts";

export type ProfileClassName = "test" | "provisioning" | "operational";
export type NotificationEventName = "install" | "enable" | "disable" | "delete";
export type PolicyRuleName = "ppr1" | "ppr2";

export interface NotificationAddress {
	/** FQDN of the server that wants to know. */
	readonly address: string;
	readonly events: readonly NotificationEventName[];
}

export interface PinDescription {
	/** PIN 1 of the application, 4 to 8 digits. */
	readonly pin: string;
	/** True when PIN 1 must be given before the card can be used. */
	readonly isPinEnabled: boolean;
	readonly pin2: string;
	readonly puk: string;
	readonly puk2: string;
	/** ADM 1, 8 octets. */
	readonly adm: Uint8Array;
}

/** Keys of the operator's security domain for messages over the air (SCP80, key version 1), AES with 16 or 32 octets. */
export interface OtaKeys {
	readonly kic: Uint8Array;
	readonly kid: Uint8Array;
	readonly kik: Uint8Array;
}

export interface ProfileDescription {
	readonly iccid: Iccid;
	readonly imsi: string;
	/** Digits of the MNC inside the IMSI. */
	readonly mncLength: number;
	readonly profileName: string;
	readonly serviceProviderName: string;
	/** Service provider name as the 16 octets of EF.SPN. */
	readonly spn: Uint8Array;
	readonly profileClass: ProfileClassName;
	readonly algorithm: SubscriberAlgorithm;
	readonly authentication: AuthenticationDescription;
	readonly hplmn: readonly NetworkChoice[];
	readonly oplmn: readonly NetworkChoice[];
	readonly fplmn: readonly string[];
	readonly ehplmn: readonly string[];
	/** Access control classes, 0 to 9 and 11 to 15. */
	readonly accessClasses: readonly number[];
	readonly gid1?: Uint8Array;
	readonly gid2?: Uint8Array;
	readonly pins: PinDescription;
	/** Without them the profile cannot be managed over the air. */
	readonly otaKeys?: OtaKeys;
	readonly policyRules: readonly PolicyRuleName[];
	readonly notifications: readonly NotificationAddress[];
}

const CLASSES = ["test", "provisioning", "operational"] as const;
const EVENTS = ["install", "enable", "disable", "delete"] as const;
const RULES = ["ppr1", "ppr2"] as const;

/**
 * Reads a description from YAML text or from an object of the same form:
 *
 * ```yaml
 * iccid: "89882190000000000017"       # digits in quotes, or YAML makes numbers of them
 * imsi: "901700000000001"
 * algorithm: milenage                 # milenage (default), tuak, usim-test
 * ki: 465B5CE8B199B49FAA5F0A2EE238A6BC
 * opc: CD63CB71954A9F4E48A5994E37A02BAF   # or op; TOPc or TOP for tuak
 * resLength: 8                        # octets of RES; keccakIterations: 1 (tuak)
 * serviceProvider: Example Mobile     # in the metadata; spn: Example (EF.SPN)
 * profileName: Fleet Europe
 * class: operational                  # test, provisioning
 * hplmn: ["90170", {plmn: "00101", technologies: [e-utran-nb]}]   # also oplmn
 * fplmn: ["26202"]                    # also ehplmn
 * mncLength: 2
 * acc: [1]                            # access classes; gid1, gid2: hex
 * pin: "0000"                         # pinEnabled: false, pin2, puk, puk2, adm (8 octets hex)
 * otaKeys: {kic: ..., kid: ..., kik: ...}
 * policyRules: [ppr1, ppr2]
 * notifications: [smdp.example.com, {address: events.example.com, events: [enable]}]
 * ```
 *
 * @throws ProfileError PROFILE_DESCRIPTION_INVALID with the path of the entry
 */
export function readProfileDescription(source: unknown): ProfileDescription {
	const reader = new DescriptionReader(typeof source === "string" ? parseYaml(source) : source);
	const iccidDigits = reader.digits("iccid", 19, 20);
	const imsi = reader.digits("imsi", 6, 15);
	const hplmn = reader.list("hplmn", readNetwork);
	const mncLength = reader.integer("mncLength", 2, 3, (hplmn[0]?.plmn.length ?? 5) - 3);
	const home = { plmn: imsi.slice(0, 3 + mncLength) };
	const serviceProviderName = reader.optionalText("serviceProvider", 0, 32) ?? reader.optionalText("spn", 0, 16) ?? "";
	const gid1 = reader.optionalHex("gid1");
	const gid2 = reader.optionalHex("gid2");
	const otaKeys = readOtaKeys(reader);
	const description: ProfileDescription = {
		iccid: Iccid(iccidDigits),
		imsi,
		mncLength,
		serviceProviderName,
		profileName: reader.optionalText("profileName", 0, 64) ?? serviceProviderName,
		spn: readSpn(reader, serviceProviderName),
		profileClass: reader.oneOf("class", CLASSES, "operational"),
		...readAuthentication(reader),
		hplmn: hplmn.length > 0 ? hplmn : [{ ...home, technologies: ["gsm", "utran", "e-utran", "ng-ran"] }],
		oplmn: reader.list("oplmn", readNetwork),
		fplmn: reader.list("fplmn", readPlmn),
		ehplmn: reader.list("ehplmn", readPlmn),
		accessClasses: readAccessClasses(reader, imsi),
		pins: readPins(reader),
		policyRules: reader.list("policyRules", (value, path) => memberOf(RULES, value, path)),
		notifications: reader.list("notifications", readNotification),
		...(gid1 && { gid1 }),
		...(gid2 && { gid2 }),
		...(otaKeys && { otaKeys }),
	};
	reader.finish();
	return description;
}

function parseYaml(text: string): unknown {
	try {
		return parse(text);
	} catch (cause) {
		throw complaint("the description", `is no YAML: ${cause instanceof Error ? cause.message : String(cause)}`);
	}
}

const SPN_LENGTH = 16;

/** Without an entry: as much of the service provider's name as there is room for. */
function readSpn(reader: DescriptionReader, serviceProviderName: string): Uint8Array {
	const given = reader.optionalText("spn", 0, SPN_LENGTH);
	for (let text = given ?? serviceProviderName.slice(0, SPN_LENGTH); ; text = text.slice(0, -1)) {
		const contents = alphaContents(text, SPN_LENGTH);
		if (contents) return contents;
		if (given !== undefined)
			throw reader.fail("spn", "has characters outside of the GSM alphabet, so only 7 have room");
	}
}

/** Without an entry: the class that 3GPP TS 22.011 §4.2 assigns, the last digit of the IMSI. */
function readAccessClasses(reader: DescriptionReader, imsi: string): number[] {
	const given = reader.list("acc", (value, path) => {
		if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 15 || value === 10) {
			throw complaint(path, `must be an access class, 0 to 9 or 11 to 15, not ${shown(value)}`);
		}
		return value;
	});
	return given.length > 0 ? given : [Number(imsi.at(-1))];
}

function readPins(reader: DescriptionReader): PinDescription {
	return {
		pin: reader.optionalDigits("pin", 4, 8) ?? "0000",
		isPinEnabled: reader.flag("pinEnabled", false),
		pin2: reader.optionalDigits("pin2", 4, 8) ?? "0000",
		puk: reader.optionalDigits("puk", 8, 8) ?? "12345678",
		puk2: reader.optionalDigits("puk2", 8, 8) ?? "87654321",
		adm: reader.optionalHex("adm", 8) ?? new TextEncoder().encode("88888888"),
	};
}

function readOtaKeys(reader: DescriptionReader): OtaKeys | undefined {
	if (!reader.has("otaKeys")) return undefined;
	const keys = new DescriptionReader(reader.value("otaKeys"), reader.pathOf("otaKeys"));
	const read = { kic: keys.hex("kic", 16, 32), kid: keys.hex("kid", 16, 32), kik: keys.hex("kik", 16, 32) };
	keys.finish();
	return read;
}

function readNotification(value: unknown, path: string): NotificationAddress {
	if (typeof value === "string") return { address: value, events: EVENTS };
	const reader = new DescriptionReader(value, path);
	const address = reader.optionalText("address", 1, 255);
	if (address === undefined) throw reader.fail("address", "is missing");
	const events = reader.list("events", (event, at) => memberOf(EVENTS, event, at));
	reader.finish();
	return { address, events: events.length > 0 ? events : EVENTS };
}

function memberOf<const T extends string>(allowed: readonly T[], value: unknown, path: string): T {
	if (!allowed.includes(value as T)) throw complaint(path, `must be one of ${allowed.join(", ")}, not ${shown(value)}`);
	return value as T;
}
