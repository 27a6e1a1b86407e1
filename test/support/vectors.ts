import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Schema } from "@iot-esim/shared/asn1/schema";
import { readTlvs, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { inventory } from "@iot-esim/shared/messages/inventory";
import { fromHex } from "@iot-esim/shared/util/bytes";

const VECTORS = new URL("../vectors/", import.meta.url);
const SHARED_DATA = new URL("../../../shared/data/", import.meta.url);

/** Octets that this project's encoder did not make, with the type that they are a value of. */
export interface MessageVector {
	readonly origin: string;
	readonly name: string;
	readonly schema: Schema<unknown>;
	readonly bytes: Uint8Array;
	/** True when the octets are known to differ from the module. */
	readonly deviates: boolean;
	/** True when the module reads the octets, but a peer means something else by them than the standard does. */
	readonly isHabit: boolean;
}

interface Entry {
	readonly module: string;
	readonly type: string;
	readonly name: string;
	readonly hex?: string;
	readonly file?: string;
	readonly deviates?: boolean;
	readonly isHabit?: boolean;
}

/** The schema of a type by its name in the module. */
export function schemaOf(module: string, type: string): Schema<unknown> {
	const entry = inventory.find((candidate) => candidate.module === module && candidate.name === type);
	if (!entry) throw new Error(`no schema for ${module}.${type}`);
	return entry.schema;
}

/** Everything in `test/vectors/<origin>/messages.json`. */
export function messageVectors(): MessageVector[] {
	return readdirSync(VECTORS)
		.filter((origin) => existsSync(new URL(`${origin}/messages.json`, VECTORS)))
		.flatMap((origin) => {
			const folder = new URL(`${origin}/`, VECTORS);
			const entries = JSON.parse(readFileSync(new URL("messages.json", folder), "utf8")) as Entry[];
			return entries.map((entry) => ({
				origin,
				name: `${origin}: ${entry.type}, ${entry.name}`,
				schema: schemaOf(entry.module, entry.type),
				bytes: entry.hex === undefined ? bytesOf(new URL(entry.file ?? "", folder)) : fromHex(entry.hex),
				deviates: entry.deviates === true,
				isHabit: entry.isHabit === true,
			}));
		});
}

function bytesOf(file: URL): Uint8Array {
	return new Uint8Array(readFileSync(file));
}

/** Elements of the GSMA TS.48 profiles in `../shared/data/upp`; empty, said aloud, when that folder is not there. */
export function profileVectors(): MessageVector[] {
	const folder = new URL("upp/", SHARED_DATA);
	if (!existsSync(folder)) {
		console.log(`no TS.48 profiles at ${fileURLToPath(folder)}: tests over them have nothing to do in this run`);
		return [];
	}
	const schema = schemaOf("PEDefinitions", "ProfileElement");
	return readdirSync(folder).flatMap((file) => {
		const bytes = bytesOf(new URL(file, folder));
		return readTlvs(bytes).map((tlv, i) => ({
			origin: "ts48",
			name: `${file}: element ${i}`,
			schema,
			bytes: tlvBytes(bytes, tlv).slice(),
			deviates: false,
			isHabit: false,
		}));
	});
}
