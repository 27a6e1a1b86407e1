import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inventory } from "../messages/inventory.ts";
import { EnableProfileRequest } from "../messages/sgp22/profile-management.ts";
import { EuiccPackageRequest, EuiccPackageSigned } from "../messages/sgp32/euicc-package.ts";
import { hex } from "../util/bytes.ts";
import { Asn1Error, decode, encode, keep, type Schema } from "./schema.ts";

function messageOf(run: () => unknown): string {
	try {
		run();
	} catch (error) {
		if (error instanceof Asn1Error) return error.message;
		throw error;
	}
	return "no error";
}

/** Encodes whatever a caller without types might pass. */
const encodeAny = (schema: Schema<unknown>, value: unknown) => encode(schema, value);

describe("encode", () => {
	it.each(inventory.map(({ module, name, schema }) => ({ type: `${module}.${name}`, schema })))(
		"$type: a value of another kind ends in a typed error",
		({ schema }) => {
			fc.assert(
				fc.property(fc.anything(), (value) => {
					const message = messageOf(() => decode(schema, encodeAny(schema, value)));
					expect(typeof message).toBe("string");
				}),
				{ numRuns: 40 },
			);
		},
	);

	it.each([
		[{ iccid: new Uint8Array(9) }, "profileIdentifier.iccid: 9 octets, 10 are allowed"],
		[{ iccid: "98001032547698103214" }, "profileIdentifier.iccid: string where octets are expected"],
		[{}, "profileIdentifier: one of isdpAid, iccid is expected, not object"],
		[
			{ iccid: new Uint8Array(10), isdpAid: new Uint8Array(5) },
			"profileIdentifier: one of isdpAid, iccid is expected, not iccid, isdpAid",
		],
		[{ eid: 1 }, "profileIdentifier: one of isdpAid, iccid is expected, not eid"],
		[null, "profileIdentifier: one of isdpAid, iccid is expected, not object"],
		[undefined, "profileIdentifier: is mandatory"],
	])("names the field that %j does not fit", (profileIdentifier, message) => {
		const value = { profileIdentifier, refreshFlag: true };
		expect(messageOf(() => encodeAny(EnableProfileRequest, value))).toBe(`EnableProfileRequest.${message}`);
	});

	it("names the element of a list", () => {
		const iccid = new Uint8Array(10);
		const psmoList = [{ enable: { iccid } }, { disable: { iccid: new Uint8Array(3) } }];
		const value = { eimId: "e", eidValue: new Uint8Array(16), counterValue: 1, euiccPackage: { psmoList } };
		expect(messageOf(() => encode(EuiccPackageSigned, value))).toBe(
			"EuiccPackageSigned.euiccPackage.psmoList[1].disable.iccid: 3 octets, 10 are allowed",
		);
	});

	it("refuses numbers that no INTEGER of ours can hold", () => {
		for (const counterValue of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
			const value = { eimId: "e", eidValue: new Uint8Array(16), counterValue, euiccPackage: { psmoList: [] } };
			expect(messageOf(() => encode(EuiccPackageSigned, value))).toMatch(/^EuiccPackageSigned\.counterValue: /);
		}
	});

	it("takes kept octets only where they are one value of the type", () => {
		const signed = keep(EuiccPackageSigned, {
			eimId: "e",
			eidValue: new Uint8Array(16),
			counterValue: 1,
			euiccPackage: { psmoList: [] },
		});
		const request = (der: Uint8Array) => ({ euiccPackageSigned: { ...signed, der }, eimSignature: new Uint8Array(64) });
		expect(messageOf(() => encode(EuiccPackageRequest, request(signed.der)))).toBe("no error");
		for (const der of [hex``, hex`0500`, hex`3000 00`, hex`3005 00`]) {
			expect(messageOf(() => encode(EuiccPackageRequest, request(der)))).toMatch(
				/^EuiccPackageRequest\.euiccPackageSigned: /,
			);
		}
	});
});
