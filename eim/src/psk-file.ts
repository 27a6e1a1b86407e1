import { Eid } from "@iot-esim/shared/ids/eid";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { fromHex } from "@iot-esim/shared/util/bytes";
import { eidInName } from "./bindings/lwm2m/endpoint-identity.ts";
import type { EimConfig } from "./config.ts";
import { EimError } from "./errors.ts";
import { WatchedFile } from "./watched-file.ts";

/** A pre-shared key and the identity that it is shown with. */
export interface DeviceKey {
	readonly identity: string;
	readonly key: Uint8Array;
}

interface Keys {
	readonly byIdentity: ReadonlyMap<string, Uint8Array>;
	/** By the EIDs that identities say. */
	readonly ofDevices: ReadonlyMap<string, DeviceKey>;
}

/**
 * Pre-shared keys of devices, by identity: a file of lines `identity:key`, the key of 4 to 256 octets in hex; empty lines
 * and lines that begin with # are left out. A changed file is read again when a device comes.
 */
export class PskFile {
	readonly #keys: WatchedFile<Keys>;

	/** @throws EimError EIM_FILE_UNREADABLE, EIM_KEYS_INVALID */
	constructor(file: string, log: Logger) {
		const parse = (text: string) => {
			const byIdentity = keysIn(file, text);
			warnOfSeveral(byIdentity, log);
			return { byIdentity, ofDevices: byEid(byIdentity) };
		};
		this.#keys = new WatchedFile({ setting: "coap.pskFile", file, parse, what: "keys of devices", log });
	}

	/** The key of an identity; undefined for one that has none. */
	keyOf(identity: string): Uint8Array | undefined {
		return this.#keys.current().byIdentity.get(identity);
	}

	/** The key of a device, under whichever identity that says its EID; undefined where it has none. */
	keyOfDevice(eid: Eid): DeviceKey | undefined {
		return this.#keys.current().ofDevices.get(eid);
	}
}

/** Who is meant to speak for several devices is one of them alone where its identity says that EID. */
function warnOfSeveral(keys: ReadonlyMap<string, Uint8Array>, log: Logger): void {
	const identities = new Map<Eid, string[]>();
	for (const identity of keys.keys()) {
		const eid = eidInName(identity);
		if (eid !== undefined) identities.set(eid, [...(identities.get(eid) ?? []), identity]);
	}
	const several = [...identities].filter(([, names]) => names.length > 1);
	const [first] = several;
	if (first === undefined) return;
	const facts = { devices: several.length, eid: first[0], identities: first[1] };
	log.warn("several identities of coap.pskFile say one EID, and each may speak for that device alone", facts);
}

function keysIn(file: string, text: string): ReadonlyMap<string, Uint8Array> {
	const keys = new Map<string, Uint8Array>();
	for (const [index, line] of text.split("\n").entries()) {
		if (/^\s*(#|$)/.test(line)) continue;
		const [, identity, key] = /^\s*(\S+?)\s*:\s*((?:[0-9A-Fa-f]{2}){4,256})\s*$/.exec(line) ?? [];
		if (identity === undefined || key === undefined) {
			const message = `coap.pskFile ${file}, line ${index + 1}: not an identity, a colon and a key in hex`;
			throw new EimError("EIM_KEYS_INVALID", message);
		}
		if (/^urn(:|$)/i.test(identity) && eidInName(identity) === undefined && Eid.is(key)) {
			const message = `coap.pskFile ${file}, line ${index + 1}: no key, but an EID after ${identity}: write ${identity}:EID:key`;
			throw new EimError("EIM_KEYS_INVALID", message);
		}
		keys.set(identity, fromHex(key));
	}
	return keys;
}

/**
 * The keys of the settings, undefined without any; one reader for whoever needs keys, so that what is wrong with the file
 * is said once.
 * @throws EimError EIM_FILE_UNREADABLE, EIM_KEYS_INVALID
 */
export function pskFileOf(config: EimConfig, log: Logger): PskFile | undefined {
	const file = config["coap.pskFile"];
	return file === undefined ? undefined : new PskFile(file, log);
}

/** Of several identities of a device the bare EID, else the last one. */
function byEid(keys: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, DeviceKey> {
	const ofDevices = new Map<string, DeviceKey>();
	for (const [identity, key] of keys) {
		const eid = eidInName(identity);
		if (eid !== undefined && ofDevices.get(eid)?.identity !== eid) ofDevices.set(eid, { identity, key });
	}
	return ofDevices;
}
