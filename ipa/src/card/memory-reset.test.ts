import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { decodeMemoryReset, memoryResetRequest } from "./memory-reset.ts";

describe("eUICCMemoryReset", () => {
	const operationalAndEims = { operationalProfiles: true, eimConfiguration: true };

	it("has its bits where the card's version has them: the same bit deletes other things", () => {
		expect(toHex(memoryResetRequest(operationalAndEims, "1.1"))).toBe("BF640482020284");
		expect(toHex(memoryResetRequest(operationalAndEims, "1.0"))).toBe("BF340482020490");
		expect(toHex(memoryResetRequest({ operationalProfiles: true }, "sgp22"))).toBe("BF340482020780");
	});

	it("refuses what a version cannot delete, rather than to delete something else", () => {
		expect(() => memoryResetRequest({ provisioningProfiles: true }, "1.0")).toThrow(/SGP.32 v1.0 cannot reset/);
		expect(() => memoryResetRequest({ eimConfiguration: true }, "sgp22")).toThrow(/SGP.22 cannot reset/);
	});

	it.each([
		["BF64 in v1.1 and later", hex`BF6406 800101 810100`],
		["BF34 in v1.0, with a universal first member", hex`BF3406 020101 810100`],
	])("reads %s", (_what, answer) => {
		expect(decodeMemoryReset(answer)).toEqual({
			resetResult: 1,
			resetEimResult: 0,
			resetImmediateEnableConfigResult: undefined,
		});
	});
});
