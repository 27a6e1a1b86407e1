import { readFileSync } from "node:fs";
import { readConfig } from "@iot-esim/shared/runtime/config";
import { fromHex, utf8 } from "@iot-esim/shared/util/bytes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eimConfig } from "../../config.ts";
import { readCbor } from "./cbor.ts";
import { octetsOfResource, RESOURCE } from "./esipa-object.ts";
import { readObjectLinks } from "./link-format.ts";
import { readRegistration } from "./registration-request.ts";
import { octetsInSenml } from "./senml.ts";
import { resourceInTlv } from "./tlv.ts";

describe("what a device registers", () => {
	it("is read as LwM2M's own examples write it, with and without a root", () => {
		const plain = `</1/0>,</1/1>,</2/0>,</3303>;ver=1.1,</5>`;
		expect(readObjectLinks(plain)).toEqual({
			root: [],
			links: [
				{ objectId: 1, instanceId: 0 },
				{ objectId: 1, instanceId: 1 },
				{ objectId: 2, instanceId: 0 },
				{ objectId: 3303 },
				{ objectId: 5 },
			],
		});
		const rooted = readObjectLinks(`</lwm2m>;rt="oma.lwm2m";ct="112,60";hb, </lwm2m/32032/1>`);
		expect(rooted).toEqual({ root: ["lwm2m"], links: [{ objectId: 32_032, instanceId: 1 }] });
		expect(readObjectLinks("")).toEqual({ root: [], links: [] });
	});

	it.each(["32032/0", "</1/0", "</1/0> </2/0>", `</1/0>;rt="open`])("is refused as %j", (text) => {
		expect(readObjectLinks(text)).toBeUndefined();
	});

	it("has a lifetime, a binding of either version, and a name within bounds", () => {
		const none = new Uint8Array(0);
		const asked = readRegistration(["ep=urn:imei:004999010640000", "lt=86400", "lwm2m=1.0", "b=UQ"], none);
		expect(asked).toEqual({
			endpoint: "urn:imei:004999010640000",
			lifetime: 86_400_000,
			version: "1.0",
			usesQueueMode: true,
		});
		expect(readRegistration(["b=U", "Q"], none)).toEqual({ usesQueueMode: true });
		expect(readRegistration(["b=U"], none)).toEqual({ usesQueueMode: false });
		for (const wrong of ["ep=", `ep=${"x".repeat(191)}`, "ep=a\nb", "lt=soon", "lt=0", "b=everything"]) {
			expect(readRegistration([wrong], none)).toEqual(expect.any(String));
		}
		expect(readRegistration([], utf8("no links"))).toEqual(expect.any(String));
	});
});

it("the object's definition in OMA's form has the resources that are used here", () => {
	const definition = readFileSync(new URL("../../../../examples/lwm2m/esipa.xml", import.meta.url), "utf8");
	const found = (element: RegExp) => [...definition.matchAll(element)].map(([, text]) => text);
	expect(found(/<Item ID="(\d+)">/g).map(Number)).toEqual(Object.values(RESOURCE));
	expect(found(/<Operations>(\w*)</g)).toEqual(["W", "R", "E", "R"]);
	expect(found(/<ObjectID>(\d+)</g)).toEqual([String(readConfig(eimConfig, {})["lwm2m.objectId"])]);
});

describe("the value of a resource", () => {
	const resource = { objectId: 32_032, instanceId: 0, resourceId: 1 };
	const value = fromHex("BF4F0102");

	it("is taken from octets, TLV, and SenML in CBOR and JSON", () => {
		const forms: [number | undefined, Uint8Array][] = [
			[undefined, value],
			[42, value],
			// Resource 1, four octets; the same within object instance 0.
			[11_542, fromHex("C401BF4F0102")],
			[1542, fromHex("0600C401BF4F0102")],
			// [{-2: "/32032/0/", 0: "1", 8: h'BF4F0102'}]
			[112, fromHex("81A321692F33323033322F302F0061310844BF4F0102")],
			[110, utf8(`[{"bn":"/32032/0/","n":"0","vs":"x"},{"n":"1","vd":"v08BAg"}]`)],
		];
		for (const [format, octets] of forms) expect(octetsOfResource(octets, format, resource)).toEqual(value);
		expect(octetsOfResource(value, 0, resource)).toBeUndefined();
		expect(octetsOfResource(fromHex("C402BF4F0102"), 11_542, resource)).toBeUndefined();
	});

	it("is found in the TLV that LwM2M prints for a whole Device object (Core section 7.4.3.1)", () => {
		const printed = `C800144F70656E204D6F62696C6520416C6C69616E6365C801164C69676874776569676874204D324D20436C69656E74
			C80209333435303030313233C303312E30860641000141010588070842000ED842011388870841007D42010384C10964C10A0F83
			0B410000C40D5182428FC60E2B30323A3030C11055`.replace(/\s/g, "");
		expect(resourceInTlv(fromHex(printed), 2)).toEqual(utf8("345000123"));
		expect(resourceInTlv(fromHex(printed), 16)).toEqual(utf8("U"));
		expect(resourceInTlv(fromHex(printed), 99)).toBeUndefined();
	});

	it("is found in SenML: base names stay in force, other values are passed over", () => {
		// One record in CBOR with a base name, base time, unit and a number, written by hand.
		const printed =
			`81A721781B75726E3A6465763A6F773A3130653230373361303130383030363A22FB41D303A15B00106223614120050067766F
			6C7461676501615602FB405E066666666666`.replace(/\s/g, "");
		expect(octetsInSenml(fromHex(printed), "cbor")).toEqual([]);
		const json = `[{"bn":"/32032/","n":"0/3","vs":"8904"},{"n":"0/1","vd":"vwE"}]`;
		expect(octetsInSenml(utf8(json), "json")).toEqual([{ name: "/32032/0/1", octets: fromHex("BF01") }]);
	});

	it("is nothing in what is cut off, nested without end, or made of whatever octets", () => {
		expect(readCbor(fromHex("81".repeat(40)))).toBeUndefined();
		expect(readCbor(fromHex("5B7FFFFFFFFFFFFFFF00"))).toBeUndefined();
		expect(readCbor(fromHex("9BFFFFFFFFFFFFFFFF"))).toBeUndefined();
		for (const text of ["", "{}", "[1]", "[null]", `[{"n":1,"vd":2}]`]) {
			expect(octetsInSenml(utf8(text), "json") ?? []).toEqual([]);
		}
		const octets = fc.uint8Array({ maxLength: 60 });
		fc.assert(
			fc.property(octets, fc.constantFrom(42, 110, 112, 1542, 11_542), (given, format) => {
				const found = octetsOfResource(given, format, resource);
				return found === undefined || found.length <= given.length;
			}),
			{ numRuns: 2000 },
		);
	});
});
