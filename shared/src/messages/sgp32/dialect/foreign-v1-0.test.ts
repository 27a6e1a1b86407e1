import { describe, expect, it } from "vitest";
import { messageVectors } from "../../../../../test/support/vectors.ts";
import { decode } from "../../../asn1/schema.ts";
import { toHex } from "../../../util/bytes.ts";
import { decodeLenient } from "../deviations.ts";
import { GetEimPackageResponse } from "../esipa-package.ts";
import { encodeIn } from "./encode-in.ts";

const captured = (origin: string) => messageVectors().filter((vector) => vector.origin === origin);

describe("programs of version 1.0 that others wrote", () => {
	const sent = captured("onomondo-ipa").filter(({ name }) => !/AddInitialEim|BoundProfilePackage,/.test(name));
	const results = sent.filter(({ name }) => name.includes("ProvideEimPackageResult, result"));
	it.each(sent.filter((vector) => !results.includes(vector)))(
		"$name: is read, and written in version 1.0 octet by octet as it was",
		({ schema, bytes }) => {
			const { value } = decodeLenient(schema, bytes);
			expect(toHex(encodeIn({ version: "1.0" }, schema, value))).toBe(toHex(bytes));
		},
	);

	it.each(results)("$name: the result once more where notifications stand is none of them", ({ schema, bytes }) => {
		const { value, versions } = decodeLenient(schema, bytes);
		expect(versions).toEqual(["1.0"]);
		expect(value).toMatchObject({ eimPackageResult: { ePRAndNotifications: { notificationList: [] } } });
	});

	const answered = captured("onomondo-eim");
	it.each(answered)("$name: is read", ({ schema, bytes, deviates, isHabit }) => {
		const { value, deviations } = decodeLenient(schema, bytes);
		expect(deviations.length > 0).toBe(deviates || isHabit);
		if (deviations.length === 0) expect(value).toEqual(decode(schema, bytes));
	});

	it("a signature in its JSON envelope is the signature", () => {
		const found = answered.find(({ name }) => name.includes("CI key in their JSON envelopes"));
		const { value } = decodeLenient(found?.schema ?? GetEimPackageResponse, found?.bytes ?? new Uint8Array());
		expect(value).toMatchObject({
			initiateAuthenticationOkEsipa: { serverSignature1: { length: 64 }, euiccCiPKIdentifierToBeUsed: { length: 20 } },
		});
	});

	it("a request for data by the names of version 1.0 is written back as it came", () => {
		const found = answered.find(({ name }) => name.includes("tag list in the names of version 1.0"));
		if (found === undefined) throw new Error("the vector is missing");
		const { value, versions } = decodeLenient(GetEimPackageResponse, found.bytes);
		expect(versions).toEqual(["1.0"]);
		expect(toHex(encodeIn({ version: "1.0" }, GetEimPackageResponse, value))).toBe(toHex(found.bytes));
	});
});
