import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { identifiersOf, type Module, parseModule, type Scope } from "../../../test/support/asn1-module.ts";
import { differences } from "../../../test/support/schema-against-module.ts";
import { type InventoryEntry, inventory, notNeeded } from "./inventory.ts";

const SPEC = fileURLToPath(new URL("../../../../shared/spec/", import.meta.url));
const FILES = {
	RSPDefinitions: "RSPDefinitions.asn",
	SGP32Definitions: "SGP32Definitions-v1.2.asn",
	PEDefinitions: "PEDefinitions.asn",
} as const;

const hasModules = Object.values(FILES).every((file) => existsSync(SPEC + file));
if (!hasModules) console.log(`the ASN.1 modules are not at ${SPEC}: the schemas are NOT held against them in this run`);

function load(): Record<keyof typeof FILES, Module> {
	const read = (file: string) => parseModule(readFileSync(SPEC + file, "utf8"));
	return {
		RSPDefinitions: read(FILES.RSPDefinitions),
		SGP32Definitions: read(FILES.SGP32Definitions),
		PEDefinitions: read(FILES.PEDefinitions),
	};
}

/** Own definitions first, then imports, as the IMPORTS clauses of the modules have it. */
function scopeOf(own: Module, modules: Record<string, Module>): Scope {
	const rsp = modules.RSPDefinitions?.types;
	const capability = modules.PEDefinitions?.types.get("UICCCapability");
	return (name) => own.types.get(name) ?? (name === "UICCCapability" ? capability : rsp?.get(name));
}

const bareName = (name: string) => name.replace(/^SGP32-/, "");
const entriesOf = (module: string): InventoryEntry[] => inventory.filter((entry) => entry.module === module);

describe.skipIf(!hasModules)(`schemas against the modules in ${hasModules ? SPEC : "../shared/spec (absent)"}`, () => {
	const modules = hasModules ? load() : ({} as Record<keyof typeof FILES, Module>);

	it("reads all definitions of the three modules", () => {
		expect(Object.values(modules).map((module) => module.types.size)).toEqual([139, 126, 60]);
	});

	for (const module of ["RSPDefinitions", "SGP32Definitions", "PEDefinitions"] as const) {
		it(`has every type of ${module}, and no other`, () => {
			const wanted = [...(modules[module]?.types.keys() ?? [])].map(bareName).filter((name) => !(name in notNeeded));
			expect(
				entriesOf(module)
					.map((entry) => entry.name)
					.sort(),
			).toEqual(wanted.sort());
		});

		it(`has the fields, tags, bounds, names and defaults of ${module}`, () => {
			const own = modules[module];
			const scope = scopeOf(own, modules);
			const found: string[] = [];
			for (const [name, type] of own.types) {
				const entry = entriesOf(module).find((candidate) => candidate.name === bareName(name));
				if (entry) found.push(...differences(entry.schema, type, scope, name));
			}
			expect(found).toEqual([]);
		});
	}
});

describe("the module reader", () => {
	const text = `M {1} DEFINITIONS AUTOMATIC TAGS EXTENSIBILITY IMPLIED ::= BEGIN
		A ::= [81] CHOICE { x INTEGER, y B } -- a comment
		B ::= SEQUENCE { one [APPLICATION 26] OCTET STRING (SIZE(10)), two NULL OPTIONAL }
		C ::= SEQUENCE { b [1] A, c CHOICE { p BOOLEAN, q B } }
		D ::= SEQUENCE { a BOOLEAN, b CHOICE { p BOOLEAN, q B } OPTIONAL }
	END`;
	const module = parseModule(text);
	const scope: Scope = (name) => module.types.get(name);
	const tags = (type: string, field: number) => {
		const fields = module.types.get(type)?.fields ?? [];
		const automatic = fields.some((f) => f.type.tag) ? undefined : field;
		return identifiersOf(fields[field]?.type ?? { kind: "NULL" }, scope, automatic);
	};

	it("computes tags as X.680 does: implicit, explicit over CHOICE, automatic only where no tag is written", () => {
		expect(identifiersOf(module.types.get("A") ?? { kind: "NULL" }, scope)).toEqual([0xbf51]);
		expect([tags("A", 0), tags("A", 1)]).toEqual([[0x80], [0xa1]]);
		expect([tags("B", 0), tags("B", 1)]).toEqual([[0x5a], [0x05]]);
		expect([tags("C", 0), tags("C", 1)]).toEqual([[0xa1], [0x80, 0xa1]]);
		expect([tags("D", 0), tags("D", 1)]).toEqual([[0x80], [0xa1]]);
	});

	it("tells a schema with another tag, field, bound or presence from the module's type", () => {
		const iccid = inventory.find((entry) => entry.module === "RSPDefinitions" && entry.name === "Iccid");
		const wrong = parseModule(text.replace("B ::= ", "Iccid ::= [APPLICATION 27] OCTET STRING (SIZE(11)) B ::= "));
		const type = wrong.types.get("Iccid");
		if (!iccid || !type) throw new Error("Iccid is missing");
		expect(differences(iccid.schema, type, (name) => wrong.types.get(name), "Iccid")).toEqual([
			"Iccid: tag 5A, the module has 5B",
			"Iccid: size [10,10], in the module [11,11]",
		]);
	});
});
