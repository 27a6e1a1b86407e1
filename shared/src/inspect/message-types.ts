import { ChoiceSchema } from "../asn1/choice.ts";
import type { Schema } from "../asn1/schema.ts";
import { type InventoryEntry, inventory } from "../messages/inventory.ts";
import { readHeader } from "./lenient-tlv.ts";
import type { InspectNode } from "./node.ts";
import { readTree, type TreeOptions } from "./read-tree.ts";

/** Which way a message goes, when that is known from what it was found in. */
export type Direction = "request" | "response" | undefined;

/** A type that octets were read as. */
export interface TypeGuess {
	readonly entry: InventoryEntry;
	readonly node: InspectNode;
	readonly surplus: readonly InspectNode[];
	readonly misfit: number;
}

/** SGP.32 redefines some types of SGP.22 with more fields: its form is the likelier one in this world. */
const MODULES: readonly InventoryEntry["module"][] = ["SGP32Definitions", "RSPDefinitions", "PEDefinitions", "PKIX1"];

/** SEQUENCEs that are met on their own; of the others there are too many that look alike. */
const BARE: readonly string[] = [
	"Certificate",
	"CertificateList",
	"SubjectPublicKeyInfo",
	"ServerSigned1",
	"EuiccSigned1",
	"SmdpSigned2",
	"EUICCSigned2",
	"EuiccCancelSessionSigned",
	"EuiccPackageSigned",
	"EuiccPackageResultDataSigned",
	"EuiccPackageErrorDataSigned",
	"OtherSignedNotification",
	"EimConfigurationData",
	"EUICCResponse",
	"AlgoParameter",
];

/** Whole types; parts of others are reached through them. */
const NOT_ON_THEIR_OWN = /^(Es9|EuiccSignPIR$|Octet|UInt|BoundProfilePackage-|EsipaMessage|ProfileElement$|PE-)/;
const UNIVERSAL = 0x40;

/**
 * The type with this name: of SGP.32 where both have it, of SGP.22 as "sgp22:Name".
 * @returns undefined when there is none
 */
export function typeNamed(name: string): InventoryEntry | undefined {
	const [, prefix, bare = ""] = /^(?:(sgp22|sgp32|pe):)?(.*)$/i.exec(name) ?? [];
	const module = prefix && MODULE_OF[prefix.toLowerCase()];
	const found = inventory.filter((entry) => entry.name.toLowerCase() === bare.toLowerCase());
	return found
		.filter((entry) => module === undefined || entry.module === module)
		.sort((a, b) => MODULES.indexOf(a.module) - MODULES.indexOf(b.module))[0];
}

const MODULE_OF: Readonly<Record<string, InventoryEntry["module"]>> = {
	sgp22: "RSPDefinitions",
	sgp32: "SGP32Definitions",
	pe: "PEDefinitions",
};

/** Names of types that resemble this one, for a message. */
export function similarTypeNames(name: string, count = 5): readonly string[] {
	const wanted = name.toLowerCase();
	const names = [...new Set(inventory.map((entry) => entry.name))];
	const near = names.filter((one) => one.toLowerCase().includes(wanted) || wanted.includes(one.toLowerCase()));
	return near.sort((a, b) => Math.abs(a.length - name.length) - Math.abs(b.length - name.length)).slice(0, count);
}

/**
 * The types that octets may be of by their first tag, best fit first. The kind of a message cannot always be told from
 * its octets: requests and responses of a function have the same tag.
 */
export function guessTypes(
	bytes: Uint8Array,
	range: { readonly start: number; readonly end: number },
	options: TreeOptions,
	direction?: Direction,
): readonly TypeGuess[] {
	const header = readHeader(bytes, range.start, range.end);
	if ("error" in header) return [];
	let least = Number.POSITIVE_INFINITY;
	const read = (entry: InventoryEntry): TypeGuess => {
		const { node, surplus, misfit } = readTree(entry.schema, entry.name, bytes, range, options, least);
		const guess = { entry, node, surplus, misfit: misfit + against(entry.name, direction) };
		least = Math.min(least, guess.misfit);
		return guess;
	};
	const likely = candidates(header.tag).map(read).sort(byMisfit);
	if ((likely[0]?.misfit ?? POOR) < POOR) return likely;
	return [...likely, ...rarely(header.tag).map(read)].sort(byMisfit);
}

/** From here on types that seldom stand on their own are tried as well. */
const POOR = 4;

/** Array.prototype.sort keeps the order of equals: candidates stand in order of likelihood. */
function byMisfit(a: TypeGuess, b: TypeGuess): number {
	return a.misfit - b.misfit;
}

function against(name: string, direction: Direction): number {
	if (direction === undefined) return 0;
	const is = /Request/.test(name) ? "request" : /Response|Result/.test(name) ? "response" : undefined;
	return is === undefined || is === direction ? 0 : 1.5;
}

const likelyTypes = new Map<number, readonly InventoryEntry[]>();
const rareTypes = new Map<number, readonly InventoryEntry[]>();

function candidates(tag: number): readonly InventoryEntry[] {
	return kept(likelyTypes, tag, findCandidates);
}

function rarely(tag: number): readonly InventoryEntry[] {
	return kept(rareTypes, tag, findRare);
}

/** The inventory is long, and a trace asks often. */
function kept<T>(found: Map<number, T>, tag: number, find: (tag: number) => T): T {
	const known = found.get(tag) ?? find(tag);
	found.set(tag, known);
	return known;
}

function findCandidates(tag: number): readonly InventoryEntry[] {
	const isUniversal = tag < UNIVERSAL;
	return inventory
		.filter((entry) => {
			if (isUniversal) return BARE.includes(entry.name) && accepts(entry.schema, tag);
			return !NOT_ON_THEIR_OWN.test(entry.name) && accepts(entry.schema, tag);
		})
		.sort((a, b) => rank(a) - rank(b));
}

/** Types with a tag of their own say more than a CHOICE of them. */
function rank({ schema, module }: InventoryEntry): number {
	return (schema instanceof ChoiceSchema ? MODULES.length : 0) + MODULES.indexOf(module);
}

function findRare(tag: number): readonly InventoryEntry[] {
	const tried = new Set(candidates(tag));
	return inventory.filter((entry) => entry.schema.typeName !== "" && accepts(entry.schema, tag) && !tried.has(entry));
}

/** Open types accept everything and so say nothing. */
function accepts(schema: Schema<unknown>, tag: number): boolean {
	return schema.identifiers.length > 0 && schema.accepts(tag);
}
