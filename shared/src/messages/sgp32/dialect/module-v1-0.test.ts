import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ModuleType, parseModule, type Scope } from "../../../../../test/support/asn1-module.ts";
import { octetsOf, violations } from "../../../../../test/support/module-octets.ts";
import { valuesOf } from "../../../../../test/support/schema-arbitrary.ts";
import { encode, type Schema } from "../../../asn1/schema.ts";
import { toHex } from "../../../util/bytes.ts";
import { inventory } from "../../inventory.ts";
import { decodeLenient } from "../deviations.ts";
import { encodeIn } from "./encode-in.ts";
import { differences, unsupportedIn } from "./table.ts";

const SPEC = fileURLToPath(new URL("../../../../../../shared/spec/", import.meta.url));
const hasModules = existsSync(`${SPEC}SGP32Definitions-v1.0.1.asn`);
if (!hasModules) console.log(`no ASN.1 module at ${SPEC}: version 1.0 is NOT held against its module in this run`);

/** Types that came under another name. */
const OLD_NAMES: Readonly<Record<string, string>> = {
	ImmediateEnableRequest: "EnableUsingDDRequest",
	ImmediateEnableResponse: "EnableUsingDDResponse",
	ConfigureImmediateProfileEnablingRequest: "ConfigureAutoProfileEnablingRequest",
	ConfigureImmediateProfileEnablingResponse: "ConfigureAutoProfileEnablingResponse",
	ConfigureImmediateEnableResult: "ConfigureAutoEnableResult",
};

/** Kept as they are wherever they stand: the card has signed them, or an SM-DP+ has. */
const KEPT = [
	...["EuiccPackageResult", "EuiccPackageResultDataSigned", "EuiccPackageErrorDataSigned", "EuiccPackageSigned"],
	...["EuiccPackageRequest", "PendingNotification", "ProfileInstallationResult", "ProfileInstallationResultData"],
	...["EUICCInfo2", "EUICCInfo1", "StoreMetadataRequest", "BoundProfilePackage", "NotificationMetadata"],
	...["AuthenticateServerResponse", "PrepareDownloadResponse", "CancelSessionResponse", "EuiccSigned1"],
];

/** Where version 1.2 has types of its own, which only name what the profile or the card is. */
const OTHER_CONTENTS = ["EUICCInfo2", "EuiccSigned1", "AuthenticateClientRequest"];

/** Whether a command or a result stands in the value that version 1.0 has no word for. */
function isLacking(value: unknown): boolean {
	if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false;
	return Object.entries(value).some(
		([name, inner]) => unsupportedIn("1.0", name.replace(/Result$/, "")) !== undefined || isLacking(inner),
	);
}

/** An error response of one octet, which is none, would be read as the reason of a later version. */
function hasTinyResponse(value: unknown): boolean {
	if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false;
	return Object.entries(value).some(([name, inner]) =>
		name === "errorResponse" ? inner?.length === 1 : hasTinyResponse(inner),
	);
}

function load(): { readonly types: ReadonlyMap<string, ModuleType>; readonly scope: Scope } {
	const read = (file: string) => parseModule(readFileSync(SPEC + file, "utf8"));
	const [own, rsp, pe] = [read("SGP32Definitions-v1.0.1.asn"), read("RSPDefinitions.asn"), read("PEDefinitions.asn")];
	const types = new Map([...own.types].map(([name, type]) => [name.replace(/^SGP32-/, ""), type]));
	const capability = pe.types.get("UICCCapability");
	const scope: Scope = (name) => own.types.get(name) ?? (name === "UICCCapability" ? capability : rsp.types.get(name));
	return { types, scope };
}

describe.skipIf(!hasModules)("version 1.0.1, held against its module", () => {
	const { types, scope } = hasModules
		? load()
		: { types: new Map<string, ModuleType>(), scope: (() => undefined) as Scope };
	const shared = inventory.flatMap(({ name, schema, module }) => {
		const type = types.get(OLD_NAMES[name] ?? name);
		const isCompared = module === "SGP32Definitions" && !OTHER_CONTENTS.includes(name);
		return type !== undefined && isCompared ? [{ name, schema: schema as Schema<unknown>, type }] : [];
	});

	it("compares the messages that both versions have", () => {
		expect(shared.length).toBeGreaterThan(80);
	});

	it.each(shared)("$name: what the module allows is read", ({ schema, type }) => {
		fc.assert(
			fc.property(octetsOf(type, scope), (octets) => {
				try {
					decodeLenient(schema, octets);
				} catch (error) {
					throw new Error(`${toHex(octets)}: ${String(error)}`);
				}
			}),
			{ numRuns: 30 },
		);
	});

	it.each(shared)("$name: what is written is read back", ({ schema }) => {
		const lossless = new Set(differences.flatMap(({ type, read, write }) => (read && write ? (type ?? []) : [])));
		fc.assert(
			fc.property(valuesOf(schema), (value) => {
				fc.pre(!isLacking(value) && !hasTinyResponse(value) && lossless.has(schema.typeName));
				const octets = encodeIn({ version: "1.0" }, schema, value);
				const again = encodeIn({ version: "1.0" }, schema, decodeLenient(schema, octets).value);
				expect(toHex(again), toHex(encode(schema, value))).toBe(toHex(octets));
			}),
			{ numRuns: lossless.has(schema.typeName) ? 30 : 0 },
		);
	});

	it.each(shared)("$name: what is written is what the module allows", ({ name, schema, type }) => {
		fc.assert(
			fc.property(valuesOf(schema), (value) => {
				fc.pre(!isLacking(value));
				const octets = encodeIn({ version: "1.0" }, schema, value);
				expect(violations(octets, type, scope, KEPT, name), toHex(octets)).toEqual([]);
			}),
			{ numRuns: 30 },
		);
	});
});
