import { type CborValue, readCbor } from "./cbor.ts";

/** Octets of one resource in a SenML pack. */
export interface SenmlOctets {
	/** As "/32032/0/1". */
	readonly name: string;
	readonly octets: Uint8Array;
}

/** Labels of RFC 8428, in CBOR (section 6) and in JSON (section 5). */
const CBOR = { baseName: -2, name: 0, octets: 8 } as const;
const BASE64URL = /^[A-Za-z0-9_-]*={0,2}$/;

/** The values of octets in a pack; undefined for what is no pack. Other values are passed over. */
export function octetsInSenml(pack: Uint8Array, form: "cbor" | "json"): SenmlOctets[] | undefined {
	const records = form === "cbor" ? cborRecords(pack) : jsonRecords(pack);
	if (records === undefined) return undefined;
	let base = "";
	const found: SenmlOctets[] = [];
	for (const { baseName, name = "", octets } of records) {
		base = baseName ?? base;
		if (octets !== undefined) found.push({ name: base + name, octets });
	}
	return found;
}

interface SenmlRecord {
	readonly baseName: string | undefined;
	readonly name: string | undefined;
	readonly octets: Uint8Array | undefined;
}

function cborRecords(pack: Uint8Array): SenmlRecord[] | undefined {
	const items = readCbor(pack);
	if (!isList(items)) return undefined;
	const records: SenmlRecord[] = [];
	for (const item of items) {
		if (item === null || typeof item !== "object" || !("pairs" in item)) return undefined;
		const value = (label: number) => item.pairs.find(([key]) => key === label)?.[1];
		const [baseName, name, octets] = [value(CBOR.baseName), value(CBOR.name), value(CBOR.octets)];
		records.push({
			baseName: typeof baseName === "string" ? baseName : undefined,
			name: typeof name === "string" ? name : undefined,
			octets: octets instanceof Uint8Array ? octets : undefined,
		});
	}
	return records;
}

function jsonRecords(pack: Uint8Array): SenmlRecord[] | undefined {
	let items: unknown;
	try {
		items = JSON.parse(new TextDecoder().decode(pack));
	} catch {
		return undefined;
	}
	if (!Array.isArray(items)) return undefined;
	const records: SenmlRecord[] = [];
	for (const item of items as readonly unknown[]) {
		if (item === null || typeof item !== "object") return undefined;
		const { bn, n, vd } = item as { readonly bn?: unknown; readonly n?: unknown; readonly vd?: unknown };
		records.push({
			baseName: typeof bn === "string" ? bn : undefined,
			name: typeof n === "string" ? n : undefined,
			octets: typeof vd === "string" && BASE64URL.test(vd) ? new Uint8Array(Buffer.from(vd, "base64url")) : undefined,
		});
	}
	return records;
}

function isList(value: CborValue | undefined): value is readonly CborValue[] {
	return Array.isArray(value);
}
