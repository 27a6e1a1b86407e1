import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { readLaterFields, withLaterFields } from "@iot-esim/shared/messages/sgp32/dialect/later-fields";
import { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp32/profile-info";
import { fromHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { CardBench, testPki, tinyProfile } from "../testing/card-bench.ts";
import { metadataFor, TestSmdp } from "../testing/test-smdp.ts";

const ICCID = "89000000000000000011";

/** Metadata with the IoT object of version 1.3. */
function metadata(): StoreMetadataRequest {
	const plain = encode(StoreMetadataRequest, metadataFor(ICCID));
	return decode(StoreMetadataRequest, withLaterFields("StoreMetadataRequest", plain, { iotSpecificMetadata: {} }));
}

describe.each([
	["1.2", false],
	["1.3", true],
] as const)("a card of version %s", (iotVersion, isNew) => {
	it("lists the IoT object of a profile, when it is asked for, only from 1.3 on", async () => {
		const bench = await new CardBench({ card: { iotVersion } }).start();
		await new TestSmdp(testPki()).download(bench, { profile: tinyProfile(ICCID), metadata: metadata() });
		const iccid = "5A0A98000000000000000011";
		const expected = isNew ? `BF2D13A011E30F${iccid}BF6400` : `BF2D10A00EE30C${iccid}`;
		expect(await bench.ask("BF2D055C035ABF64")).toBe(expected);
		expect(await bench.ask("BF2D00")).not.toContain("BF64");
	});

	it("tells its minimum security level, and that there is no emergency profile, only from 1.3 on", async () => {
		const bench = await new CardBench({ card: { iotVersion } }).start();
		const { euiccMinimumSecurityLevel } = readLaterFields("EUICCInfo2", fromHex(await bench.ask("BF2200")));
		expect(euiccMinimumSecurityLevel !== undefined).toBe(isNew);
		expect(await bench.ask("BF5C03800100")).toBe(isNew ? "BF5C03800108" : "BF5C03800102");
	});
});
